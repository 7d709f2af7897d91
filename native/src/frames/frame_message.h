// A VideoFrame (proto/chrys/cloud/videostreaming/v1beta1/video_streaming.proto) up to its pixels: every other field,
// then tag and length of `data`. Numbers that differ from frame to frame are written as ten-byte varints (with
// redundant continuation bytes, which every protobuf reader accepts), so that all frames of one stream and size have
// messages of one length: a reader that finds its slot overwritten can take a newer one in its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rings/packet_ring.h"
#include "rings/ring_layout.h"

namespace chrys {

// What stays the same while a stream keeps its codec and size, and its caller the look.
struct FrameShape {
  int width = 0;  // of the picture
  int height = 0;
  int32_t format = kFormatBgr24;
  std::string device_id;
  std::string codec_name;
  std::string pixel_format;
  std::vector<uint8_t> extradata;
};

struct FrameFacts {
  PacketInfo packet;
  int64_t frame_id = 0;
  int64_t gap_ms = 0;  // written only when it is not 0
  char type = 'P';     // 'I', 'P' or 'B'
  bool corrupt = false;
};

// What of a stream's extradata goes into messages: nothing, if it is so long that every frame would suffer.
std::vector<uint8_t> ShownExtradata(const uint8_t* extradata, size_t bytes);

// The message's bytes before the picture. Their number depends on `shape` alone, except of a JPEG.
std::vector<uint8_t> FrameMessageHead(const FrameShape& shape, const FrameFacts& facts, size_t data_bytes);

}  // namespace chrys
