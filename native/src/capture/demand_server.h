// Decodes what the callers of a camera demand, and publishes the frames. Used by the capture loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "base/interrupt.h"
#include "capture/capture_options.h"
#include "capture/outputs.h"
#include "frames/decoder.h"
#include "frames/interval_schedule.h"
#include "rings/packet_ring.h"
#include "source/packet_source.h"

namespace chrys {

class DemandServer {
 public:
  // All references outlive this object.
  DemandServer(const CaptureOptions& options, CaptureHost& host, PacketSource& source, const PacketRingWriter& packets,
               const ParameterReader& parameters, const Interrupt& interrupt);

  // Opens the decoder for the source's parameters.
  std::optional<Failure> Open();
  // Frames by which the stream reorders, as far as its parameter sets declare it. Once open.
  int declared_reorder() const { return live_.delay(); }
  // Sets what is equal in every message of the stream.
  void Describe(const std::string& codec_name, const std::vector<uint8_t>& extradata);
  // The stream's clock jumped: every interval is due.
  void RestartIntervals() { schedule_.Restart(); }

  // Serves the demand with the packet that was stored last. `info`: its entry in the packet ring.
  std::optional<Failure> Serve(const AVPacket* packet, const PacketInfo& info);
  // Serves new demand from the packet ring, when the camera's next packet would come too late.
  std::optional<Failure> ServeBetweenPackets();

 private:
  struct Demand {
    int32_t snapshot = 0;  // number of the newest one-shot request
    bool snapshot_wanted = false;
    bool all = false;
    bool by_interval = false;
  };
  Demand ReadDemand();
  std::optional<Failure> ServeFrames(const AVPacket* packet, const Demand& demand);
  std::optional<Failure> ServeSnapshot(const Demand& demand);
  std::optional<Failure> ServeInterval(const AVPacket* packet);
  std::optional<Failure> ServeKeyframe();
  // The keyframe of the current GOP if an output has the keyframe filter and has not published it, else 0.
  int64_t MissingKeyframe() const;

  // Decodes the packet with the rest of its GOP.
  std::optional<Failure> DecodeNext(const AVPacket* packet);
  // Decodes one keyframe and nothing else.
  std::optional<Failure> DecodeKeyframe(int64_t sequence);
  // Decodes the current GOP from the packet ring, and publishes its keyframe and its newest frame. `snapshot`: decoding
  // does not continue with the next packet.
  std::optional<Failure> CatchUp(bool snapshot);
  // Takes the frames that are ready into `newest`, and publishes a keyframe for callers of keyframes.
  std::optional<Failure> TakeNewest(AVFrame* newest);
  // Whether the frame refers to the previous GOP, which the decoder has not decoded.
  bool LacksReference(const PacketInfo& packet) const;
  // Prepares the decoder for a keyframe. Frames that it holds back are lost.
  void RestartDecoder();
  // The same for decoding `packets` packets at once, which may use several threads.
  std::optional<Failure> RestartForCatchUp(int64_t packets);
  // The rest of the GOP is not needed. Publishes the frames that the decoder holds back.
  std::optional<Failure> LeaveGop();
  bool Feed(const AVPacket* packet, const PacketInfo& info);
  const AVFrame* TakeFrame();

  std::optional<Failure> PublishReady();
  enum class Purpose {
    kLive,
    kKeyframe,  // only for callers of keyframes, in the middle of a GOP
    kNewest,    // the last frame of a catch-up
    kSnapshot,
  };
  std::optional<Failure> Publish(const AVFrame* frame, Purpose purpose);
  void CountPublished(const AVFrame* frame, const FrameFacts& facts);
  void NotifyCallers();
  double SecondsOf(int64_t pts) const;

  const CaptureOptions& options_;
  CaptureHost& host_;
  ControlBlock& control_;
  PacketSource& source_;
  const PacketRingWriter& packets_;
  const ParameterReader& parameters_;
  const Interrupt& interrupt_;
  Decoder live_;
  Decoder catch_up_;           // open only from a long catch-up until the next keyframe
  Decoder* decoder_ = &live_;  // the decoder in use
  Outputs outputs_;
  IntervalSchedule schedule_;

  PacketInfo current_;                // the packet that was stored last
  PacketInfo decoded_from_;           // the keyframe at which the decoder began
  bool is_snapshot_of_live_ = false;  // a snapshot gets the frame that is decoded anyway
  bool is_gop_decoded_ = false;       // every packet of the current GOP up to now was decoded
  int keyframes_without_frame_ = 0;
};

}  // namespace chrys
