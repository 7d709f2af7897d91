// Makes the index of an mp4 file without its samples, and moves it to the front of the file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/av_handles.h"
#include "mp4/segment_file.h"

namespace chrys {

struct IoDelete {
  void operator()(AVIOContext* io) const {
    av_freep(&io->buffer);
    avio_context_free(&io);
  }
};
using IoPtr = std::unique_ptr<AVIOContext, IoDelete>;

// A libav input or output with its own buffer. nullptr: out of memory.
IoPtr OpenIo(int write, void* opaque, int (*read)(void*, uint8_t*, int), int (*put)(void*, uint8_t*, int),
             int64_t (*seek)(void*, int64_t, int));

// Receives an mp4 file from libav, and keeps everything except the samples.
class IndexSink {
 public:
  // Set while samples are written: their bytes are dropped.
  bool dropping = false;
  std::vector<uint8_t> head;  // before the samples
  std::vector<uint8_t> tail;  // behind the samples

  static int Write(void* opaque, uint8_t* data, int size) {
    auto& sink = *static_cast<IndexSink*>(opaque);
    sink.Put(data, static_cast<size_t>(size));
    return size;
  }
  static int64_t Seek(void* opaque, int64_t offset, int whence) {
    auto& sink = *static_cast<IndexSink*>(opaque);
    if ((whence & AVSEEK_SIZE) != 0) return sink.size_;
    if (whence == SEEK_CUR) offset += sink.position_;
    if (whence == SEEK_END) offset += sink.size_;
    return sink.position_ = offset;
  }

 private:
  void Put(const uint8_t* data, size_t bytes) {
    for (size_t i = 0; i < bytes;) {
      const int64_t at = position_ + static_cast<int64_t>(i);
      const size_t left = bytes - i;
      const auto head_end = static_cast<int64_t>(head.size());
      size_t part = left;
      if (at < head_end) {
        part = std::min(left, static_cast<size_t>(head_end - at));
        std::memcpy(head.data() + at, data + i, part);
      } else if (dropping) {
        samples_end_ = std::max(samples_end_, at + static_cast<int64_t>(left));
      } else if (samples_end_ == 0) {
        head.insert(head.end(), data + i, data + i + left);
      } else {
        const auto to = static_cast<size_t>(at - samples_end_);
        if (tail.size() < to + left) tail.resize(to + left);
        std::memcpy(tail.data() + to, data + i, left);
      }
      i += part;
    }
    position_ += static_cast<int64_t>(bytes);
    size_ = std::max(size_, position_);
  }

  int64_t position_ = 0;
  int64_t size_ = 0;
  int64_t samples_end_ = 0;
};

// The file up to the samples: the file type box, then the index, then the rest of `head`. Empty: the offsets of a file
// of this size do not fit.
std::vector<uint8_t> IndexInFront(IndexSink& sink);

// The avcC or hvcC record of a segment, as libav wrote it. Empty: none.
std::vector<uint8_t> CodecConfiguration(const SegmentBytes& bytes);

}  // namespace chrys
