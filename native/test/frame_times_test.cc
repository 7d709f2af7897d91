// The times of frames in files: `frame_times_test`.
#include "mp4/frame_times.h"

#include <doctest/doctest.h>

#include <vector>

using namespace chrys;

namespace {

constexpr int64_t kRate = 90'000;
constexpr int64_t kFrame = 3'600;
constexpr int64_t kFrameUs = 40'000;
constexpr int kGroup = 25;

// A GOP of 25 pictures, one every 40 ms.
std::vector<PacketInfo> Group(int64_t first_pts = 0, int64_t first_arrival_us = 1'000'000'000'000) {
  std::vector<PacketInfo> packets;
  for (int i = 0; i < kGroup; ++i) {
    PacketInfo packet;
    packet.sequence = 1 + i;
    packet.pts = first_pts + i * kFrame;
    packet.arrival_us = first_arrival_us + i * kFrameUs;
    packet.time_base_num = 1;
    packet.time_base_den = kRate;
    packet.connection = 1;
    packet.is_keyframe = i == 0;
    packets.push_back(packet);
  }
  return packets;
}

PacketInfo After(const std::vector<PacketInfo>& packets, int64_t pts_step, int64_t arrival_step_us) {
  PacketInfo next = packets.back();
  next.sequence += 1;
  next.pts += pts_step;
  next.arrival_us += arrival_step_us;
  return next;
}

TEST_CASE("plausible times are kept") {
  const auto packets = Group(7'000'000'000);
  const FrameTimes times = TimesOf(packets, After(packets, kFrame, kFrameUs));
  CHECK(times.duration == kGroup * kFrame);
  for (int i = 0; i < kGroup; ++i) CHECK(times.pts[static_cast<size_t>(i)] == i * kFrame);
}

TEST_CASE("times are kept when packets come late or in bursts") {
  // A long GOP that the camera has buffered comes at once.
  auto packets = Group();
  for (size_t i = 0; i < packets.size(); ++i) {
    packets[i].pts = static_cast<int64_t>(i) * kRate;
    packets[i].arrival_us = packets[0].arrival_us + static_cast<int64_t>(i);
  }
  CHECK(TimesOf(packets, std::nullopt).duration == kGroup * kRate);
  // The network stands still for 15 s.
  packets = Group();
  for (size_t i = 10; i < packets.size(); ++i) packets[i].arrival_us += 15'000'000;
  CHECK(TimesOf(packets, After(packets, kFrame, 0)).duration == kGroup * kFrame);
}

TEST_CASE("arrival replaces times that cannot be right") {
  // One picture hours away.
  auto packets = Group();
  packets[12].pts += 9'800 * kRate;
  FrameTimes times = TimesOf(packets, After(packets, kFrame, kFrameUs));
  CHECK(times.duration == kGroup * kFrame);
  CHECK(times.pts[12] == 12 * kFrame);
  packets[12].pts -= 2 * 9'800 * kRate;
  times = TimesOf(packets, After(packets, kFrame, kFrameUs));
  CHECK(times.duration == kGroup * kFrame);
  CHECK(times.pts[12] == 12 * kFrame);
  // The timestamps never change.
  for (PacketInfo& packet : packets) packet.pts = 5;
  times = TimesOf(packets, After(packets, 0, kFrameUs));
  CHECK(times.duration == kGroup * kFrame);
  CHECK(times.pts[12] == 12 * kFrame);
}

TEST_CASE("a gap after the last frame is kept") {
  const auto packets = Group();
  // The camera sent nothing for 4 s.
  CHECK(TimesOf(packets, After(packets, 4 * kRate, 4'000'000)).duration == (kGroup - 1) * kFrame + 4 * kRate);
  // Only the timestamps of the camera have a gap.
  CHECK(TimesOf(packets, After(packets, 4 * kRate, kFrameUs)).duration == kGroup * kFrame);
  CHECK(TimesOf(packets, After(packets, 9'800 * kRate, kFrameUs)).duration == kGroup * kFrame);
  CHECK(TimesOf(packets, After(packets, -9'800 * kRate, kFrameUs)).duration == kGroup * kFrame);
  // A picture every 14 s, each a GOP.
  std::vector<PacketInfo> lone = {packets[0]};
  CHECK(TimesOf(lone, After(lone, 14 * kRate, 14'000'000)).duration == 14 * kRate);
  CHECK(TimesOf(lone, std::nullopt).duration == kFrame);
}

TEST_CASE("any values are accepted") {
  auto packets = Group();
  packets[1].pts = INT64_MAX;
  packets[2].pts = INT64_MIN;
  packets[3].arrival_us = INT64_MAX;
  const FrameTimes times = TimesOf(packets, std::nullopt);
  CHECK(times.pts.size() == packets.size());
}

}  // namespace
