// Turns RTP timestamps into reliable times.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "rtsp/clock_meter.h"

namespace chrys::rtsp {

// The clock of the video of one connection. Thread: one.
//
// Place returns ticks of 1/`clock_rate` s, which begin at 0 and advance as the RTP timestamps do. They stay regular if
// the timestamps wrap at 32 bits, if one picture is hours away, if the clock jumps and stays there, and if the
// timestamps never change. Where RTP time and arrival differ by more than 2 % over at least 2 s, RTP time is scaled
// from the next keyframe on. While sender reports confirm the RTP clock, only the network delays packets, and nothing
// is scaled.
class Timeline {
 public:
  // `declared_fps`: 0 = not known.
  Timeline(int clock_rate, double declared_fps);

  // The time of a picture, in decoding order (B-frames step back). `arrival_us`: monotonic.
  int64_t Place(uint32_t rtp_time, int64_t arrival_us, bool keyframe);

  // A sender report of the same stream. A step of the camera's clock moves SenderUs and nothing else.
  void OnSenderReport(uint32_t rtp_time, uint64_t ntp, int64_t arrival_us);
  // Microseconds since the epoch by the camera's clock, for a time that Place gave; 0: no report yet, or not after
  // 1970.
  int64_t SenderUs(int64_t ticks) const;

  // The usual distance between two pictures, ticks; 0 = not known yet.
  int64_t usual_ticks() const;

  // For a second stream beside this one: the monotonic moment of arrival that belongs to a time of this timeline,
  // without jitter; and back.
  int64_t ArrivalOf(int64_t ticks) const;
  int64_t TicksAt(int64_t arrival_us) const;
  // The camera's NTP time in microseconds of the last report, mapped to an RTP time; nullopt: no report.
  std::optional<int64_t> NtpUsOf(uint32_t rtp_time) const;

 private:
  friend class AudioTimeline;

  // "Stream ticks" are RTP time as 64 bits, without jumps, before it is scaled.
  struct Piece {
    int64_t from = 0;  // stream ticks
    int64_t out = 0;   // ticks that Place returned for `from`
    double slope = 1;
  };
  struct Stray {
    uint32_t rtp_time = 0;
    int64_t at = 0;  // stream ticks where it was placed
  };
  struct Report {
    uint32_t rtp_time = 0;
    int64_t ntp_us = 0;
    int64_t arrival_us = 0;
    int64_t out_ticks = 0;
    bool exact = false;          // its RTP time belongs to the pictures; else out_ticks comes from its arrival
    bool near_pictures = false;  // its RTP time was that of the newest picture
  };

  int64_t Resolve(uint32_t rtp_time, int64_t arrival_us);
  bool Fits(int64_t at, int64_t arrival_us) const;
  int64_t Accept(uint32_t rtp_time, int64_t at);
  int64_t Predict(int64_t arrival_us) const;
  int64_t ByArrival(int64_t arrival_us);
  void Note(int64_t at, int64_t arrival_us);
  int64_t Slack() const;
  int64_t DeclaredStep() const;
  void AdaptScale(int64_t at, int64_t arrival_us, bool keyframe);
  bool SetScale(int64_t at, double scale, double trim);
  int64_t Map(int64_t at) const;
  void TakeReport(uint32_t rtp_time, int64_t ntp_us, int64_t arrival_us);
  bool ReportsConfirmRtp(int64_t arrival_us) const;
  double slope() const { return pieces_.back().slope; }
  int64_t UsOf(int64_t ticks) const;

  static constexpr size_t kSteps = 32;

  const int rate_;
  const double declared_fps_;
  bool begun_ = false;
  int64_t origin_us_ = 0;  // arrival of the first picture

  uint32_t base_rtp_ = 0;  // of the last picture whose timestamp was believed
  int64_t base_at_ = 0;    // stream ticks of that picture
  uint32_t last_rtp_ = 0;  // of the last picture
  int64_t last_at_ = 0;
  int64_t last_arrival_us_ = 0;
  int64_t max_at_ = 0;
  int64_t floor_at_ = 0;   // no later picture is shown before this: max_at_ before it grew the last time
  bool repeats_ = false;   // the last picture had the timestamp of the one before it
  bool reorders_ = false;  // has B-frames
  std::optional<Stray> stray_;
  int strays_ = 0;  // in a row

  bool by_arrival_ = false;      // times follow arrival_anchor_us_ and anchor_at_
  size_t by_arrival_since_ = 0;  // noted_ at that moment
  int64_t arrival_anchor_us_ = 0;
  int64_t anchor_at_ = 0;

  // The last pictures, as rings.
  std::array<int64_t, kSteps> at_{};
  std::array<int64_t, kSteps> arrivals_us_{};
  size_t noted_ = 0;  // in all
  int64_t usual_ = 0;

  std::deque<Piece> pieces_;
  ClockMeter meter_;
  double scale_ = 1;  // arrival time per RTP time
  double trim_ = 0;   // share that is added to correct time that was lost or gained before
  int64_t keyframe_arrival_us_ = 0;

  std::deque<Report> reports_;  // oldest first
  Report first_report_;         // since the camera's clock was set the last time
  bool early_report_ = false;   // came before the first picture
  Report early_;
};

// The clock of the audio that comes with the video. Its times are ticks of the audio's clock rate, and their origin is
// that of the video. Uses sender reports only when those of both streams agree with arrival within 1 s. Moves by at
// most 5 ms a second, with two exceptions: errors in the first 3 s, and lasting errors of more than 1 s, are corrected
// at once.
class AudioTimeline {
 public:
  // `video` outlives it and is used on the same thread.
  AudioTimeline(int clock_rate, const Timeline& video);
  // The time of an audio unit. `samples`: its length in ticks, 0 = unknown. Never steps back. 0 until the video has
  // begun.
  int64_t Place(uint32_t rtp_time, int64_t arrival_us, int64_t samples);
  void OnSenderReport(uint32_t rtp_time, uint64_t ntp, int64_t arrival_us);

 private:
  int64_t Step(uint32_t rtp_time, int64_t arrival_us) const;
  int64_t ErrorUs(int64_t arrival_us, int64_t by_arrival_us) const;
  void AdaptScale();
  void Correct(int64_t arrival_us);
  int64_t UsOf(double ticks) const;

  const int rate_;
  const Timeline& video_;
  bool begun_ = false;
  uint32_t last_rtp_ = 0;
  int64_t last_arrival_us_ = 0;
  int64_t last_samples_ = 0;
  int64_t began_us_ = 0;
  int64_t raw_ = 0;  // audio ticks without jumps
  double out_ = 0;   // audio ticks on the video's clock
  double scale_ = 1;
  double correction_ = 0;       // ticks that are still to be added
  int64_t large_since_us_ = 0;  // since when the error is larger than 1 s; 0 = it is not
  ClockMeter meter_;
  bool reported_ = false;
  int64_t report_ntp_us_ = 0;
  int64_t report_raw_ = 0;
  int64_t report_arrival_us_ = 0;
};

}  // namespace chrys::rtsp
