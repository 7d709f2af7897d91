// How long a camera may be silent: `patience_test`.
#include "rtsp/patience.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace chrys::rtsp;

namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kConfigured = 5 * kSecond;

// Pictures at these moments (seconds after PLAY). True: no silence before them was too long.
bool Runs(Patience& patience, const std::vector<double>& moments) {
  int64_t last_us = 0;
  for (const double moment : moments) {
    const auto now_us = static_cast<int64_t>(moment * kSecond);
    if (now_us - last_us > patience.LimitUs()) return false;
    patience.OnPicture(now_us);
    last_us = now_us;
  }
  return true;
}

std::vector<double> Regular(double from, double gap, double until) {
  std::vector<double> moments;
  for (int i = 0; from + i * gap <= until; ++i) moments.push_back(from + i * gap);
  return moments;
}

void Append(std::vector<double>& moments, const std::vector<double>& more) {
  moments.insert(moments.end(), more.begin(), more.end());
}

TEST_CASE("the first picture has a long time limit") {
  Patience patience(kConfigured, 25, 0);
  CHECK(patience.LimitUs() == 15 * kSecond);
  CHECK(Runs(patience, {12}));
  CHECK(Patience(20 * kSecond, 0, 0).LimitUs() == 20 * kSecond);
  CHECK(Patience(kConfigured, 0.1, 0).LimitUs() == 30 * kSecond);
  CHECK(Patience(kConfigured, 0, 8 * kSecond).LimitUs() == 24 * kSecond);
}

TEST_CASE("a dead camera is found soon") {
  for (const double fps : {2.0, 5.0, 25.0, 60.0}) {
    for (const double seconds : {1.0, 10.0, 600.0}) {
      Patience patience(kConfigured, 0, 0);
      CHECK(Runs(patience, Regular(0.2, 1 / fps, seconds)));
      if (seconds * fps < 3) continue;
      CHECK(patience.LimitUs() <= 6 * kSecond);
    }
  }
}

TEST_CASE("a slow camera runs from the first connection") {
  for (const double gap : {1.0, 4.0, 7.0, 10.0, 14.0}) {
    for (const double first : {0.1, 12.0}) {
      Patience patience(kConfigured, 0, 0);
      CHECK(Runs(patience, Regular(first, gap, 600)));
      if (gap >= 2) CHECK(patience.usual_gap_us() == static_cast<int64_t>(gap * kSecond));
      CHECK(patience.LimitUs() <= std::max<int64_t>(kConfigured, static_cast<int64_t>(3 * gap * kSecond)));
    }
  }
  // Buffered pictures come first, all at once.
  Patience cached(kConfigured, 0, 0);
  std::vector<double> moments{0.1, 0.101, 0.102, 0.103};
  Append(moments, Regular(7, 7, 300));
  CHECK(Runs(cached, moments));
  // A whole GOP comes at once every 10 s.
  Patience groups(kConfigured, 25, 0);
  moments.clear();
  for (int group = 0; group < 60; ++group) Append(moments, Regular(group * 10, 0.0005, group * 10 + 0.1));
  CHECK(Runs(groups, moments));
}

TEST_CASE("a single interruption does not count as usual") {
  Patience patience(kConfigured, 25, 0);
  std::vector<double> moments = Regular(0, 0.04, 60);
  Append(moments, Regular(64.5, 0.04, 120));
  CHECK(Runs(patience, moments));
  CHECK(patience.LimitUs() == kConfigured);
  // An interruption near the beginning counts, but not for ever.
  Patience early(kConfigured, 25, 0);
  moments = Regular(0, 0.04, 2);
  Append(moments, Regular(6, 0.04, 8));
  CHECK(Runs(early, moments));
  CHECK(early.LimitUs() > 10 * kSecond);
  CHECK(Runs(early, Regular(8.04, 0.04, 60)));
  CHECK(early.LimitUs() == kConfigured);
}

TEST_CASE("slow cameras are remembered, dead ones are not") {
  // A dead camera: nothing is remembered, however often it stalls.
  int64_t remembered_us = 0;
  for (int connection = 0; connection < 5; ++connection) {
    Patience patience(kConfigured, 25, remembered_us);
    CHECK(Runs(patience, Regular(0.1, 0.04, 3)));
    CHECK(patience.LimitUs() == kConfigured);
    remembered_us = patience.GapAfterStallUs();
    CHECK(remembered_us < kSecond);
  }
  CHECK(Patience(kConfigured, 25, 0).GapAfterStallUs() == 0);
  // A slow camera: the next connection knows it as well.
  Patience slow(kConfigured, 0, 0);
  CHECK(Runs(slow, Regular(0, 12, 60)));
  CHECK(slow.usual_gap_us() == 12 * kSecond);
  Patience again(kConfigured, 0, slow.usual_gap_us());
  CHECK(again.LimitUs() == 36 * kSecond);
  // The camera has become fast: the gap is forgotten soon.
  CHECK(Runs(again, Regular(0, 0.04, 30)));
  CHECK(again.LimitUs() == kConfigured);
  CHECK(again.usual_gap_us() < kSecond);
}

TEST_CASE("cameras slower than the first limit are learnt") {
  // A picture every 40 s, one of them at once.
  int64_t remembered_us = 0;
  int connections = 0;
  for (; connections < 5; ++connections) {
    Patience patience(kConfigured, 0, remembered_us);
    if (Runs(patience, Regular(0.1, 40, 1'000))) break;
    remembered_us = patience.GapAfterStallUs();
  }
  CHECK(connections == 2);
  // One picture in each connection: the limit grows only up to its maximum.
  for (connections = 0; connections < 20; ++connections) {
    Patience patience(kConfigured, 0, remembered_us);
    patience.OnPicture(0);
    remembered_us = patience.GapAfterStallUs();
  }
  CHECK(Patience(kConfigured, 0, remembered_us).LimitUs() <= 300 * kSecond);
}

TEST_CASE("any values are accepted") {
  Patience patience(-1, -5, -7);
  CHECK(patience.LimitUs() == 15 * kSecond);
  for (const int64_t now_us : {int64_t{5}, int64_t{1}, INT64_MAX / 2, int64_t{0}}) {
    patience.OnPicture(now_us);
    CHECK(patience.LimitUs() > 0);
  }
  CHECK(Patience(kConfigured, 1e-300, INT64_MAX).LimitUs() == 1'800 * kSecond);
}

}  // namespace
