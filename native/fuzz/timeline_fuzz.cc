// Fuzz target: timeline and clock_meter with any timestamps, arrivals and sender reports.
#include "rtsp/timeline.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

using namespace chrys::rtsp;

namespace {

class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  template <typename T>
  T Take() {
    T value{};
    const size_t bytes = size_ < sizeof value ? size_ : sizeof value;
    std::memcpy(&value, data_, bytes);
    data_ += bytes;
    size_ -= bytes;
    return value;
  }

 private:
  const uint8_t* data_;
  size_t size_;
};

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Reader reader(data, size);
  const auto settings = reader.Take<uint8_t>();
  const int rate = (settings & 1) != 0 ? 90'000 : reader.Take<int32_t>();
  Timeline video(rate, (settings & 2) != 0 ? 25 : reader.Take<float>());
  AudioTimeline audio((settings & 4) != 0 ? 48'000 : reader.Take<int32_t>(), video);
  int64_t now_us = reader.Take<uint32_t>();
  uint32_t video_time = 0;
  uint32_t audio_time = 0;
  int64_t last_audio = 0;
  while (!reader.empty()) {
    const auto operation = reader.Take<uint8_t>();
    // Mostly small steps, so that regular streams occur as well.
    now_us += (operation & 0x80) != 0 ? reader.Take<uint32_t>() : 40'000;
    const uint32_t step = (operation & 0x40) != 0 ? reader.Take<uint32_t>() : 3'600;
    switch (operation % 5) {
      case 0:
      case 1: {
        video_time += step;
        const int64_t ticks = video.Place(video_time, now_us, operation % 5 == 0);
        Check(video.SenderUs(ticks) >= 0);
        (void)video.ArrivalOf(ticks);
        (void)video.TicksAt(now_us);
        Check(video.usual_ticks() >= 0);
        break;
      }
      case 2: {
        audio_time += step;
        const int64_t ticks = audio.Place(audio_time, now_us, (operation & 0x20) != 0 ? reader.Take<int32_t>() : 1'024);
        Check(ticks >= last_audio);
        last_audio = ticks;
        break;
      }
      case 3:
        video.OnSenderReport(video_time + step, reader.Take<uint64_t>(), now_us);
        (void)video.NtpUsOf(video_time);
        break;
      default:
        audio.OnSenderReport(audio_time + step, reader.Take<uint64_t>(), now_us);
    }
  }
  return 0;
}
