// The head of a VideoFrame message (proto/chrys/cloud/videostreaming/v1beta1/video_streaming.proto): every field except
// the pixels, then tag and length of `data`. Numbers that differ from frame to frame are ten-byte varints with
// redundant continuation bytes, which every protobuf reader accepts. So all frames of one stream and size have messages
// of equal length, and a reader whose slot is overwritten can take a newer frame in its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rings/packet_ring.h"
#include "rings/ring_layout.h"

namespace chrys {

// The fields that change only with the stream or the output format.
struct FrameShape {
  int width = 0;  // of the picture, pixels
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

// The extradata for messages: empty when it is longer than 16384 bytes, because each message repeats it.
std::vector<uint8_t> ShownExtradata(const uint8_t* extradata, size_t bytes);

// The message's bytes before the picture. Except with JPEG, their number depends only on `shape`.
std::vector<uint8_t> FrameMessageHead(const FrameShape& shape, const FrameFacts& facts, size_t data_bytes);

}  // namespace chrys
