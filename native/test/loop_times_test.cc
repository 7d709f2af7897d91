// The times of a file that is played in a loop: `loop_times_test`.
#include "source/loop_times.h"

#include <doctest/doctest.h>

#include <vector>

using namespace chrys;

namespace {

constexpr int64_t kFrame = 40'000;
constexpr int64_t kSecond = 1'000'000;

std::vector<LoopTimes::Times> Play(LoopTimes& times, const std::vector<int64_t>& frames, int64_t start,
                                   int64_t lag = 0) {
  std::vector<LoopTimes::Times> made;
  for (size_t i = 0; i < frames.size(); ++i) {
    const int64_t dts = start + (static_cast<int64_t>(i)) * kFrame - lag;
    made.push_back(times.Add(start + frames[i] * kFrame, dts, kFrame, false));
  }
  times.BeginLoop();
  return made;
}

std::vector<int64_t> Count(int64_t frames) {
  std::vector<int64_t> row;
  for (int64_t i = 0; i < frames; ++i) row.push_back(i);
  return row;
}

TEST_CASE("times continue from loop to loop") {
  for (const int64_t start : {int64_t{0}, -3 * kSecond, 38'775 * kSecond}) {
    LoopTimes times;
    for (int64_t loop = 0; loop < 3; ++loop) {
      const auto made = Play(times, Count(50), start);
      for (int64_t i = 0; i < 50; ++i) CHECK(made[static_cast<size_t>(i)].pts == (loop * 50 + i) * kFrame);
    }
  }
}

TEST_CASE("reordered frames keep their distances") {
  const std::vector<int64_t> order{0,  3,  1,  2,  6,  4,  5,  9,  7,  8,  12, 10, 11,
                                   15, 13, 14, 18, 16, 17, 21, 19, 20, 24, 22, 23};
  LoopTimes times;
  const auto first = Play(times, order, 0, 2 * kFrame);
  const auto second = Play(times, order, 0, 2 * kFrame);
  for (size_t i = 0; i < order.size(); ++i) {
    CHECK(first[i].pts - first[0].pts == order[i] * kFrame);
    CHECK(second[i].pts - first[i].pts == 25 * kFrame);
    CHECK(first[i].pts >= first[i].dts);
    CHECK(second[i].pts >= second[i].dts);
    CHECK((i == 0 || second[i].dts > second[i - 1].dts));
  }
  CHECK(second[0].dts > first.back().dts);
}

TEST_CASE("short files last a second") {
  LoopTimes times;
  CHECK(Play(times, Count(1), 7 * kSecond)[0].pts == 0);
  CHECK(Play(times, Count(1), 7 * kSecond)[0].pts == kSecond);
  CHECK(Play(times, Count(1), 7 * kSecond)[0].pts == 2 * kSecond);
}

TEST_CASE("hidden packets take no time") {
  LoopTimes times;
  int64_t last_dts = -1;
  for (int64_t loop = 0; loop < 3; ++loop) {
    for (int64_t i = 0; i < 13; ++i) {
      const auto made = times.Add((i - 13) * kFrame, (i - 13) * kFrame, kFrame, true);
      CHECK(made.dts > last_dts);
      CHECK(made.pts == made.dts);
      CHECK(made.dts < loop * 50 * kFrame + 100);
      CHECK(!times.offset());
      last_dts = made.dts;
    }
    for (int64_t i = 0; i < 50; ++i) {
      const auto made = times.Add(i * kFrame, i * kFrame, kFrame, false);
      CHECK(made.dts > last_dts);
      CHECK(made.pts >= made.dts);
      // Each loop begins a few microseconds later.
      CHECK(made.pts - (loop * 50 + i) * kFrame >= 0);
      CHECK(made.pts - (loop * 50 + i) * kFrame < 100);
      last_dts = made.dts;
    }
    times.BeginLoop();
  }
}

TEST_CASE("frames keep their own distances") {
  LoopTimes times;
  const std::vector<int64_t> at{0, 40'000, 80'000, 480'000, 880'000, 1'280'000};
  for (const int64_t loop : {0, 1}) {
    for (size_t i = 0; i < at.size(); ++i) {
      const int64_t duration = i < 2 ? 40'000 : 400'000;
      CHECK(times.Add(at[i], at[i], duration, false).pts == loop * 1'680'000 + at[i]);
    }
    times.BeginLoop();
  }
}

TEST_CASE("breaks of the clock are not pauses") {
  LoopTimes times;
  times.Add(0, 0, kFrame, false);
  times.Add(kFrame, kFrame, kFrame, false);
  // Hours later, and back again.
  CHECK(times.Add(9'000 * kSecond, 9'000 * kSecond, kFrame, false).dts == 2 * kFrame);
  CHECK(times.Add(9'000 * kSecond + kFrame, 9'000 * kSecond + kFrame, kFrame, false).dts == 3 * kFrame);
  CHECK(times.Add(4 * kFrame, 4 * kFrame, kFrame, false).dts == 4 * kFrame);
  // Ten seconds are a real pause.
  CHECK(times.Add(10 * kSecond, 10 * kSecond, kFrame, false).dts == 10 * kSecond);
}

}  // namespace
