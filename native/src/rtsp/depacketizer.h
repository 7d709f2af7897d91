// The interface of the video depacketizers, which make pictures of RTP payloads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rtsp/rtp.h"
#include "rtsp/sdp.h"

namespace chrys::rtsp {

// One coded picture (both fields of an interlaced one).
struct AccessUnit {
  std::vector<uint8_t> data;  // Annex B, a keyframe with its parameter sets first; or a whole JPEG file
  uint32_t rtp_time = 0;
  int64_t arrival_us = 0;  // monotonic, of its last packet
  bool keyframe = false;   // decoding may begin here and gives whole pictures
  bool recovery = false;   // not a keyframe, but an intra refresh (recovery point) begins here
  bool damaged = false;    // packets of it, or of a picture that it may refer to, were lost
};

// What a depacketizer has learnt about a camera. Kept over reconnections.
struct DepacketizerHabits {
  bool marks_every_slice = false;    // H.264/HEVC: the marker stands on every slice, not only on the last one
  bool sequence_unreliable = false;  // sequence numbers have gaps although nothing is missing
  int jpeg_width = 0;                // pixels; of JPEG pictures whose RTP header cannot hold their size
  int jpeg_height = 0;
};

class VideoDepacketizer {
 public:
  virtual ~VideoDepacketizer() = default;

  // Takes the next packet in order. `lost` packets are missing before it. A reliable transport (TCP) loses none itself,
  // but some cameras drop packets.
  virtual void Push(const RtpPacket& packet, int lost, int64_t arrival_us) = 0;
  // The stream begins anew (another source). An unfinished picture is delivered as damaged, or dropped.
  virtual void Restart() = 0;
  // False: no picture is complete.
  virtual bool Take(AccessUnit* unit) = 0;

  // Codec configuration for decoders and files, as AVCodecParameters.extradata: Annex B parameter sets for H.264 and
  // HEVC, from the stream if it carries any, else from the SDP. Empty while unknown, and for JPEG.
  virtual std::vector<uint8_t> extradata() const = 0;
  virtual const DepacketizerHabits& habits() const = 0;
  // Why the stream cannot continue (a picture that never ends), as a sentence; empty: nothing is wrong.
  virtual const std::string& problem() const = 0;
  // For log messages: true after several pictures without any IDR but with intra refresh.
  virtual bool intra_refresh_only() const { return false; }
};

// Maximum size of a compressed picture. A larger one ends the stream with picture_too_large.
constexpr size_t kMaxPictureBytes = 32u << 20;

// `reliable`: the transport is TCP. nullptr: there is no depacketizer for that codec.
std::unique_ptr<VideoDepacketizer> MakeVideoDepacketizer(const Format& format, const Media& media, bool reliable,
                                                         const DepacketizerHabits& habits);
std::unique_ptr<VideoDepacketizer> MakeH264(const Format& format, bool reliable, const DepacketizerHabits& habits);
std::unique_ptr<VideoDepacketizer> MakeHevc(const Format& format, bool reliable, const DepacketizerHabits& habits);
std::unique_ptr<VideoDepacketizer> MakeJpeg(const Media& media, const DepacketizerHabits& habits);

}  // namespace chrys::rtsp
