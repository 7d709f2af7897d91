// Frames of the past, decoded on demand from memory and disk: one at a time, each a finished VideoFrame message. Used
// by one thread, which it blocks only while it decodes.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codec/parameters.h"
#include "frames/decoder.h"
#include "frames/frame_message.h"
#include "frames/picture.h"
#include "history/history_job.h"
#include "history/history_packets.h"
#include "history/history_plan.h"
#include "rings/packet_ring.h"

namespace chrys {

// What the packets of one connection are, and how its frames shall look.
struct HistoryStream {
  std::string codec_name;
  std::vector<uint8_t> extradata;
  OutputFormat output_format;
  int width = 0;  // pixels; 0 = not known
  int height = 0;
};

struct HistoryOptions {
  PacketRingView packet_ring;  // without a base: nothing is in memory
  std::vector<HistorySegment> segments;
  bool more_segments = false;                    // the caller has further ones for whoever asks
  const std::atomic<int32_t>* cancel = nullptr;  // not 0: end as soon as possible
  std::map<int32_t, HistoryStream> streams;      // by connection
  std::string device_id;
  HistoryRange range;
  bool withhold_corrupt = false;
  size_t max_message_bytes = 0;
  int64_t max_pixels = kDefaultMaxPixels;  // width times height; frames with more are refused
};

class History : public HistoryJob {
 public:
  explicit History(const HistoryOptions& options);

  Answer Next(uint8_t* target, size_t room) override;
  int64_t wanted() const override { return plan_.wanted(); }
  void Add(std::vector<HistorySegment> segments, bool more) override { past_.Add(std::move(segments), more); }

 private:
  // Gives the decoder something more to do. False: it cannot, and failure_ says why, or more segments are wanted first,
  // or there is nothing more.
  bool Advance();
  // Plans the group after the one in progress. False: more segments are wanted first.
  bool LookAhead();
  bool BeginGroup(const GroupPlan& plan, bool joins);
  void FeedNext();
  // The decoder begins with the group in progress: what refers to the group before cannot be decoded.
  void GiveUpLeading();
  // The answer when nothing more can be done.
  Answer End(uint8_t* target, size_t room);
  bool OpenDecoder(int32_t connection);
  Answer TooLarge(PictureSize size, size_t bytes) const;
  Answer Deliver(const AVFrame* frame, const PacketInfo& info, int64_t frame_id, uint8_t* target, size_t room);
  // Keeps the nearest of the frames around the moment.
  void Consider(const AVFrame* frame, const PacketInfo& info, int64_t frame_id);

  const HistoryOptions options_;
  std::map<int32_t, HistoryStream> streams_;
  HistoryPackets past_;
  HistoryPlan plan_;
  Decoder decoder_;
  ParameterReader parameters_;
  BorrowedPacket packet_;
  std::vector<uint8_t> payload_;
  PictureMaker maker_;
  FrameShape shape_;

  std::optional<int32_t> connection_;  // that the decoder is open for
  std::optional<GroupPlan> ahead_;     // planned and not begun
  bool looked_ahead_ = false;
  bool wants_more_ = false;
  bool drained_ = false;
  int64_t next_ = 0;          // the next packet for the decoder
  int64_t last_needed_ = -1;  // of the group in progress
  int64_t group_first_ = -1;
  int64_t group_end_ = -1;
  std::vector<int64_t> leading_;            // see GroupPlan
  std::map<int64_t, int64_t> outstanding_;  // frame ids of the wanted frames that did not come out yet
  const AVFrame* pending_ = nullptr;        // came out and is not delivered
  // For the frame nearest to a moment, which is damaged and withheld or did not come out at all, one around it.
  struct Substitute {
    AvPtr<AVFrame> frame;
    PacketInfo info;
    int64_t frame_id = 0;
    bool certain = false;  // no later frame can be nearer
  };
  bool delivered_ = false;                // a frame, ever
  std::optional<Substitute> substitute_;  // while one is looked for; without a frame as long as there is none
  bool gap_pending_ = false;              // frames are lost before the next one
  int64_t last_arrival_us_ = 0;           // of the last one delivered, 0 = none yet
  std::string failure_;
};

}  // namespace chrys
