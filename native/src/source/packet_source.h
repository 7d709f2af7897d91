// Where the packets of a camera come from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/av_handles.h"
#include "base/failure.h"
#include "source/learned.h"

namespace chrys {

// The sound beside a video stream.
struct AudioStream {
  std::string codec_name;  // libav's
  std::vector<uint8_t> extradata;
  int sample_rate = 0;
  int channels = 0;

  bool operator==(const AudioStream& other) const {
    return codec_name == other.codec_name && extradata == other.extradata && sample_rate == other.sample_rate &&
           channels == other.channels;
  }
};

struct AudioPacket {
  std::vector<uint8_t> data;
  int64_t pts = 0;  // on the clock of the video's pts
  AVRational time_base{1, 1};
};

class PacketSource {
 public:
  virtual ~PacketSource() = default;

  // Blocks until it is open, within a bound of its own.
  virtual std::optional<Failure> Open() = 0;
  // Blocks until the next video packet, at most until it counts as stalled. pts and dts are always set, and are in
  // units of time_base(). An empty packet: nothing came, but the capture was woken, because demand may have risen.
  virtual std::optional<Failure> Read(AVPacket* packet) = 0;

  // Of the video stream; H.264 and HEVC come as Annex B, as cameras send them. Once it is open.
  virtual const AVCodecParameters* parameters() const = 0;
  virtual AVRational time_base() const = 0;
  // What the parameter sets in force declare, in pixels, cropping not taken off; 0 = not known.
  struct CodedSize {
    int width = 0;
    int height = 0;
  };
  virtual CodedSize coded_size() const { return {}; }
  // Frames per second that the stream declares, 0 when it does not.
  virtual double declared_fps() const = 0;
  // When the camera says that it sent the frame of that pts, microseconds since the epoch by the camera's clock; 0 when
  // it has not told.
  virtual int64_t SenderUs(int64_t pts) const = 0;

  // The sound that TakeAudio hands out; nullptr: none.
  virtual const AudioStream* audio() const { return nullptr; }
  // What came since the last call.
  virtual std::vector<AudioPacket> TakeAudio() { return {}; }

  // Ends the connection as the camera wants it, within `budget_us`, whatever the stop flag says. Nothing is read
  // afterwards.
  virtual void Close(int64_t budget_us) { (void)budget_us; }
  // Lines for the camera's log since the last call.
  virtual std::vector<std::string> TakeNotes() { return {}; }
  // Time without a picture that counts as a stall by now; 0 = not known.
  virtual int64_t stall_limit_us() const { return 0; }
  // AV_PKT_FLAG_KEY is set on every keyframe and on nothing else, and only a keyframe carries other parameter sets.
  virtual bool marks_keyframes() const { return false; }
  // The stream has no keyframes; the packets that are marked as such begin an intra refresh, and whole pictures come
  // only at its end (H.264, D.2.8, recovery_frame_cnt > 0).
  virtual bool intra_refresh() const { return false; }
  // What was learnt of the camera; nullptr: nothing is learnt of such a source. Valid as long as the source.
  virtual const Learned* learned() const { return nullptr; }

  // Of a replay, when the packet that was read last arrived and which frame id it had when it was recorded.
  struct Original {
    int64_t arrival_us = 0;
    int64_t frame_id = 0;
  };
  virtual Original original() const { return {}; }
};

}  // namespace chrys
