// A writer and eight readers of each ring, in threads, without pauses: `ring_stress [seconds]`.
// Every frame and every packet holds a pattern that depends on its number. A copy that counts as whole but holds
// another pattern is torn. Overruns must also happen, or the test proves nothing.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "rings/frame_ring.h"
#include "rings/packet_ring.h"

using namespace chrys;

namespace {

constexpr int kReaders = 8;
constexpr int kSlots = 4;
constexpr size_t kHeadBytes = 120;
constexpr size_t kMaxDataBytes = 200 * 1000;

struct Counts {
  std::atomic<int64_t> written{0};
  std::atomic<int64_t> whole{0};
  std::atomic<int64_t> overrun{0};
  std::atomic<int64_t> torn{0};
};

uint8_t Pattern(int64_t sequence, size_t i) { return static_cast<uint8_t>(sequence * 31 + static_cast<int64_t>(i)); }

bool HasPattern(const uint8_t* data, size_t bytes, int64_t sequence) {
  for (size_t i = 0; i < bytes; ++i) {
    if (data[i] != Pattern(sequence, i)) return false;
  }
  return true;
}

void Fill(uint8_t* data, size_t bytes, int64_t sequence) {
  for (size_t i = 0; i < bytes; ++i) data[i] = Pattern(sequence, i);
}

void WriteFrames(FrameRingWriter* ring, int64_t until_us, Counts* counts) {
  std::mt19937 random(1);
  std::vector<uint8_t> head(kHeadBytes);
  for (int64_t sequence = 1; MonotonicUs() < until_us; ++sequence) {
    const size_t bytes = kMaxDataBytes / 2 + random() % (kMaxDataBytes / 2);
    const auto open = ring->Begin();
    Fill(open.data, bytes, sequence);
    Fill(head.data(), head.size(), sequence);
    ring->Publish(open, head, {bytes, random() % 10 == 0 ? kFlagKeyframe : 0, 1, 1, sequence, sequence, 0});
    ++counts->written;
  }
}

void ReadFrames(const uint8_t* base, int64_t until_us, Counts* counts) {
  std::mt19937 random(static_cast<unsigned>(reinterpret_cast<uintptr_t>(&base)));
  const auto& header = *reinterpret_cast<const FrameRingHeader*>(base);
  std::vector<uint8_t> copy(kHeadBytes + kMaxDataBytes);
  while (MonotonicUs() < until_us) {
    const size_t stride = static_cast<size_t>(header.slotStride.load());
    const uint8_t* at = base + kFrameRingHeaderBytes + (random() % kSlots) * stride;
    const auto& slot = *reinterpret_cast<const FrameSlotHeader*>(at);
    const int32_t lock = slot.lock.load();
    const int64_t sequence = slot.frameId.load();
    const auto offset = static_cast<size_t>(slot.messageOffset.load());
    const auto bytes = static_cast<size_t>(slot.messageBytes.load());
    if ((lock & 1) != 0 || sequence == 0 || slot.lock.load() != lock) continue;
    if (!CopyFromSlot(slot, lock, at + offset, bytes, copy.data())) {
      ++counts->overrun;
      continue;
    }
    ++counts->whole;
    if (!HasPattern(copy.data(), kHeadBytes, sequence) ||
        !HasPattern(copy.data() + kHeadBytes, bytes - kHeadBytes, sequence)) {
      ++counts->torn;
    }
  }
}

void WritePackets(PacketRingWriter* ring, int64_t until_us, Counts* counts) {
  std::mt19937 random(2);
  std::vector<uint8_t> payload(64 * 1024);
  int64_t next = 1;
  while (MonotonicUs() < until_us) {
    PacketInfo info;
    info.is_keyframe = random() % 25 == 0;
    info.size = static_cast<int32_t>(info.is_keyframe ? 20'000 + random() % 40'000 : 1 + random() % 8'000);
    info.pts = info.dts = next;
    Fill(payload.data(), static_cast<size_t>(info.size), next);
    if (ring->Write(info, payload.data()) != next) {
      ++counts->torn;
      return;
    }
    ++next;
    ++counts->written;
  }
}

void ReadPackets(PacketRingView view, int64_t until_us, Counts* counts) {
  std::mt19937 random(static_cast<unsigned>(reinterpret_cast<uintptr_t>(&view)));
  std::vector<uint8_t> payload;
  while (MonotonicUs() < until_us) {
    const int64_t first = view.header().firstSequence.load();
    const int64_t next = view.header().nextSequence.load();
    if (next <= first) continue;
    // Mostly the oldest packet, because it is overwritten next.
    const int64_t sequence =
        first + (random() % 4 == 0 ? static_cast<int64_t>(random() % static_cast<uint64_t>(next - first)) : 0);
    const auto info = ReadPacket(view, sequence, &payload, 64);
    if (!info) {
      ++counts->overrun;
      continue;
    }
    ++counts->whole;
    if (info->sequence != sequence || info->pts != sequence ||
        !HasPattern(payload.data(), static_cast<size_t>(info->size), sequence)) {
      ++counts->torn;
    }
  }
}

bool Report(const char* ring, const Counts& counts) {
  std::printf("%s ring: %lld written, %lld whole copies, %lld overruns noticed, %lld torn\n", ring,
              static_cast<long long>(counts.written.load()), static_cast<long long>(counts.whole.load()),
              static_cast<long long>(counts.overrun.load()), static_cast<long long>(counts.torn.load()));
  return counts.torn == 0 && counts.whole > 0 && counts.overrun > 0;
}

template <typename Write, typename Read>
void RunAll(Write write, Read read) {
  std::vector<std::thread> threads;
  threads.emplace_back(write);
  for (int i = 0; i < kReaders; ++i) threads.emplace_back(read);
  for (auto& thread : threads) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 60;
  const auto half_us = static_cast<int64_t>(seconds * 1e6 / 2);

  std::vector<uint64_t> frame_memory(FrameRingWriter::BytesFor(kSlots, kHeadBytes, kMaxDataBytes) / 8 + 8);
  auto* frame_base = reinterpret_cast<uint8_t*>(frame_memory.data());
  FrameRingWriter frames(frame_base, 1, kSlots, kHeadBytes, kMaxDataBytes);
  Counts frame_counts;
  int64_t until_us = MonotonicUs() + half_us;
  RunAll([&] { WriteFrames(&frames, until_us, &frame_counts); },
         [&] { ReadFrames(frame_base, until_us, &frame_counts); });

  std::vector<uint64_t> packet_memory((4u << 20) / 8);
  PacketRingView view{reinterpret_cast<uint8_t*>(packet_memory.data())};
  if (!InitPacketRing(view.base, packet_memory.size() * 8, 256, 1, 1)) return 2;
  PacketRingWriter packets(view);
  Counts packet_counts;
  until_us = MonotonicUs() + half_us;
  RunAll([&] { WritePackets(&packets, until_us, &packet_counts); },
         [&] { ReadPackets(view, until_us, &packet_counts); });

  const bool good = Report("frame", frame_counts) & Report("packet", packet_counts);
  std::printf("%s\n", good ? "ring stress: passed" : "ring stress: FAILED");
  return good ? 0 : 1;
}
