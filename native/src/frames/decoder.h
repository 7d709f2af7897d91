// Decodes packets, and reads what their headers declare without decoding them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/av_handles.h"
#include "base/failure.h"
#include "rings/packet_ring.h"

namespace chrys {

class Decoder {
 public:
  Decoder() = default;
  Decoder(const Decoder&) = delete;  // libav holds its address
  Decoder& operator=(const Decoder&) = delete;

  // kSlices adds no delay, but gains nothing with one slice per frame, which most cameras send. kFrames works for any
  // stream, and each thread beyond the first delays every frame by one packet.
  enum class Threading { kSlices, kFrames };
  // Frames with more than `max_pixels` are refused before memory is allocated for them.
  std::optional<Failure> Open(const AVCodecParameters* parameters, int threads, Threading threading,
                              int64_t max_pixels);
  // Frees memory and threads. Call Open before the next use.
  void Close() { context_.reset(); }

  // Decodes one packet. libav copies its bytes unless `packet` is reference-counted. False: libav refused the packet.
  bool Send(const AVPacket* packet, const PacketInfo& info);
  // The next frame that is ready; nullptr: none. Valid until the next call.
  const AVFrame* Receive();
  // The packet that this frame was decoded from.
  const PacketInfo& InfoOf(const AVFrame* frame) const;
  // Makes the frames ready that the decoder holds back for reordering. Call Reset before the next Send.
  void Drain();
  // `skip`: the next packets are not decoded if no other frame refers to them.
  void SkipNonReference(bool skip);
  // Forgets everything except the parameter sets. The next packet must be a keyframe.
  void Reset();

  // Frames that the decoder holds back: to reorder them, as far as the stream has shown, or in other threads.
  int delay() const {
    const bool frame_threads = (context_->active_thread_type & FF_THREAD_FRAME) != 0;
    return context_->has_b_frames + (frame_threads ? context_->thread_count - 1 : 0);
  }

 private:
  static int GetBuffer(AVCodecContext* context, AVFrame* frame, int flags);

  // More than any decoder holds back: 16 reordered frames, and one per thread.
  static constexpr size_t kInfos = 64;

  int64_t max_pixels_ = 0;  // limit for libav, which counts aligned sizes
  AvPtr<AVCodecContext> context_;
  AvPtr<AVFrame> frame_{av_frame_alloc()};
  std::array<PacketInfo, kInfos> infos_;
};

// A packet over bytes that the caller owns. libav copies what it keeps.
struct BorrowedPacket {
  AvPtr<AVPacket> packet{av_packet_alloc()};

  // `payload` must have AV_INPUT_BUFFER_PADDING_SIZE bytes behind info.size.
  const AVPacket* Over(std::vector<uint8_t>& payload, const PacketInfo& info);
};

// 'I', 'P' or 'B'.
char TypeLetter(const AVFrame* frame);

// Whether libav reports the frame as damaged.
bool IsCorrupt(const AVFrame* frame);

// Reads what a packet's headers declare, without decoding it. Without a parser for the codec (libav has none), Read
// only repeats the packet's keyframe flag.
class ParameterReader {
 public:
  void Open(const AVCodecParameters* parameters);
  struct Answer {
    bool is_keyframe = false;  // decoding may begin here
    bool changed = false;      // size or format differ from before
    // The size for which decoding allocates memory, in pixels; 0 = this packet declares none. May exceed the shown
    // size.
    int coded_width = 0;
    int coded_height = 0;
  };
  Answer Read(const AVPacket* packet);

  int width = 0;
  int height = 0;
  int format = -1;  // AVPixelFormat
  int profile = FF_PROFILE_UNKNOWN;

 private:
  Answer ReadJpeg(const AVPacket* packet);

  bool jpeg_ = false;
  AvPtr<AVCodecParserContext> parser_;
  AvPtr<AVCodecContext> context_;
};

}  // namespace chrys
