// What a capture is told and what it reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/av_log.h"
#include "codec/parameters.h"
#include "rings/packet_ring.h"
#include "rings/ring_layout.h"
#include "rtsp/rtsp_source.h"
#include "source/file_source.h"
#include "source/learned.h"
#include "source/replay_source.h"

namespace chrys {

struct CaptureOptions {
  // Exactly one of the three sources is set.
  std::optional<rtsp::SourceOptions> rtsp;
  std::optional<FileOptions> file;
  std::optional<ReplayOptions> replay;
  int decoder_threads = 1;
  std::string device_id;
  ControlBlock* control = nullptr;
  PacketRingView packet_ring;
  PacketRingView audio_ring;  // without a base: audio is not stored
  int frame_slots = 0;
  size_t max_message_bytes = 0;
  int log_level = 0;                       // AV_LOG_*
  int wake_fd = -1;                        // an eventfd that is written to when the stop flag is raised
  int64_t teardown_us = 1'000'000;         // maximum time to end the session when the stop flag is 1
  int64_t max_pixels = kDefaultMaxPixels;  // width times height; a larger picture ends the capture
};

struct StreamFacts {
  int32_t connection = 0;
  const AVCodecParameters* parameters = nullptr;
  AVRational time_base{0, 1};
  double declared_fps = 0;
  int width = 0;
  int height = 0;
  int pixel_format = -1;
  int profile = FF_PROFILE_UNKNOWN;
  const AudioStream* audio = nullptr;
};

// Receives what a capture reports, on the capture's thread and never from inside libav. Its functions may throw: the
// capture then closes its source, and Run throws on.
class CaptureHost {
 public:
  virtual ~CaptureHost() = default;
  virtual void OnStream(const StreamFacts& facts) = 0;
  // Allocates shared memory that outlives the capture. nullptr: out of memory.
  virtual uint8_t* AllocateFrameRing(int output, size_t bytes) = 0;
  virtual void OnFrame() = 0;
  virtual void OnPacket() = 0;
  virtual void OnLog(const LogLine& line) = 0;
  virtual void OnLearned(const Learned& learned) = 0;
};

}  // namespace chrys
