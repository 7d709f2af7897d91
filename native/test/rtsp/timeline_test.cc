// The times that simulated cameras get: `timeline_test`.
#include "rtsp/timeline.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

using namespace chrys::rtsp;

namespace {

constexpr int kRate = 90'000;
constexpr int64_t kFrame = 3'600;  // of 25 fps
constexpr double kUs = 1e6;

struct Picture {
  uint32_t rtp_time = 0;
  double arrival = 0;  // seconds
  bool keyframe = false;
  int64_t out = 0;
};

struct Camera {
  double fps = 25;          // delivered
  double stamped_fps = 25;  // 0 = the timestamps never change
  double seconds = 60;
  int gop = 25;
  uint32_t start = 1'000'000;
  double declared_fps = 0;
  double jitter = 0;            // maximum lateness of a packet, seconds
  double report_every = 0;      // seconds; 0 = no sender reports
  bool counts_pictures = true;  // the reports' clock is the RTP clock; else it is right
  // Changes of one picture: number of the picture, the picture.
  std::function<void(int, Picture&)> change = [](int, Picture&) {};
};

constexpr uint64_t kNtp2026 = uint64_t{3'976'000'000};  // seconds since 1900

uint64_t Ntp(double seconds) {
  const double whole = std::floor(seconds);
  return static_cast<uint64_t>(whole) << 32 | static_cast<uint64_t>((seconds - whole) * 4294967296.0);
}

// Pseudo-random numbers from 0 to 1, always the same.
class Noise {
 public:
  double Next() {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state_ >> 40) / static_cast<double>(1 << 24);
  }

 private:
  uint64_t state_ = 42;
};

std::vector<Picture> Send(const Camera& camera) {
  std::vector<Picture> pictures;
  Noise noise;
  const int count = static_cast<int>(std::lround(camera.seconds * camera.fps)) + 1;
  double last = 0;
  for (int i = 0; i < count; ++i) {
    Picture picture;
    const double ticks = camera.stamped_fps > 0 ? std::floor(i * kRate / camera.stamped_fps) : 0;
    picture.rtp_time = camera.start + static_cast<uint32_t>(static_cast<int64_t>(ticks));
    picture.arrival = i / camera.fps + camera.jitter * noise.Next();
    picture.keyframe = i % camera.gop == 0;
    camera.change(i, picture);
    picture.arrival = last = std::max(last, picture.arrival);
    pictures.push_back(picture);
  }
  return pictures;
}

void PlaceAll(Timeline& timeline, std::vector<Picture>& pictures, const Camera& camera) {
  double reported = -1e9;
  for (Picture& picture : pictures) {
    const auto arrival_us = static_cast<int64_t>(picture.arrival * kUs) + 5'000'000'000;
    picture.out = timeline.Place(picture.rtp_time, arrival_us, picture.keyframe);
    if (camera.report_every <= 0 || picture.arrival - reported < camera.report_every) continue;
    reported = picture.arrival;
    const double counted = static_cast<double>(picture.rtp_time - camera.start) / kRate;
    const double own = camera.counts_pictures ? counted : picture.arrival;
    timeline.OnSenderReport(picture.rtp_time, Ntp(static_cast<double>(kNtp2026) + own), arrival_us);
  }
}

std::vector<Picture> Run(const Camera& camera) {
  Timeline timeline(kRate, camera.declared_fps);
  std::vector<Picture> pictures = Send(camera);
  PlaceAll(timeline, pictures, camera);
  return pictures;
}

double Seconds(int64_t ticks) { return static_cast<double>(ticks) / kRate; }

double Length(const std::vector<Picture>& pictures) { return Seconds(pictures.back().out - pictures.front().out); }

bool Near(double a, double b, double slack) { return std::abs(a - b) <= slack; }

void ExpectForward(const std::vector<Picture>& pictures) {
  for (size_t i = 1; i < pictures.size(); ++i) CHECK(pictures[i].out > pictures[i - 1].out);
}

double LongestGroup(const std::vector<Picture>& pictures) {
  double longest = 0;
  int64_t begin = 0;
  for (const Picture& picture : pictures) {
    if (!picture.keyframe) continue;
    longest = std::max(longest, Seconds(picture.out - begin));
    begin = picture.out;
  }
  return longest;
}

TEST_CASE("the times of a good camera are kept") {
  for (const uint32_t start : {0u, 1'000'000u, 0xffffffffu - 100'000u, 0x7fffffffu}) {
    for (const double jitter : {0.0, 0.03, 0.2, 0.5}) {
      Camera camera;
      camera.start = start;
      camera.jitter = jitter;
      const auto pictures = Run(camera);
      for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == static_cast<int64_t>(i) * kFrame);
    }
  }
}

TEST_CASE("B-frames keep the order of display") {
  // Decoding order of groups of 12: each third picture comes before the two that are shown before it.
  Camera camera;
  camera.gop = 12;
  const auto shown = [](int i) { return i == 0 ? 0 : (i - 1) / 3 * 3 + ((i - 1) % 3 == 0 ? 3 : (i - 1) % 3); };
  camera.change = [&](int i, Picture& picture) {
    picture.rtp_time = 0xffff0000u + static_cast<uint32_t>(shown(i) * kFrame);
    picture.keyframe = i == 0 || (i - 1) % 12 == 9;
  };
  auto pictures = Run(camera);
  for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == shown(static_cast<int>(i)) * kFrame);

