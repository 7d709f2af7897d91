// Decodes frames of a camera's history from segments and packet ring: one at a time, each a finished VideoFrame
// message.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/parameters.h"
#include "frames/decoder.h"
#include "frames/frame_message.h"
#include "frames/picture.h"
#include "history/history_job.h"
#include "history/history_packets.h"
#include "history/history_plan.h"
#include "rings/packet_ring.h"

namespace chrys {

// The stream of one connection, and the output format for its frames.
struct HistoryStream {
  std::string codec_name;
  std::vector<uint8_t> extradata;
  OutputFormat output_format;
  int width = 0;  // pixels; 0 = not known
  int height = 0;
};

struct HistoryOptions {
  PacketRingView packet_ring;  // without a base: no packets in memory
  std::vector<HistorySegment> segments;
  bool more_segments = false;                    // the caller has further ones
  const std::atomic<int32_t>* cancel = nullptr;  // not 0: end as soon as possible
  std::map<int32_t, HistoryStream> streams;      // by connection
  std::string device_id;
  HistoryRange range;
  bool withhold_corrupt = false;
  size_t max_message_bytes = 0;
  int64_t max_pixels = kDefaultMaxPixels;  // width times height; a larger frame ends the job
};

class History : public HistoryJob {
 public:
  explicit History(const HistoryOptions& options);

  Answer Next(uint8_t* target, size_t room) override;
  int64_t next_sequence() const override { return plan_.next_sequence(); }
  void Add(std::vector<HistorySegment> segments, bool more) override { packets_.Add(std::move(segments), more); }

 private:
  // Gives the decoder its next input. False: failure_ is set, more segments are needed, or nothing is left.
  bool Advance();
  // Plans the GOP after the current one. False: more segments are needed first.
  bool LookAhead();
  // `joins`: the GOP continues in the decoder without a restart. False: failure_ is set.
  bool BeginGop(const GopPlan& plan, bool joins);
  void FeedNext();
  // The decoder begins with the current GOP, so frames that refer to the previous one cannot be decoded.
  void DropLeading();
  // The answer when no frame is left to decode for now.
  Answer End(uint8_t* target, size_t room);
  std::optional<Error> OpenDecoder(int32_t connection);
  Answer TooLarge(PictureSize size, size_t bytes) const;
  FrameFacts FactsOf(const AVFrame* frame, const PacketInfo& info, int64_t frame_id) const;
  // Writes the frame's message into `target`.
  Answer Deliver(const AVFrame* frame, const PacketInfo& info, int64_t frame_id, uint8_t* target, size_t room);
  // Keeps the frame as the substitute if it is nearer to the requested time.
  void Consider(const AVFrame* frame, const PacketInfo& info, int64_t frame_id);

  const HistoryOptions options_;
  std::map<int32_t, HistoryStream> streams_;
  HistoryPackets packets_;
  HistoryPlan plan_;
  Decoder decoder_;
  ParameterReader parameters_;
  BorrowedPacket packet_;
  std::vector<uint8_t> payload_;
  PictureMaker maker_;
  FrameShape shape_;

  std::optional<int32_t> connection_;  // the decoder is open for it
  std::optional<GopPlan> ahead_;       // planned, not begun
  bool looked_ahead_ = false;
  bool needs_segments_ = false;
  bool drained_ = false;
  int64_t next_ = 0;          // the next packet for the decoder
  int64_t last_needed_ = -1;  // of the current GOP
  int64_t gop_first_ = -1;
  int64_t gop_end_ = -1;
  std::vector<int64_t> leading_;            // see GopPlan
  std::map<int64_t, int64_t> outstanding_;  // frame ids of the selected frames that were not decoded yet
  const AVFrame* pending_ = nullptr;        // decoded and not delivered
  // Replaces the nearest frame when that is damaged and withheld, or could not be decoded.
  struct Substitute {
    AvPtr<AVFrame> frame;
    PacketInfo info;
    int64_t frame_id = 0;
    bool certain = false;  // no later frame can be nearer
  };
  bool delivered_ = false;                // a frame was delivered
  std::optional<Substitute> substitute_;  // set while one is searched; without a frame until one is found
  bool gap_pending_ = false;              // frames before the next one were lost
  int64_t last_arrival_us_ = 0;           // of the last delivered frame, 0 = none yet
  std::string failure_;
};

}  // namespace chrys
