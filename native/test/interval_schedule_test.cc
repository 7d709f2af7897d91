// Which frames the interval schedule takes of streams with regular GOPs: `interval_schedule_test`.
#include "frames/interval_schedule.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace chrys;

namespace {

constexpr double kFrame = 0.04;

struct Outcome {
  std::vector<double> taken;  // seconds
  int decoded = 0;
  int frames = 0;
  double mean() const { return (taken.back() - taken.front()) / static_cast<double>(taken.size() - 1); }
  double share() const { return static_cast<double>(decoded) / frames; }
};

// Runs frames through the schedule as the capture loop does; the caller comes at frame `from`.
Outcome Play(int interval_ms, int gop_frames, int frames, int from, int real_gop_frames = 0) {
  std::atomic<int32_t> intervals[kIntervals] = {};
  intervals[0] = interval_ms;
  IntervalSchedule schedule;
  Outcome outcome;
  const int period = real_gop_frames > 0 ? real_gop_frames : gop_frames;
  int in_group = 0;  // frames of the group that were decoded
  for (int i = 0; i < frames; ++i) {
    const double seconds = i * kFrame;
    const bool keyframe = i % period == 0;
    schedule.Update(intervals, i >= from ? 1 << kFilterFirstInterval : 0);
    if (keyframe) {
      schedule.BeginGop(seconds, gop_frames * kFrame, kFrame);
      in_group = 0;
    }
    if (i < from) continue;
    ++outcome.frames;
    const bool needed = schedule.NeedsRestOfGop(seconds) || (keyframe && schedule.KeyframeDue(seconds));
    if (!needed) continue;
    outcome.decoded += i % period + 1 - in_group;
    in_group = i % period + 1;
    if (schedule.Take(seconds, keyframe) != 0) outcome.taken.push_back(seconds);
  }
  return outcome;
}

bool Near(double a, double b, double slack) { return std::abs(a - b) <= slack; }

TEST_CASE("every second is served") {
  for (int from : {0, 15, 37}) {
    const Outcome outcome = Play(1000, 50, 2000, from);
    CHECK(Near(outcome.mean(), 1.0, 0.05));
    // Aligned to the keyframes: one at the keyframe, one in the middle, and none after it.
    CHECK(outcome.share() < 0.56);
    for (size_t i = 3; i < outcome.taken.size(); ++i) {
      CHECK(Near(outcome.taken[i] - outcome.taken[i - 1], 1.0, kFrame));
    }
  }
}

TEST_CASE("long intervals are served with keyframes only") {
  for (int ms : {2000, 3000, 5000, 10'000}) {
    const Outcome outcome = Play(ms, 50, 5000, 50);
    CHECK(Near(outcome.mean(), ms / 1000.0, 0.25 * ms / 1000.0));
    for (double seconds : outcome.taken) CHECK(std::lround(seconds / kFrame) % 50 == 0);
    CHECK(outcome.share() <= 1.0 / 50 + 0.001);
  }
}

TEST_CASE("intervals that do not fit the GOP keep their mean") {
  for (int ms : {200, 300, 700, 900, 1300}) {
    const Outcome outcome = Play(ms, 50, 10'000, 0);
    CHECK(Near(outcome.mean(), ms / 1000.0, 0.06 * ms / 1000.0 + kFrame / 4));
    for (size_t i = 2; i < outcome.taken.size(); ++i) {
      CHECK(outcome.taken[i] - outcome.taken[i - 1] >= 0.7 * ms / 1000.0 - kFrame);
    }
  }
}

TEST_CASE("an interval of one frame takes every frame") {
  const Outcome outcome = Play(40, 50, 1000, 0);
  CHECK(outcome.taken.size() == 1000);
}

TEST_CASE("serving continues when a GOP is longer than usual") {
  // The GOPs had 2 s; now no keyframe comes any more.
  const Outcome outcome = Play(1000, 50, 1000, 0, 100'000);
  CHECK(outcome.taken.size() >= 30);
  const Outcome by_keyframes = Play(3000, 50, 1000, 0, 100'000);
  CHECK(by_keyframes.taken.size() >= 8);
}

TEST_CASE("a new caller gets a frame at once") {
  const Outcome outcome = Play(1000, 50, 100, 33);
  REQUIRE(!outcome.taken.empty());
  CHECK(Near(outcome.taken.front(), 33 * kFrame, 1e-9));
}

TEST_CASE("serving continues when a frame from before a clock jump is taken late") {
  std::atomic<int32_t> intervals[kIntervals] = {};
  intervals[0] = 1000;
  IntervalSchedule schedule;
  int taken = 0;
  double offset = 100'000;
  for (int i = 0; i < 1'000; ++i) {
    if (i == 500) {
      schedule.Restart();
      offset = 0;
    }
    const double seconds = offset + i * kFrame;
    schedule.Update(intervals, 1 << kFilterFirstInterval);
    if (i % 25 == 0) schedule.BeginGop(seconds, 1, kFrame);
    // The decoder returns each frame two packets later.
    if (i >= 502 || i < 500) taken += schedule.Take(seconds - 2 * kFrame, i % 25 == 2) != 0 ? 1 : 0;
    if (i == 500 || i == 501) taken += schedule.Take(100'000 + (i - 2) * kFrame, false) != 0 ? 1 : 0;
  }
  CHECK(taken >= 39);
  CHECK(taken <= 43);
}

}  // namespace
