// What callers, recordings and passthrough get from cameras with bad timestamps: `timeline_users_test`.
#include "frames/interval_schedule.h"
#include "mp4/frame_times.h"
#include "relay/relay_clock.h"
#include "rtsp/timeline.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

using namespace chrys;

namespace {

constexpr int kRate = 90'000;
constexpr int kGroup = 25;
constexpr double kSeconds = 60;

struct Camera {
  const char* name;
  double fps;
  // RTP time of a picture, ticks.
  std::function<double(int)> stamp;
};

const std::vector<Camera> kCameras{
    {"good", 25, [](int i) { return i * 3'600.0; }},
    {"one picture in the past", 25, [](int i) { return i * 3'600.0 - (i % 50 == 49 ? 9'800.0 * kRate : 0); }},
    {"one picture in the future", 25, [](int i) { return i * 3'600.0 + (i % 50 == 49 ? 37'600.0 * kRate : 0); }},
    {"a jump that stays", 25, [](int i) { return i * 3'600.0 + (i >= 700 ? 5'000.0 * kRate : 0); }},
    {"stamps 25 fps, delivers 20.8", 20.8, [](int i) { return i * 3'600.0; }},
    {"timestamps never change", 25, [](int) { return 5.0; }},
};

// The packets that the packet ring gets.
std::vector<PacketInfo> Packets(const Camera& camera) {
  rtsp::Timeline timeline(kRate, 0);
  std::vector<PacketInfo> packets;
  const int count = static_cast<int>(kSeconds * camera.fps);
  for (int i = 0; i < count; ++i) {
    PacketInfo packet;
    packet.sequence = 1 + i;
    packet.arrival_us = static_cast<int64_t>(i / camera.fps * 1e6);
    packet.is_keyframe = i % kGroup == 0;
    const auto stamp = static_cast<uint32_t>(static_cast<int64_t>(camera.stamp(i)) + 1'000'000'000);
    packet.pts = timeline.Place(stamp, packet.arrival_us, packet.is_keyframe);
    packet.time_base_num = 1;
    packet.time_base_den = kRate;
    packet.connection = 1;
    packets.push_back(packet);
  }
  return packets;
}

void ForEachCamera(const std::function<void(const Camera&)>& check) {
  for (const Camera& camera : kCameras) {
    CAPTURE(camera.name);
    check(camera);
  }
}

TEST_CASE("callers with an interval of a second get one frame a second") {
  ForEachCamera([](const Camera& camera) {
    const auto packets = Packets(camera);
    std::atomic<int32_t> intervals[kIntervals] = {};
    intervals[0] = 1'000;
    IntervalSchedule schedule;
    std::vector<double> taken;  // by arrival
    for (const PacketInfo& packet : packets) {
      const double seconds = static_cast<double>(packet.pts) / kRate;
      schedule.Update(intervals, 1 << kFilterFirstInterval);
      if (packet.is_keyframe) schedule.BeginGop(seconds, kGroup / camera.fps, 1 / camera.fps);
      const bool decoded = schedule.NeedsRestOfGop(seconds) || (packet.is_keyframe && schedule.KeyframeDue(seconds));
      if (!decoded || schedule.Take(seconds, packet.is_keyframe) == 0) continue;
      taken.push_back(static_cast<double>(packet.arrival_us) / 1e6);
    }
    REQUIRE(taken.size() >= 58);
    CHECK(taken.size() <= 63);
    for (size_t i = 3; i < taken.size(); ++i) CHECK((taken[i] - taken[i - 1] > 0.45 && taken[i] - taken[i - 1] < 1.7));
  });
}

TEST_CASE("segments last as long as their pictures took") {
  ForEachCamera([](const Camera& camera) {
    const auto packets = Packets(camera);
    const double group_seconds = kGroup / camera.fps;
    double total = 0;
    for (size_t begin = 0; begin + kGroup < packets.size(); begin += kGroup) {
      const std::vector<PacketInfo> group(packets.begin() + static_cast<std::ptrdiff_t>(begin),
                                          packets.begin() + static_cast<std::ptrdiff_t>(begin + kGroup));
      const double seconds = static_cast<double>(TimesOf(group, packets[begin + kGroup]).duration) / kRate;
      CHECK(seconds < 1.1 * group_seconds);
      CHECK(seconds > 0.8 * group_seconds);
      total += seconds;
    }
    const double wall = static_cast<double>(packets[(packets.size() - 1) / kGroup * kGroup].arrival_us) / 1e6;
    CHECK(std::abs(total - wall) < 1);
  });
}

TEST_CASE("passthrough continues in order") {
  ForEachCamera([](const Camera& camera) {
    RelayClock clock(0, static_cast<int64_t>(1e6 / camera.fps));
    int64_t last_us = -1;
    for (const PacketInfo& packet : Packets(camera)) {
      const RelayTimes times = clock.Add(packet);
      CHECK(times.dts > last_us);
      CHECK(times.pts == times.dts);
      CHECK(times.dts - last_us < 200'000);
      last_us = times.dts;
    }
    CHECK(std::abs(static_cast<double>(last_us) / 1e6 - kSeconds) < 1);
  });
}

}  // namespace
