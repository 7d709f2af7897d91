// The capture loop of one camera: read a packet, store it, decode what the control block demands, publish frames.
// Runs on the camera worker's thread from open to end; everything it says to the outside goes through CaptureHost.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/av_log.h"
#include "base/interrupt.h"
#include "capture/outputs.h"
#include "codec/parameters.h"
#include "frames/decoder.h"
#include "frames/frame_message.h"
#include "frames/interval_schedule.h"
#include "rings/packet_ring.h"
#include "rings/ring_layout.h"
#include "rtsp/rtsp_source.h"
#include "source/file_source.h"
#include "source/replay_source.h"

namespace chrys {

struct CaptureOptions {
  // Exactly one of these is there.
  std::optional<rtsp::SourceOptions> rtsp;
  std::optional<FileOptions> file;
  std::optional<ReplayOptions> replay;
  int decoder_threads = 1;
  std::string device_id;
  ControlBlock* control = nullptr;
  PacketRingView packet_ring;
  PacketRingView audio_ring;  // without a base: sound is not wanted
  int frame_slots = 0;
  size_t max_message_bytes = 0;
  int log_level = 0;                       // AV_LOG_*
  int wake_fd = -1;                        // an eventfd that is written to when the stop flag is raised
  int64_t teardown_us = 1'000'000;         // maximum time to end the session when the stop flag is 1
  int64_t max_pixels = kDefaultMaxPixels;  // width times height of a picture; more end the capture
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

// Called on the capture's thread, never from inside libav. May throw: the capture is torn down and the exception goes
// on.
class CaptureHost {
 public:
  virtual ~CaptureHost() = default;
  virtual void OnStream(const StreamFacts& facts) = 0;
  // Shared memory of that many bytes that outlives the capture; nullptr: there is none.
  virtual uint8_t* AllocateFrameRing(int output, size_t bytes) = 0;
  virtual void OnFrame() = 0;
  virtual void OnPacket() = 0;
  virtual void OnLog(const LogLine& line) = 0;
  virtual void OnLearned(const Learned& learned) = 0;
};

class Capture {
 public:
  Capture(const CaptureOptions& options, CaptureHost& host);

  // Blocks until the stream ends, fails, or the stop flag is raised.
  Failure Run();

 private:
  Failure RunUntilEnd();
  // Stores the packet, unless its picture is too large.
  std::optional<Failure> Store(AVPacket* packet);
  void StoreAudio();
  struct Demand {
    int32_t snapshot = 0;  // number of the newest one-shot request
    bool snapshot_wanted = false;
    bool all = false;
    bool by_interval = false;
  };
  Demand ReadDemand();
  std::optional<Failure> Serve(const AVPacket* packet);
  std::optional<Failure> ServeWhileIdle();
  std::optional<Failure> ServeSnapshot(const Demand& demand);
  std::optional<Failure> ServeInterval(const AVPacket* packet);
  std::optional<Failure> ServeKeyframe();
  // The keyframe of the group in progress, when an output wants it and has not had it; else 0.
  int64_t MissingKeyframe() const;
  std::optional<Failure> DecodeNext(const AVPacket* packet);
  std::optional<Failure> DecodeKeyframe(int64_t sequence);
  std::optional<Failure> CatchUp(bool drain);
  // A frame of an open group that refers to the group before, which the decoder has not had.
  bool LacksReference(const PacketInfo& packet) const;
  // Makes the decoder ready for a keyframe; what it still holds is forgotten.
  void RestartDecoder();
  // The same, for decoding so many packets as fast as this machine can.
  std::optional<Failure> RestartForCatchUp(int64_t packets);
  std::optional<Failure> LeaveGroup();
  bool Feed(const AVPacket* packet, const PacketInfo& info);
  const AVFrame* TakeFrame();
  std::optional<Failure> PublishReady();
  // kKeyframe: for those who want only keyframes, of a group that is in progress. kNewest: what catching up came to.
  enum class Purpose { kLive, kKeyframe, kNewest, kSnapshot };
  std::optional<Failure> Publish(const AVFrame* frame, Purpose purpose);
  int64_t NextArrivalUs() const;
  double SecondsOf(int64_t pts) const;
  void MeasureRate(const AVPacket* packet);
  bool IsNewStream(const ParameterReader::Answer& headers) const;
  // Whether the packet's own headers may say something new.
  bool NeedsReading(bool keyframe) const;
  bool IsExtradataTold() const;
  void ReportStream();
  void ReportLimit();
  void Announce();
  void FlushLog();
  void ReportLearned();
  void CloseSource();

  const CaptureOptions options_;
  CaptureHost& host_;
  ControlBlock& control_;
  LogSink log_;
  Interrupt interrupt_;
  const std::unique_ptr<PacketSource> source_;
  PacketRingWriter packets_;
  std::optional<PacketRingWriter> audio_packets_;
  Decoder live_;
  Decoder catch_up_;           // open only from a long catching up to the next keyframe
  Decoder* decoder_ = &live_;  // the one that decodes now
  ParameterReader parameters_;
  Outputs outputs_;
  IntervalSchedule schedule_;

  PacketInfo current_;                 // the packet that was stored last
  PacketInfo decoded_from_;            // the keyframe that the decoder began with
  int32_t gop_index_ = -1;             // -1: no keyframe seen yet
  int64_t keyframe_count_ = 0;         // since this connection
  int64_t gop_first_pts_ = INT64_MIN;  // pts of the last keyframe
  int64_t first_pts_ = INT64_MIN;
  int64_t packets_since_connect_ = 0;
  int64_t rate_packets_ = 0;       // packets of this connection that are shown
  bool group_hidden_ = false;      // the group in progress has hidden packets, which take no time
  bool snapshot_of_live_ = false;  // a snapshot is to be of the frame that is decoded anyway
  bool group_decoded_ = false;     // the decoder has had every packet of its group up to now
  bool limit_told_ = false;
  bool audio_told_ = false;
  std::vector<uint8_t> extradata_told_;
  Learned learned_told_;
  int keyframes_without_frame_ = 0;
};

}  // namespace chrys
