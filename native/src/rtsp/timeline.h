// RTP timestamps to times that can be relied on.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

namespace chrys::rtsp {

// The clock of the video of one connection. Thread: one.
//
// Ticks that come out are of `clock_rate` per second and begin at 0. Between pictures they advance as the RTP timestamps do,
// whatever happens to these: a 32-bit wrap, one picture hours away, a jump that stays, timestamps that never change. Where
// RTP time and arrival differ by more than 2 % over at least 2 s, RTP time is scaled from the next keyframe on.
class Timeline {
 public:
  Timeline(int clock_rate, double declared_fps);

  // The time of a picture, in decoding order (B-frames step back). `arrival_us`: monotonic.
  int64_t Place(uint32_t rtp_time, int64_t arrival_us, bool keyframe);

  // Of the same stream. A step of the camera's clock moves SenderUs and nothing else.
  void OnSenderReport(uint32_t rtp_time, uint64_t ntp, int64_t arrival_us);
  // Microseconds since the epoch by the camera's clock, for a time that Place gave; 0: no report yet, or not after 1970.
  int64_t SenderUs(int64_t ticks) const;

  // The usual distance of two pictures, ticks; 0 = not known yet.
  int64_t usual_ticks() const;

  // For a second stream beside this one: the monotonic moment of arrival that belongs to a time of this timeline, without
  // jitter; and back.
  int64_t ArrivalOf(int64_t ticks) const;
  int64_t TicksAt(int64_t arrival_us) const;
  // The camera's NTP time in microseconds of the last report, mapped to an RTP time; nullopt: no report.
  std::optional<int64_t> NtpUsOf(uint32_t rtp_time) const;

 private:
  struct State;
  // Members are the implementation's.
};

// The clock of the audio beside it: ticks of the audio's clock rate on the video's clock (0 = the video's 0).
// Uses sender reports only when those of both streams agree with arrival within 1 s, and moves by at most 5 ms a second.
class AudioTimeline {
 public:
  AudioTimeline(int clock_rate, const Timeline& video);
  // Time of an audio unit that arrived then; `samples`: its length in ticks, 0 = unknown. Never steps back.
  int64_t Place(uint32_t rtp_time, int64_t arrival_us, int64_t samples);
  void OnSenderReport(uint32_t rtp_time, uint64_t ntp, int64_t arrival_us);
};

}  // namespace chrys::rtsp
