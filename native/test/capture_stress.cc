// A capture with readers in other threads: `capture_stress [seconds]`.
// A camera sends JPEG over RTSP. While the capture loop stores and decodes, two threads read packets, two read frames,
// and one changes what the callers demand. Every copy must be what the loop wrote.
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

#include "base/atomics.h"
#include "base/clock.h"
#include "capture/capture.h"
#include "rings/frame_ring.h"
#include "rings/packet_ring.h"
#include "rtsp/fake_camera.h"
#include "rtsp/jpeg_pictures.h"

using namespace chrys;

namespace {

constexpr int kWidth = 320;
constexpr int kHeight = 240;
constexpr int kPayloadType = 26;
constexpr uint32_t kTicksPerPicture = 450;  // 200 fps at 90 kHz
constexpr int kStressOutputs = 2;
constexpr int kSlots = 3;
constexpr size_t kPacketRingBytes = 4 << 20;

struct Counts {
  std::atomic<int64_t> packets{0};
  std::atomic<int64_t> frames{0};
  std::atomic<int64_t> overrun{0};
  std::atomic<int64_t> wrong{0};
};

// Sends one picture after the other as soon as the client plays.
class JpegCamera {
 public:
  JpegCamera() : camera_([](auto&, const rtsp::Message& request) { return Answer(request); }) {
    camera_.set_idle([this](rtsp::FakeCamera& camera) {
      if (camera.playing()) camera.Send(NextPicture());
    });
  }
  std::string url() const { return camera_.url(); }

 private:
  static std::optional<std::string> Answer(const rtsp::Message& request) {
    if (request.method != "DESCRIBE") return std::nullopt;
    const std::string description = "v=0\r\ns=cam\r\nm=video 0 RTP/AVP 26\r\na=control:video\r\n";
    return rtsp::FakeCamera::Answer(
               request, "200 OK",
               "Content-Type: application/sdp\r\nContent-Length: " + std::to_string(description.size()) + "\r\n") +
           description;
  }

  std::string NextPicture() {
    const int brightness = static_cast<int>(pictures_++ % 50) - 25;
    rtsp::JpegPacketOptions options;
    options.width_field = kWidth / 8;
    options.height_field = kHeight / 8;
    std::string bytes;
    const auto scan = rtsp::MakeScan(kWidth, kHeight, true, 0, [&](int, int) { return brightness; });
    for (rtsp::OwnedPacket& packet : rtsp::JpegPackets(scan, options)) {
      bytes += Interleaved(packet.payload, packet.packet.marker);
    }
    return bytes;
  }

  std::string Interleaved(const std::vector<uint8_t>& payload, bool marker) {
    const uint32_t time = static_cast<uint32_t>(pictures_) * kTicksPerPicture;
    const int sequence = sequence_++;
    const size_t size = 12 + payload.size();
    std::string frame;
    for (const int byte :
         {0x24, 0, static_cast<int>(size >> 8), static_cast<int>(size), 0x80, kPayloadType | (marker ? 0x80 : 0),
          sequence >> 8, sequence, static_cast<int>(time >> 24), static_cast<int>(time >> 16),
          static_cast<int>(time >> 8), static_cast<int>(time), 0, 0, 0, 1}) {
      frame.push_back(static_cast<char>(byte));
    }
    frame.append(payload.begin(), payload.end());
    return frame;
  }

  int64_t pictures_ = 0;
  uint16_t sequence_ = 0;
  rtsp::FakeCamera camera_;
};

// Gives the capture memory for its frame rings, and the readers the newest ring of each output.
class Host : public CaptureHost {
 public:
  const uint8_t* RingOf(size_t output) const { return rings_[output].load(std::memory_order_acquire); }

  void OnStream(const StreamFacts&) override {}
  uint8_t* AllocateFrameRing(int output, size_t bytes) override {
    // Old rings are kept, because readers may still use them.
    memory_.push_back(std::make_unique<uint64_t[]>(bytes / 8 + 1));
    auto* base = reinterpret_cast<uint8_t*>(memory_.back().get());
    // The capture loop initializes the ring before its next call of OnFrame. Until then no reader gets it.
    new_rings_[static_cast<size_t>(output)] = base;
    return base;
  }
  void OnFrame() override {
    for (size_t i = 0; i < new_rings_.size(); ++i) {
      if (new_rings_[i] != nullptr) rings_[i].store(std::exchange(new_rings_[i], nullptr), std::memory_order_release);
    }
  }
  void OnPacket() override {}
  void OnLog(const LogLine& line) override { std::printf("%s\n", line.text.c_str()); }
  void OnLearned(const Learned&) override {}

