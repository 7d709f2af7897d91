// Pushes one camera's packets to an RTMP server as they are, in FLV. A slow server loses packets, and holds nobody
// back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/atomics.h"
#include "base/av_handles.h"
#include "base/av_log.h"
#include "base/clock.h"
#include "mp4/segment_file.h"
#include "relay/relay_clock.h"

namespace chrys {

struct RelayOptions {
  std::string url;  // rtmp or rtmps, with its credentials
  SegmentRings rings;
  SegmentStream stream;                          // of the first packet
  int64_t first_sequence = 0;                    // a keyframe
  const std::atomic<int32_t>* cancel = nullptr;  // anything but 0 ends every wait
  int64_t open_timeout_us = 0;
  int64_t stall_timeout_us = 0;  // longest time that the server may take nothing
  int64_t max_lag_us = 0;        // what is older is passed over, if there is a newer keyframe
};

// What one Send did.
struct RelayStep {
  // kIdle: all that there is was sent. kMore: there is more. kOtherConnection: the next packet is of another connection
  // of the camera than was allowed. kOtherParameters: from the next packet on, a keyframe, another header is needed.
  enum Kind { kIdle, kMore, kOtherConnection, kOtherParameters } kind = kIdle;
  int64_t next_sequence = 0;
  int64_t packets = 0;  // of video, taken by the connection
  int64_t bytes = 0;    // of all packets
  int64_t lost = 0;     // packets of video that were passed over
};

// Why it ended, as a sentence.
struct RelayFailure {
  std::string message;
  bool cancelled = false;
};

class Relay {
 public:
  explicit Relay(const RelayOptions& options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Blocks until the server takes the stream, at most for open_timeout_us.
  std::optional<RelayFailure> Open();
  // Sends what there is of that connection, some packets at most. Blocks while the server is slow, at most for
  // stall_timeout_us with each.
  std::optional<RelayFailure> Send(int32_t connection, RelayStep* step);
  // Says goodbye to a server that listens, within kGoodbyeUs.
  void Close();

 private:
  static constexpr int64_t kGoodbyeUs = 300'000;

  // As Interrupt, but its flag can be passed over for a goodbye.
  struct Patience {
    const std::atomic<int32_t>* cancel = nullptr;
    int64_t deadline_us = 0;
    bool over() const { return (cancel != nullptr && LoadRelaxed(*cancel) != 0) || MonotonicUs() >= deadline_us; }
  };

  AVIOInterruptCB callback();
  std::optional<RelayFailure> FindParameters();
  std::optional<RelayFailure> WriteHeader();
  bool PassOver(const PacketInfo* packet, RelayStep* step);
  bool NeedsOtherHeader(const PacketInfo& keyframe);
  int WriteVideo(const PacketInfo& packet, RelayStep* step);
  int WriteAudio(int64_t until_us, RelayStep* step);
  RelayFailure Failed(int av_error, const char* doing, int64_t timeout_us);

  const RelayOptions options_;
  LogSink log_{AV_LOG_ERROR};
  Patience patience_;
  std::unique_ptr<AVFormatContext, decltype(&avformat_free_context)> format_{nullptr, avformat_free_context};
  const AvPtr<AVCodecParameters> parameters_{avcodec_parameters_alloc()};
  const AvPtr<AVPacket> packet_{av_packet_alloc()};
  std::vector<uint8_t> parameter_sets_;
  std::vector<uint8_t> payload_;  // of the packet of video that is next
  std::vector<uint8_t> audio_payload_;
  std::unique_ptr<RelayClock> clock_;
  int64_t sequence_;
  int64_t audio_sequence_ = 0;
  int64_t last_audio_us_ = -1;
  // What is shown before the keyframe that it began with lacks the frames it refers to.
  int64_t leading_before_ = INT64_MIN;  // pts
  bool begins_ = true;                  // the next packet has to be a keyframe
  bool is_healthy_ = false;
};

}  // namespace chrys
