// The capture loop of one camera: reads packets, stores them in the packet ring, and serves the demand for frames.
// Runs on the camera worker's thread from open to end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/av_log.h"
#include "base/interrupt.h"
#include "capture/capture_options.h"
#include "capture/demand_server.h"
#include "capture/rate_meter.h"
#include "frames/decoder.h"
#include "rings/packet_ring.h"

namespace chrys {

class Capture {
 public:
  Capture(const CaptureOptions& options, CaptureHost& host);

  // Blocks until the stream ends, fails, or the stop flag is raised.
  Failure Run();

 private:
  Failure RunUntilEnd();
  std::optional<Failure> Open();
  // Stores the packet. Fails when its picture exceeds max_pixels.
  std::optional<Failure> Store(AVPacket* packet);
  // Reads the packet's headers, and sets its keyframe flag by them. Fails when its picture exceeds max_pixels.
  std::optional<Failure> ReadHeaders(AVPacket* packet);
  void CountKeyframe();
  // Sets current_, except its sequence.
  void Describe(const AVPacket* packet);
  int64_t NextArrivalUs(int64_t now_us) const;
  void StoreAudio();
  bool IsNewStream(const ParameterReader::Answer& headers) const;
  // Whether the packet's headers may declare something new.
  bool NeedsReading(bool keyframe) const;
  bool IsExtradataReported() const;
  void ReportStream();
  void ReportLimit();
  void ReportLearned();
  void FlushLog();
  void CloseSource();

  const CaptureOptions options_;
  CaptureHost& host_;
  ControlBlock& control_;
  LogSink log_;
  Interrupt interrupt_;
  const std::unique_ptr<PacketSource> source_;
  PacketRingWriter packets_;
  std::optional<PacketRingWriter> audio_packets_;
  ParameterReader parameters_;
  RateMeter rate_;
  DemandServer frames_;

  PacketInfo current_;          // the packet that was stored last
  int32_t gop_index_ = -1;      // -1: no keyframe yet
  int64_t keyframe_count_ = 0;  // of this connection
  bool has_packets_ = false;
  bool limit_reported_ = false;
  bool audio_reported_ = false;
  std::vector<uint8_t> reported_extradata_;
  Learned reported_learned_;
};

}  // namespace chrys