 private:
  std::vector<std::unique_ptr<uint64_t[]>> memory_;
  std::array<uint8_t*, kOutputs> new_rings_{};
  std::array<std::atomic<uint8_t*>, kOutputs> rings_{};
};

void ReadPackets(const PacketRingView& view, const std::atomic<bool>& done, Counts* counts) {
  std::vector<uint8_t> payload;
  for (int64_t turn = 0; !done; ++turn) {
    const int64_t first = view.header().firstSequence.load();
    const int64_t next = view.header().nextSequence.load();
    if (next <= first) continue;
    const int64_t sequence = turn % 2 == 0 ? first : next - 1;
    const auto info = ReadPacket(view, sequence, &payload, 64);
    if (!info) {
      ++counts->overrun;
      continue;
    }
    ++counts->packets;
    const bool is_whole = payload[0] == 0xff && payload[1] == 0xd8 && payload[payload.size() - 64 - 1] == 0xd9;
    if (info->sequence != sequence || !is_whole || FrameIdOf(view, *info) <= 0) ++counts->wrong;
    if (turn % 64 == 0 && SumPackets(view).frames == 0) ++counts->wrong;
  }
}

// Whether all pixels of a BGR24 picture are equal, as in each picture that the camera sends.
bool IsPlain(const uint8_t* pixels, size_t bytes) {
  for (size_t i = 3; i < bytes; ++i) {
    if (pixels[i] != pixels[i - 3]) return false;
  }
  return true;
}

void ReadFrames(const Host& host, size_t output, const std::atomic<bool>& done, Counts* counts) {
  std::minstd_rand random(static_cast<unsigned>(output) + 1);
  std::vector<uint8_t> copy;
  while (!done) {
    const uint8_t* base = host.RingOf(output);
    if (base == nullptr) continue;
    const auto& header = *reinterpret_cast<const FrameRingHeader*>(base);
    const auto stride = static_cast<size_t>(header.slotStride.load());
    const uint8_t* at = base + kFrameRingHeaderBytes + (random() % kSlots) * stride;
    const auto& slot = *reinterpret_cast<const FrameSlotHeader*>(at);
    const int32_t lock = slot.lock.load();
    const int64_t frame_id = slot.frameId.load();
    const auto offset = static_cast<size_t>(slot.dataOffset.load());
    const auto bytes = static_cast<size_t>(slot.dataBytes.load());
    if ((lock & 1) != 0 || frame_id == 0 || slot.lock.load() != lock) continue;
    copy.resize(bytes);
    if (!CopyFromSlot(slot, lock, at + offset, bytes, copy.data())) {
      ++counts->overrun;
      continue;
    }
    ++counts->frames;
    const bool is_right =
        output == 0 ? bytes == size_t{3} * kWidth * kHeight && IsPlain(copy.data(), bytes) : copy[0] == 0xff;
    if (!is_right) ++counts->wrong;
  }
}

// Output 0 delivers every frame; output 1 comes and goes, with another size of JPEG each time.
void ChangeDemand(ControlBlock* control, const std::atomic<bool>& done) {
  control->frameWaiters.store(1);
  control->packetWaiters.store(1);
  control->outputs[0].filters.store(kFilterAll);
  OutputBlock& second = control->outputs[1];
  for (int32_t turn = 0; !done; ++turn) {
    second.filters.store(0);
    StoreRelaxed(second.format, kFormatJpeg);
    StoreRelaxed(second.width, 64 + turn % 3 * 32);
    StoreRelaxed(second.quality, 80);
    second.serial.fetch_add(1);
    second.filters.store(turn % 2 == 0 ? kFilterAll : kFilterKeyframes);
    control->snapshotWanted.fetch_add(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

struct Memory {
  std::vector<uint64_t> packets = std::vector<uint64_t>(kPacketRingBytes / 8);
  ControlBlock control{};
  int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ~Memory() { close(wake_fd); }
  PacketRingView view() { return {reinterpret_cast<uint8_t*>(packets.data())}; }
};

CaptureOptions OptionsFor(const std::string& url, Memory* memory) {
  CaptureOptions options;
  options.rtsp.emplace();
  options.rtsp->url = url;
  options.rtsp->addresses = {"127.0.0.1"};
  options.rtsp->transport = "tcp";
  options.rtsp->tls_verify = "pin";
  options.rtsp->open_timeout_us = options.rtsp->stall_timeout_us = rtsp::kPatienceUs;
  options.device_id = "stress";
  options.control = &memory->control;
  options.packet_ring = memory->view();
  options.frame_slots = kSlots;
  options.max_message_bytes = 4 << 20;
  options.log_level = AV_LOG_WARNING;
  options.wake_fd = memory->wake_fd;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 10;
  const JpegCamera camera;
  Memory memory;
  if (!InitPacketRing(memory.view().base, kPacketRingBytes, 256, 1, 1)) return 2;
  Host host;
  Counts counts;
  std::atomic<bool> done{false};
  Failure failure{};
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    failure = Capture(OptionsFor(camera.url(), &memory), host).Run();
    done = true;
  });
  threads.emplace_back([&] { ChangeDemand(&memory.control, done); });
  for (int i = 0; i < 2; ++i) threads.emplace_back([&] { ReadPackets(memory.view(), done, &counts); });
  for (size_t i = 0; i < kStressOutputs; ++i) threads.emplace_back([&, i] { ReadFrames(host, i, done, &counts); });

  const int64_t until_us = MonotonicUs() + static_cast<int64_t>(seconds * 1e6);
  while (!done && MonotonicUs() < until_us) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  memory.control.stop.store(1);
  const uint64_t one = 1;
  if (write(memory.wake_fd, &one, sizeof one) < 0) std::perror("waking the capture");
  for (auto& thread : threads) thread.join();

  std::printf("capture: %lld packets and %lld frames read, %lld overruns noticed, %lld wrong\n",
              static_cast<long long>(counts.packets.load()), static_cast<long long>(counts.frames.load()),
              static_cast<long long>(counts.overrun.load()), static_cast<long long>(counts.wrong.load()));
  const bool was_stopped = std::strcmp(failure.end, end::kStopped) == 0;
  if (!was_stopped) std::printf("the capture ended: %s %s\n", failure.end, failure.message.c_str());
  const bool good = was_stopped && counts.wrong == 0 && counts.packets > 0 && counts.frames > 0;
  std::printf("capture stress: %s\n", good ? "passed" : "FAILED");
  return good ? 0 : 1;
}
