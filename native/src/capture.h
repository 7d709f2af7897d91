// The capture loop of one camera: read a packet, store it, decode what the control block demands, publish frames.
// Runs on the camera worker's thread from open to end; everything it says to the outside goes through CaptureHost.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "av_log.h"
#include "decoder.h"
#include "frame_message.h"
#include "frame_ring.h"
#include "interrupt.h"
#include "packet_ring.h"
#include "ring_layout.h"
#include "source.h"

namespace chrys {

struct CaptureOptions {
  SourceOptions source;
  int decoder_threads = 1;
  std::string device_id;
  ControlBlock* control = nullptr;
  PacketRingView packet_ring;
  int frame_slots = 0;
  size_t max_message_bytes = 0;
  int log_level = 0;  // AV_LOG_*
};

struct StreamFacts {
  const AVCodecParameters* parameters = nullptr;
  AVRational time_base{0, 1};
  double declared_fps = 0;
  int width = 0;
  int height = 0;
  int pixel_format = -1;
  int profile = FF_PROFILE_UNKNOWN;
};

// Called on the capture's thread, never from inside libav. May throw: the capture is torn down and the exception goes on.
class CaptureHost {
 public:
  virtual ~CaptureHost() = default;
  virtual void OnStream(const StreamFacts& facts) = 0;
  // Shared memory of that many bytes that outlives the capture; nullptr: there is none.
  virtual uint8_t* AllocateFrameRing(size_t bytes) = 0;
  virtual void OnFrame() = 0;
  virtual void OnPacket() = 0;
  virtual void OnLog(const LogLine& line) = 0;
};

class Capture {
 public:
  Capture(const CaptureOptions& options, CaptureHost& host);

  // Blocks until the stream ends, fails, or the stop flag is raised.
  Failure Run();

 private:
  Failure RunUntilEnd();
  void Store(AVPacket* packet);
  std::optional<Failure> Serve(const AVPacket* packet);
  std::optional<Failure> DecodeNext(const AVPacket* packet);
  std::optional<Failure> DecodeAlone(int64_t sequence);
  std::optional<Failure> CatchUp(bool drain);
  bool Feed(const AVPacket* packet, const PacketInfo& info);
  const AVFrame* TakeFrame();
  // `announce`: wake whoever waits for frames. Otherwise the frame is only there.
  std::optional<Failure> Publish(const AVFrame* frame, bool announce = true);
  std::optional<Failure> EnsureRing(size_t head_bytes, size_t data_bytes);
  void MeasureRate(const AVPacket* packet);
  void TellStream();
  void Announce();
  void FlushLog();

  const CaptureOptions options_;
  CaptureHost& host_;
  ControlBlock& control_;
  LogSink log_;
  Interrupt interrupt_;
  Source source_;
  PacketRingWriter packets_;
  Decoder decoder_;
  Converter converter_;
  ParameterReader parameters_;
  std::optional<FrameRingWriter> frames_;
  int32_t frame_ring_generation_ = 0;
  FrameShape shape_;

  PacketInfo current_;                 // the packet that was stored last
  int32_t gop_index_ = -1;             // -1: no keyframe seen yet
  int64_t keyframes_ = 0;              // since this connection
  int64_t gop_first_pts_ = INT64_MIN;  // pts of the last keyframe
  int64_t first_pts_ = INT64_MIN;
  int64_t packets_since_connect_ = 0;
  bool group_decoded_ = false;          // the decoder has had every packet of its group up to now
  int32_t served_mode_ = kDemandIdle;
  int64_t last_keyframe_published_ = 0;  // packet sequence
  int64_t last_pts_published_ = INT64_MIN;
  int keyframes_without_frame_ = 0;
};

}  // namespace chrys
