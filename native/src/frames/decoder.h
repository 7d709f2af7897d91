// Compressed packets to frames.
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

  // Slices of one frame in several threads add no delay, but few cameras send more than one. Frames in several threads
  // work for any stream; each thread beyond the first makes the decoder give every frame one packet later.
  enum class Threading { kSlices, kFrames };
  // Frames with more than `max_pixels` are refused before memory is taken for them.
  std::optional<Failure> Open(const AVCodecParameters* parameters, int threads, Threading threading,
                              int64_t max_pixels);
  // Gives back its memory and threads. Open before the next use.
  void Close() { context_.reset(); }

  // Gives the decoder one packet (its bytes are copied unless `packet` is reference-counted). False: it refused the
  // packet.
  bool Send(const AVPacket* packet, const PacketInfo& info);
  // Takes the next frame that is ready; nullptr: none. Valid until the next call.
  const AVFrame* Receive();
  // What is known of the packet that this frame came from.
  const PacketInfo& InfoOf(const AVFrame* frame) const;
  // Makes the decoder give out what it holds back for reordering; Reset before the next Send.
  void Drain();
  // Leaves out frames of the next packets that no other frame is made from.
  void SkipNonReference(bool skip);
  // Forgets everything but the parameter sets: the next packet must be a keyframe.
  void Reset();

  // Frames that it holds back, to put them in order (as far as it knows by now) or because other threads are at them.
  int delay() const {
    const bool frame_threads = (context_->active_thread_type & FF_THREAD_FRAME) != 0;
    return context_->has_b_frames + (frame_threads ? context_->thread_count - 1 : 0);
  }

 private:
  static int GetBuffer(AVCodecContext* context, AVFrame* frame, int flags);

  // More than any decoder holds back (16 reordered frames and one a thread).
  static constexpr size_t kInfos = 64;

  int64_t max_pixels_ = 0;  // with the alignment that libav adds
  AvPtr<AVCodecContext> context_;
  AvPtr<AVFrame> frame_{av_frame_alloc()};
  std::array<PacketInfo, kInfos> infos_;
};

// A packet over bytes that the caller keeps; libav copies what it wants to hold.
struct BorrowedPacket {
  AvPtr<AVPacket> packet{av_packet_alloc()};

  // `payload` has AV_INPUT_BUFFER_PADDING_SIZE bytes behind info.size.
  const AVPacket* Over(std::vector<uint8_t>& payload, const PacketInfo& info);
};

// 'I', 'P' or 'B'.
char TypeLetter(const AVFrame* frame);

// Whether libav reports the frame as damaged.
bool IsCorrupt(const AVFrame* frame);

// What a packet's own headers say, without decoding it.
class ParameterReader {
 public:
  bool Open(const AVCodecParameters* parameters);
  struct Answer {
    bool is_keyframe = false;  // an IDR picture, or one from which decoding may begin
    bool changed = false;      // size or format differ from before
    // The size that decoding takes memory for, if this packet declares one; else 0. It may exceed the shown size.
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
