// The relay: sends one camera's packets to an RTMP server in FLV, without decoding. A slow server loses packets and
// blocks nobody.
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
#include "base/result.h"
#include "mp4/segment_file.h"
#include "relay/relay_clock.h"

namespace chrys {

struct RelayOptions {
  std::string url;  // rtmp or rtmps, with its credentials
  SegmentRings rings;
  SegmentStream stream;                          // the stream of the first packet
  int64_t first_sequence = 0;                    // a keyframe
  const std::atomic<int32_t>* cancel = nullptr;  // not 0: end every wait
  int64_t open_timeout_us = 0;
  int64_t stall_timeout_us = 0;  // maximum time in which the server accepts nothing
  int64_t max_lag_us = 0;        // older packets are skipped when there is a newer keyframe
};

// What one Send did.
struct RelayStep {
  // kIdle: everything was sent. kMore: there are more packets. kOtherConnection: the next packet belongs to another
  // connection of the camera. kOtherParameters: the next packet, a keyframe, needs another FLV header.
  enum Kind { kIdle, kMore, kOtherConnection, kOtherParameters } kind = kIdle;
  int64_t next_sequence = 0;
  int64_t packets = 0;  // video packets that were sent
  int64_t bytes = 0;    // of all packets that were sent
  int64_t lost = 0;     // video packets that were skipped
};

class Relay {
 public:
  explicit Relay(const RelayOptions& options);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Errors have error_number ECANCELED when `cancel` was set. Messages may contain the URL's credentials.

  // Blocks until the server accepts the stream, at most for open_timeout_us.
  std::optional<Error> Open();
  // Sends up to 100 packets of this connection. Blocks at most for stall_timeout_us per packet.
  Result<RelayStep> Send(int32_t connection);
  // Ends the stream in an orderly way, within kGoodbyeUs.
  void Close();

 private:
  static constexpr int64_t kGoodbyeUs = 300'000;

  // Like Interrupt, but Close can ignore the flag.
  struct Patience {
    const std::atomic<int32_t>* cancel = nullptr;
    int64_t deadline_us = 0;
    bool over() const { return (cancel != nullptr && LoadRelaxed(*cancel) != 0) || MonotonicUs() >= deadline_us; }
  };

  AVIOInterruptCB callback();
  std::optional<Error> FindParameters();
  std::optional<Error> WriteHeader();
  // Whether the relay continues at another packet than the next one. `packet`: nullptr: it was overwritten.
  bool Skip(const PacketInfo* packet, RelayStep* step);
  bool NeedsOtherHeader(const PacketInfo& keyframe);
  int WriteVideo(const PacketInfo& packet, RelayStep* step);
  // Writes the audio up to `until_us` of the relay's clock. libav's error, or 0.
  int WriteAudio(int64_t until_us, RelayStep* step);
  Error Failed(int av_error, const char* doing, int64_t timeout_us);

  const RelayOptions options_;
  LogSink log_{AV_LOG_ERROR};
  Patience patience_;
  std::unique_ptr<AVFormatContext, decltype(&avformat_free_context)> format_{nullptr, avformat_free_context};
  AvPtr<AVCodecParameters> parameters_;
  const AvPtr<AVPacket> packet_{av_packet_alloc()};
  std::vector<uint8_t> parameter_sets_;
  std::vector<uint8_t> payload_;  // of the next video packet
  std::vector<uint8_t> audio_payload_;
  std::unique_ptr<RelayClock> clock_;
  int64_t sequence_;
  int64_t audio_sequence_ = 0;
  int64_t last_audio_us_ = -1;
  // Frames shown before this pts refer to frames before the first keyframe, and are not sent.
  int64_t leading_before_ = INT64_MIN;
  bool begins_ = true;  // the next packet must be a keyframe
  bool is_healthy_ = false;
};

}  // namespace chrys