  // Any one picture hours away is put where it belongs.
  for (int stray = 60; stray < 66; ++stray) {
    Camera odd = camera;
    odd.change = [&, stray](int i, Picture& picture) {
      camera.change(i, picture);
      if (i == stray) picture.rtp_time += 3'000'000'000u;
    };
    pictures = Run(odd);
    for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == shown(static_cast<int>(i)) * kFrame);
  }

  // A jump that stays: nothing changes its place in the order.
  camera.change = [&](int i, Picture& picture) {
    picture.rtp_time = static_cast<uint32_t>(shown(i) * kFrame) + (i >= 61 ? 2'000'000'000u : 0u);
    picture.keyframe = i == 0 || (i - 1) % 12 == 9;
  };
  pictures = Run(camera);
  for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == shown(static_cast<int>(i)) * kFrame);
}

TEST_CASE("a cached GOP at the start is kept") {
  for (const double cached : {1.0, 4.0, 10.0}) {
    Camera camera;
    camera.seconds = 60 + cached;
    camera.gop = 50;
    camera.change = [&](int i, Picture& picture) { picture.arrival = std::max(i * 0.0005, i / 25.0 - cached); };
    const auto pictures = Run(camera);
    for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == static_cast<int64_t>(i) * kFrame);
  }
}

TEST_CASE("packets that come late and then at once stretch nothing") {
  // The link carries 30 % of the data from second 20 on, and later the rest at once.
  const auto late = [](double from, double until) {
    return [=](int i, Picture& picture) {
      const double time = i / 25.0;
      if (time < from) return;
      picture.arrival = std::max(time, std::min(from + (time - from) / 0.3, until + i * 1e-5));
    };
  };
  Camera camera;
  camera.change = late(20, 23.5);
  auto pictures = Run(camera);
  for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == static_cast<int64_t>(i) * kFrame);
  // For longer delays, the sender reports show that the clock is not slow.
  camera.report_every = 5;
  camera.change = late(20, 32);
  pictures = Run(camera);
  for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == static_cast<int64_t>(i) * kFrame);
  // Without reports this cannot be known, but the total length and the order are kept.
  camera.report_every = 0;
  camera.seconds = 180;
  pictures = Run(camera);
  ExpectForward(pictures);
  CHECK(Near(Length(pictures), 180, 1));
  // Nothing at all for 4 s.
  camera.change = [](int i, Picture& picture) {
    const double time = i / 25.0;
    if (time >= 20 && time < 24) picture.arrival = 24 + i * 1e-5;
  };
  pictures = Run(camera);
  for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == static_cast<int64_t>(i) * kFrame);
}

