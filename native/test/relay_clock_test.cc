// The times that a passthrough gives to the packets of cameras: `relay_clock_test`.
#include "relay/relay_clock.h"

#include <doctest/doctest.h>

#include <vector>

using namespace chrys;

namespace {

constexpr int64_t kFrameUs = 40'000;
// The decoding order of frames of which two are shown before the frame that they follow.
const std::vector<int64_t> kReordered{0, 3, 1, 2, 6, 4, 5, 9, 7, 8, 12, 10, 11};

PacketInfo Packet(int64_t pts_us, int32_t connection, int64_t arrival_us) {
  PacketInfo packet;
  packet.pts = pts_us;
  packet.time_base_num = 1;
  packet.time_base_den = 1'000'000;
  packet.connection = connection;
  packet.arrival_us = arrival_us;
  return packet;
}

// Times of packets that arrive one frame after the other, all later by `offset_us`.
std::vector<RelayTimes> Feed(RelayClock& clock, const std::vector<int64_t>& order, int64_t offset_us = 0,
                             int32_t connection = 1, int64_t first_arrival_us = 0) {
  std::vector<RelayTimes> times;
  for (const int64_t frame : order) {
    const int64_t arrival_us = first_arrival_us + static_cast<int64_t>(times.size()) * kFrameUs;
    times.push_back(clock.Add(Packet(offset_us + frame * kFrameUs, connection, arrival_us)));
  }
  return times;
}

void ExpectInOrder(const std::vector<RelayTimes>& times) {
  for (size_t i = 0; i < times.size(); ++i) {
    CHECK(times[i].pts >= times[i].dts);
    CHECK((i == 0 || times[i].dts > times[i - 1].dts));
  }
}

TEST_CASE("times begin at zero whatever the camera says") {
  RelayClock clock(0, kFrameUs);
  const auto times = Feed(clock, {0, 1, 2}, 7'000'000'000);
  for (size_t i = 0; i < times.size(); ++i) {
    CHECK(times[i].pts == static_cast<int64_t>(i) * kFrameUs);
    CHECK(times[i].dts == times[i].pts);
  }
}

TEST_CASE("reordered frames keep their distances") {
  RelayClock clock(1, kFrameUs);
  const auto times = Feed(clock, kReordered);
  ExpectInOrder(times);
  CHECK(times[0].dts == 0);
  CHECK(times[0].pts == kFrameUs);
  for (size_t i = 0; i < times.size(); ++i) {
    CHECK(times[i].pts == (kReordered[i] + 1) * kFrameUs);
    CHECK(times[i].dts == static_cast<int64_t>(i) * kFrameUs);
  }
}

TEST_CASE("an order that was not announced is learnt") {
  RelayClock clock(0, kFrameUs);
  const auto times = Feed(clock, kReordered);
  ExpectInOrder(times);
  // The distances are right from the first frame on that shows the order.
  for (size_t i = 3; i < times.size(); ++i) {
    CHECK(times[i].pts - times[2].pts == (kReordered[i] - kReordered[2]) * kFrameUs);
  }
}

TEST_CASE("times continue after a break as long as the camera was away") {
  RelayClock clock(1, kFrameUs);
  const auto before = Feed(clock, kReordered);
  constexpr int64_t kBackUs = 5'000'000;
  const auto after = Feed(clock, kReordered, 0, 2, kBackUs);
  ExpectInOrder(before);
  ExpectInOrder(after);
  const int64_t away_us = kBackUs - static_cast<int64_t>(kReordered.size() - 1) * kFrameUs;
  const int64_t latest_us = (12 + 1) * kFrameUs;
  CHECK(after.front().dts > before.back().dts);
  CHECK(after.front().pts == latest_us + away_us);
  CHECK(clock.AudioTime(0, 1, 1'000'000) == after.front().pts);
}

TEST_CASE("times begin anew when the camera sets its clock") {
  RelayClock clock(0, kFrameUs);
  const auto before = Feed(clock, {0, 1, 2});
  for (const int64_t offset_us : {int64_t{-3'600'000'000}, int64_t{3'600'000'000}}) {
    const auto after = Feed(clock, {0, 1, 2}, offset_us, 1, 3 * kFrameUs);
    ExpectInOrder(after);
    CHECK(after.front().dts > before.back().dts);
    CHECK(after.back().dts < 20 * kFrameUs);
  }
}

TEST_CASE("each packet gets a time of its own") {
  RelayClock clock(0, kFrameUs);
  ExpectInOrder(Feed(clock, {0, 0, 0, 1, 1, 2}));
}

}  // namespace
