// The interface of what delivers the packets of a camera.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/av_handles.h"
#include "base/failure.h"
#include "codec/audio_stream.h"
#include "source/learned.h"

namespace chrys {

struct AudioPacket {
  std::vector<uint8_t> data;
  int64_t pts = 0;  // on the clock of the video's pts
  AVRational time_base{1, 1};
};

class PacketSource {
 public:
  virtual ~PacketSource() = default;

  // Blocks until the source is open, up to a timeout of its own.
  virtual std::optional<Failure> Open() = 0;
  // Blocks until the next video packet, at most for the stall limit. pts and dts are always set, in units of
  // time_base(). An empty packet means that the capture was woken without a packet, because demand may have risen.
  virtual std::optional<Failure> Read(AVPacket* packet) = 0;

  // The video stream's parameters, once the source is open. H.264 and HEVC come as Annex B.
  virtual const AVCodecParameters* parameters() const = 0;
  virtual AVRational time_base() const = 0;
  // The size before cropping that the parameter sets in force declare, in pixels. 0 = not known.
  struct CodedSize {
    int width = 0;
    int height = 0;
  };
  virtual CodedSize coded_size() const { return {}; }
  // Frames per second that the stream declares. 0 = not declared.
  virtual double declared_fps() const = 0;
  // When the camera sent the frame with this pts, by the camera's clock, in microseconds since the epoch. 0 = not
  // known.
  virtual int64_t SenderUs(int64_t pts) const = 0;

  // The audio stream whose packets TakeAudio returns. nullptr: none.
  virtual const AudioStream* audio() const { return nullptr; }
  // The audio packets since the last call.
  virtual std::vector<AudioPacket> TakeAudio() { return {}; }

  // Ends the session in an orderly way, within `budget_us` and regardless of the stop flag. Read must not be called
  // afterwards.
  virtual void Close(int64_t budget_us) { (void)budget_us; }
  // New lines for the camera's log since the last call.
  virtual std::vector<std::string> TakeNotes() { return {}; }
  // Current limit of the time without a picture, after which the stream counts as stalled. 0 = not known.
  virtual int64_t stall_limit_us() const { return 0; }
  // AV_PKT_FLAG_KEY is set exactly on keyframes, and parameter sets change only at keyframes.
  virtual bool marks_keyframes() const { return false; }
  // The stream has no keyframes. Packets marked as keyframes begin an intra refresh, and pictures are complete only at
  // its end (H.264, D.2.8, recovery_frame_cnt > 0).
  virtual bool intra_refresh() const { return false; }
  // The learned facts about the camera. nullptr: this kind of source learns nothing. Valid as long as the source.
  virtual const Learned* learned() const { return nullptr; }

  // Replays only: arrival and frame id of the last read packet when it was recorded.
  struct Original {
    int64_t arrival_us = 0;
    int64_t frame_id = 0;
  };
  virtual Original original() const { return {}; }
};

}  // namespace chrys