TEST_CASE("stamps that run at another rate follow the arrival") {
  struct Case {
    double fps, stamped, jitter;
  };
  for (const Case& each : {Case{20.8, 25, 0}, Case{20.8, 25, 0.03}, Case{25, 20, 0.02}, Case{10, 25, 0.01},
                           Case{15, 25, 0.03}, Case{30, 25, 0.02}, Case{25, 2'250, 0.01}, Case{24.2, 25, 0.02}}) {
    Camera camera;
    camera.fps = each.fps;
    camera.stamped_fps = each.stamped;
    camera.jitter = each.jitter;
    camera.gop = static_cast<int>(each.fps);
    const auto pictures = Run(camera);
    ExpectForward(pictures);
    // If timestamps are in milliseconds, the time lost in the first seconds is not made up within a minute.
    const double slack = each.stamped > 1'000 ? 2 : 1;
    INFO("delivers ", each.fps, " fps, stamps ", each.stamped, " fps: ", Length(pictures), " s");
    CHECK(Near(Length(pictures), 60, slack));
    // The last 30 s run at the right rate.
    const auto half = pictures.size() / 2;
    const double wall = pictures.back().arrival - pictures[half].arrival;
    CHECK(Near(Seconds(pictures.back().out - pictures[half].out) / wall, 1, 0.09));
  }
  // A GOP of 25 s does not delay the correction for long.
  Camera camera;
  camera.fps = 20.8;
  camera.gop = 625;
  CHECK(Near(Length(Run(camera)), 60, 1));
  // Sender reports with the right time do not hide the wrong rate. Reports that count pictures hide it only for a
  // while.
  camera = Camera();
  camera.fps = 20.8;
  camera.report_every = 2;
  camera.counts_pictures = false;
  CHECK(Near(Length(Run(camera)), 60, 1));
  camera.counts_pictures = true;
  camera.seconds = 300;
  CHECK(Near(Length(Run(camera)), 300, 2));
  // The rate changes and comes back.
  camera = Camera();
  camera.seconds = 120;
  camera.change = [](int i, Picture& picture) {
    const double time = i / 25.0;
    picture.arrival = time < 30 ? time : time < 60 ? 30 + (time - 30) * 1.25 : 67.5 + (time - 60);
  };
  const auto pictures = Run(camera);
  ExpectForward(pictures);
  CHECK(Near(Length(pictures), 127.5, 1));
  CHECK(LongestGroup(pictures) < 1.25 * 1.1);
}

TEST_CASE("timestamps that never change are placed by arrival") {
  for (const double declared : {0.0, 25.0}) {
    for (const double jitter : {0.0, 0.03}) {
      Camera camera;
      camera.stamped_fps = 0;
      camera.declared_fps = declared;
      camera.jitter = jitter;
      const auto pictures = Run(camera);
      ExpectForward(pictures);
      CHECK(Near(Length(pictures), 60, 0.2));
      CHECK(LongestGroup(pictures) < 1.1);
      for (size_t i = 50; i < pictures.size(); ++i) {
        CHECK(Near(Seconds(pictures[i].out - pictures[i - 1].out), 0.04, 0.021));
      }
    }
  }
  // A cached GOP at the start.
  Camera camera;
  camera.stamped_fps = 0;
  camera.change = [](int i, Picture& picture) { picture.arrival = std::max(i * 0.0001, i / 25.0 - 1); };
  auto pictures = Run(camera);
  ExpectForward(pictures);
  CHECK(Near(Length(pictures), 59, 1));
  // Two pictures share each timestamp.
  camera = Camera();
  camera.change = [](int i, Picture& picture) { picture.rtp_time = static_cast<uint32_t>(i / 2 * 2 * kFrame); };
  pictures = Run(camera);
  ExpectForward(pictures);
  CHECK(Near(Length(pictures), 60, 0.2));
  CHECK(LongestGroup(pictures) < 1.1);
  // They stand still for 10 s and then continue, from there or from where they should be.
  for (const bool catches_up : {false, true}) {
    camera.change = [catches_up](int i, Picture& picture) {
      const int stamp = i < 500 ? i : i < 750 ? 500 : catches_up ? i : i - 250;
      picture.rtp_time = static_cast<uint32_t>(stamp * kFrame);
    };
    pictures = Run(camera);
    ExpectForward(pictures);
    CHECK(Near(Length(pictures), 60, 0.2));
  }
}

TEST_CASE("one picture hours away is put where it belongs") {
  for (const int64_t seconds : {-9'800, 37'600, -30, 30, -2, 2}) {
    Camera camera;
    camera.change = [=](int i, Picture& picture) {
      if (i % 50 == 49) picture.rtp_time += static_cast<uint32_t>(seconds * kRate);
    };
    const auto pictures = Run(camera);
    for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == static_cast<int64_t>(i) * kFrame);
  }
  // The very first, or two in a row.
  Camera camera;
  camera.declared_fps = 25;
  camera.change = [](int i, Picture& picture) {
    if (i == 0 || i == 100 || i == 101) picture.rtp_time += 1'234'567'890u + static_cast<uint32_t>(i) * 100'000'000u;
  };
  const auto pictures = Run(camera);
  ExpectForward(pictures);
  CHECK(Near(Length(pictures), 60, 0.05));
  for (size_t i = 102; i < pictures.size(); ++i) CHECK(pictures[i].out - pictures[i - 1].out == kFrame);
}

TEST_CASE("irregular pictures stay in order") {
  // From 5 to 50 pictures a second; one of 10 is lost, and one of 50 has a wrong timestamp.
  Noise noise;
  double at = 0;
  std::vector<double> taken;
  Timeline timeline(kRate, 0);
  int64_t last = -1;
  for (int i = 0; i < 3'000; ++i) {
    at += 0.02 + 0.18 * noise.Next() * noise.Next();
    if (i % 10 == 3) continue;
    auto rtp_time = static_cast<uint32_t>(static_cast<int64_t>(at * kRate));
    if (i % 50 == 20) rtp_time += 1'000'000'000u + static_cast<uint32_t>(i) * 1'000'003u;
    const auto arrival_us = static_cast<int64_t>((at + 0.05 * noise.Next()) * kUs);
    const int64_t out = timeline.Place(rtp_time, arrival_us, i % 40 == 0);
    CHECK(out > last);
    CHECK((i < 10 || Near(Seconds(out), at - taken.front(), 0.25)));
    if (taken.empty()) taken.push_back(at);
    last = out;
  }
}

TEST_CASE("times continue over a jump that stays") {
  for (const int64_t seconds : {-9'800, 37'600, -5, 5, -1, 22'000}) {
    Camera camera;
    camera.change = [=](int i, Picture& picture) {
      if (i >= 777) picture.rtp_time += static_cast<uint32_t>(seconds * kRate);
    };
    const auto pictures = Run(camera);
    for (size_t i = 0; i < pictures.size(); ++i) CHECK(pictures[i].out == static_cast<int64_t>(i) * kFrame);
  }
  // Half a second looks like pictures that were left out. The total length is kept nevertheless.
  Camera camera;
  camera.change = [](int i, Picture& picture) {
    if (i >= 777) picture.rtp_time += kRate / 2;
  };
  CHECK(Near(Length(Run(camera)), 60, 1));
}

TEST_CASE("gaps in which the camera sent nothing are kept") {
  Camera camera;
  camera.change = [](int i, Picture& picture) {
    if (i < 500) return;
    picture.rtp_time += 4 * kRate;
    picture.arrival += 4;
  };
  auto pictures = Run(camera);
  CHECK(pictures.back().out == 1500 * kFrame + 4 * kRate);
  // A camera that stands still for 4 s while its timestamps continue: corrected within a minute.
  camera.seconds = 120;
  camera.change = [](int i, Picture& picture) {
    if (i >= 500) picture.arrival += 4;
  };
  pictures = Run(camera);
  ExpectForward(pictures);
  CHECK(Near(Length(pictures), 124, 1));
  CHECK(LongestGroup(pictures) < 1.1);
}

TEST_CASE("slow cameras are followed") {
  for (const double fps : {1.0 / 7, 0.5, 2.0, 3.0}) {
    for (const double declared : {0.0, fps}) {
      for (const bool cached : {false, true}) {
        Camera camera;
        camera.fps = camera.stamped_fps = fps;
        camera.declared_fps = declared;
        camera.seconds = std::max(60.0, 30 / fps);
        camera.gop = 1;
        camera.jitter = 0.05;
        if (cached) camera.change = [fps](int i, Picture& picture) { picture.arrival = std::max(0.0, (i - 3) / fps); };
        const auto pictures = Run(camera);
        ExpectForward(pictures);
        const double wall = pictures.back().arrival;
        CHECK(Length(pictures) > wall - 1);
        CHECK(Length(pictures) < wall + 3 / fps + 1);
        for (size_t i = 10; i < pictures.size(); ++i) {
          CHECK(Near(Seconds(pictures[i].out - pictures[i - 1].out) * fps, 1, 0.01));
        }
      }
    }
  }
}

TEST_CASE("the usual distance is known") {
  Timeline timeline(kRate, 0);
  CHECK(timeline.usual_ticks() == 0);
  Camera camera;
  auto pictures = Send(camera);
  PlaceAll(timeline, pictures, camera);
  CHECK(timeline.usual_ticks() == kFrame);
}

TEST_CASE("the camera's own time is known") {
  // The camera's clock is in 1970 first, and is then set by the network.
  Timeline timeline(kRate, 25);
  CHECK(timeline.SenderUs(0) == 0);
  CHECK(!timeline.NtpUsOf(0));
  constexpr double k1970 = 2'208'988'800;
  int64_t last = 0;
  for (int i = 0; i < 1'500; ++i) {
    const double time = i / 25.0;
    const auto rtp_time = static_cast<uint32_t>(i * kFrame);
    const auto arrival_us = static_cast<int64_t>(time * kUs);
    if (i % 50 == 0) timeline.OnSenderReport(rtp_time, Ntp(time < 15 ? k1970 + 1 + time : kNtp2026 + time), arrival_us);
    const int64_t out = timeline.Place(rtp_time, arrival_us, i % 25 == 0);
    CHECK(out == i * kFrame);
    const int64_t sender_us = timeline.SenderUs(out);
    CHECK(sender_us >= 0);
    CHECK(timeline.SenderUs(-1'000'000'000'000'000) == 0);
    const double wanted = time < 16 ? 1 + time : kNtp2026 - k1970 + time;
    CHECK(Near(static_cast<double>(sender_us) / kUs, wanted, 0.01));
    CHECK(sender_us >= last);
    last = sender_us;
  }
  // The camera stamps a picture hours away in the moment in which it sends a report.
  timeline.OnSenderReport(static_cast<uint32_t>(1'499 * kFrame + 1'000'000'000), Ntp(kNtp2026 + 60), 60'000'000);
  CHECK(Near(static_cast<double>(timeline.SenderUs(1'500 * kFrame)) / kUs, kNtp2026 - k1970 + 60, 0.1));
  // A time before 1970 counts as unknown.
  timeline.OnSenderReport(static_cast<uint32_t>(1'500 * kFrame), Ntp(1'000), 60'000'000);
  CHECK(timeline.SenderUs(1'500 * kFrame) == 0);
}

TEST_CASE("arrival is mapped without jitter") {
  Timeline timeline(kRate, 25);
  Camera camera;
  camera.jitter = 0.2;
  auto pictures = Send(camera);
  PlaceAll(timeline, pictures, camera);
  for (const int64_t ticks : {int64_t{0}, 1'000 * kFrame, 1'500 * kFrame}) {
    const int64_t arrival_us = timeline.ArrivalOf(ticks);
    CHECK(Near(static_cast<double>(arrival_us - 5'000'000'000) / kUs, Seconds(ticks), 0.1));
    CHECK(std::abs(timeline.TicksAt(arrival_us) - ticks) <= 1);
  }
}

struct AudioCase {
  double speed = 1;  // seconds by its timestamps per real second
  double seconds = 600;
  double report_offset = 0;  // by which the audio's reports differ from arrival
  bool video_reports = false;
  bool reports = false;
  double cached = 0;  // seconds of video that come at once at the start
  std::function<double(double)> late = [](double) { return 0.0; };
};

struct AudioOutcome {
  double worst = 0;         // |audio - video| after the first 3 s, seconds
  double last = 0;          // audio - video
  double fastest_move = 0;  // seconds by which a unit's step differs from its share of real time, per second
};

// Real time at which a picture or an audio unit is taken is known, so the offset is, too.
AudioOutcome RunAudio(const AudioCase& each) {
  constexpr int kAudioRate = 48'000;
  constexpr int kUnit = 1'024;
  Timeline video(kRate, 25);
  AudioTimeline audio(kAudioRate, video);
  AudioOutcome outcome;
  int picture = 0;
  int64_t last = 0;
  double reported = 0;
  const double cached = each.cached;
  for (int unit = 0;; ++unit) {
    const double now = static_cast<double>(unit) * kUnit / kAudioRate;
    if (now > each.seconds) break;
    const double arrival = now + each.late(now);
    while (picture / 25.0 <= now + cached) {
      const double taken = picture / 25.0 - cached;
      const auto arrival_us = static_cast<int64_t>(std::max(taken + each.late(taken), picture * 0.0005) * kUs);
      video.Place(static_cast<uint32_t>(picture * kFrame), arrival_us, picture % 25 == 0);
      if (each.video_reports && picture % 50 == 0) {
        const uint64_t ntp = Ntp(static_cast<double>(kNtp2026) + taken);
        video.OnSenderReport(static_cast<uint32_t>(picture * kFrame), ntp, arrival_us);
      }
      ++picture;
    }
    const auto rtp_time = static_cast<uint32_t>(4'000'000'000.0 + std::floor(unit * kUnit * each.speed));
    const auto arrival_us = static_cast<int64_t>(arrival * kUs);
    if (each.reports && now - reported >= 2) {
      reported = now;
      audio.OnSenderReport(rtp_time, Ntp(static_cast<double>(kNtp2026) + now + each.report_offset), arrival_us);
    }
    const int64_t out = audio.Place(rtp_time, arrival_us, kUnit);
    CHECK(out >= last);
    if (now >= 3) {
      outcome.last = static_cast<double>(out) / kAudioRate - (now + cached);
      outcome.worst = std::max(outcome.worst, std::abs(outcome.last));
    }
    if (now >= 10) {
      const double step = static_cast<double>(out - last) / kUnit;
      outcome.fastest_move = std::max(outcome.fastest_move, std::abs(step - 1));
    }
    last = out;
  }
  return outcome;
}

TEST_CASE("audio stays beside the video") {
  AudioCase each;
  AudioOutcome outcome = RunAudio(each);
  CHECK(outcome.worst < 0.06);
  CHECK(outcome.fastest_move < 0.006);
  // Its clock drifts.
  for (const double speed : {0.998, 1.002, 0.98, 1.02, 0.95}) {
    each.speed = speed;
    outcome = RunAudio(each);
    CAPTURE(speed);
    CHECK(outcome.worst < 0.3);
    CHECK(std::abs(outcome.last) < 0.1);
  }
  // The video has a cached GOP at the start, the audio does not.
  each = AudioCase();
  each.seconds = 60;
  for (const double cached : {0.5, 4.0}) {
    each.cached = cached;
    outcome = RunAudio(each);
    CHECK(outcome.worst < 0.1);
  }
  // All packets come late for a while.
  each = AudioCase();
  each.seconds = 60;
  each.late = [](double at) { return at >= 20 && at < 28 ? 28 - at : 0; };
  outcome = RunAudio(each);
  CHECK(outcome.worst < 0.1);
}

TEST_CASE("reports are believed only near the arrival") {
  AudioCase each;
  each.reports = each.video_reports = true;
  CHECK(RunAudio(each).worst < 0.06);
  // The audio moves slowly to a place 0.4 s later.
  each.report_offset = 0.4;
  AudioOutcome outcome = RunAudio(each);
  CHECK(Near(outcome.last, 0.4, 0.03));
  CHECK(outcome.fastest_move < 0.006);
  // Reports that are years or more than a second away do not count.
  for (const double offset : {1.5, -3.0, 1'000'000'000.0}) {
    each.report_offset = offset;
    CHECK(RunAudio(each).worst < 0.06);
  }
}

TEST_CASE("audio that jumps or repeats is survived") {
  Timeline video(kRate, 25);
  AudioTimeline audio(8'000, video);
  CHECK(audio.Place(1, 0, 160) == 0);
  int64_t last = -1;
  for (int i = 0; i < 3'000; ++i) {
    const int64_t arrival_us = i * 20'000;
    if (i % 2 == 0) video.Place(static_cast<uint32_t>(i / 2 * kFrame), arrival_us, i % 50 == 0);
    uint32_t rtp_time = static_cast<uint32_t>(i * 160);
    if (i % 100 == 7) rtp_time += 2'000'000'000u;
    if (i > 1'000) rtp_time += 77'000'000u;
    if (i > 2'000) rtp_time = 5;
    const int64_t out = audio.Place(rtp_time, arrival_us, i % 3 == 0 ? 0 : 160);
    CHECK(out >= last);
    CHECK(Near(static_cast<double>(out) / 8'000, i * 0.02, 0.1));
    last = out;
  }
}

}  // namespace
