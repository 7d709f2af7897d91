#include <algorithm>
#include <cmath>

#include "rtsp/rtcp.h"
#include "rtsp/timeline.h"

namespace chrys::rtsp {

namespace {

// An audio timestamp has jumped if it is further ahead of the arrival than this.
constexpr double kSlackSeconds = 1;
constexpr double kMaxStepSeconds = 3600;
constexpr double kMaxMovePerSecond = 0.005;
// Maximum share by which a step is shortened to move audio backwards, so that its time never steps back.
constexpr double kMaxHold = 0.5;
constexpr int64_t kStartUs = 3'000'000;
constexpr int64_t kStartErrorUs = 20'000;
constexpr int64_t kLargeErrorUs = 1'000'000;
constexpr int64_t kLargeErrorLastsUs = 2'000'000;
constexpr int64_t kMaxDisagreementUs = 1'000'000;
constexpr int64_t kMaxReportSeconds = 10;
constexpr int64_t kReportAgeUs = 60'000'000;
// A smaller deviation needs no scale: the moves of at most 5 ms a second follow it.
constexpr double kDeadband = 0.003;
constexpr double kMinScale = 0.01;
constexpr double kMaxScale = 100;
constexpr double kUs = 1e6;

}  // namespace

AudioTimeline::AudioTimeline(int clock_rate, const Timeline& video) : rate_(std::max(1, clock_rate)), video_(video) {}

int64_t AudioTimeline::UsOf(double ticks) const { return std::llround(ticks * kUs / rate_); }

// The step from the previous unit to this one, in audio ticks.
int64_t AudioTimeline::Step(uint32_t rtp_time, int64_t arrival_us) const {
  const int64_t step = static_cast<int32_t>(rtp_time - last_rtp_);
  const double elapsed = std::min(static_cast<double>(arrival_us - last_arrival_us_) / kUs, kMaxStepSeconds);
  if (step > 0 && static_cast<double>(step) <= (elapsed / scale_ + kSlackSeconds) * rate_) return step;
  // A larger step is possible in a burst after an interruption.
  const double now = static_cast<double>(video_.TicksAt(arrival_us)) / video_.rate_;
  if (step > 0 && (out_ + static_cast<double>(step) * scale_) / rate_ <= now + kSlackSeconds) return step;
  // The timestamp repeats the previous one, or it has jumped.
  if (last_samples_ > 0) return last_samples_;
  return std::llround(elapsed / scale_ * rate_);
}

int64_t AudioTimeline::Place(uint32_t rtp_time, int64_t arrival_us, int64_t samples) {
  if (!video_.begun_) return 0;
  if (!begun_) {
    begun_ = true;
    began_us_ = arrival_us;
    out_ = std::max(0.0, static_cast<double>(video_.TicksAt(arrival_us)) / video_.rate_ * rate_);
  } else {
    arrival_us = std::max(arrival_us, last_arrival_us_);
    const int64_t step = Step(rtp_time, arrival_us);
    raw_ += step;
    const double nominal = static_cast<double>(step) * scale_ * (1 + video_.trim_);
    const bool may_hold = arrival_us - began_us_ < kStartUs || large_since_us_ != 0;
    const double max_move = nominal * kMaxMovePerSecond;
    const double move = std::clamp(correction_, may_hold ? -nominal * kMaxHold : -max_move, max_move);
    out_ += nominal + move;
  }
  last_rtp_ = rtp_time;
  last_arrival_us_ = arrival_us;
  last_samples_ = std::clamp<int64_t>(samples, 0, rate_);
  meter_.Add(arrival_us - video_.origin_us_, UsOf(static_cast<double>(raw_)), UsOf(out_));
  AdaptScale();
  Correct(arrival_us);
  return std::llround(out_);
}

// Measures the audio clock relative to the video, whose own clock may be slow or fast as well.
void AudioTimeline::AdaptScale() {
  const double video = video_.meter_.Ratio(video_.scale_, kDeadband).value_or(video_.scale_) / video_.scale_;
  if (const auto ratio = meter_.Ratio(scale_ * video, kDeadband)) {
    scale_ = std::clamp(*ratio / video, kMinScale, kMaxScale);
  }
}

void AudioTimeline::Correct(int64_t arrival_us) {
  const int64_t by_arrival_us = meter_.LatenessUs() - video_.meter_.LatenessUs();
  const int64_t error_us = ErrorUs(arrival_us, by_arrival_us);
  correction_ = static_cast<double>(error_us) / kUs * rate_;
  const bool starts = arrival_us - began_us_ < kStartUs;
  const bool large = std::abs(by_arrival_us) > kLargeErrorUs;
  if (!large) large_since_us_ = 0;
  if (large && large_since_us_ == 0) large_since_us_ = arrival_us;
  const bool lasts = large && arrival_us - large_since_us_ >= kLargeErrorLastsUs;
  if ((starts && by_arrival_us > kStartErrorUs) || (lasts && by_arrival_us > 0)) {
    out_ += static_cast<double>(by_arrival_us) / kUs * rate_;
    correction_ = 0;
    large_since_us_ = 0;
    meter_.Shift(by_arrival_us);
  }
}

// How much too early the audio is placed.
int64_t AudioTimeline::ErrorUs(int64_t arrival_us, int64_t by_arrival_us) const {
  if (!reported_ || video_.reports_.empty()) return by_arrival_us;
  const Timeline::Report& video = video_.reports_.back();
  if (!video.exact || arrival_us - std::min(video.arrival_us, report_arrival_us_) > kReportAgeUs) return by_arrival_us;
  const auto ntp_step_us = static_cast<double>(report_ntp_us_) - static_cast<double>(video.ntp_us);
  const auto since_report_us = static_cast<double>(UsOf(static_cast<double>(raw_ - report_raw_)));
  const auto video_us = static_cast<double>(video_.UsOf(video.out_ticks));
  const double by_reports_us = ntp_step_us + since_report_us + video_us - static_cast<double>(UsOf(out_));
  const double disagreement_us = std::abs(by_reports_us - static_cast<double>(by_arrival_us));
  const bool agree = disagreement_us <= static_cast<double>(kMaxDisagreementUs);
  return agree ? std::llround(by_reports_us) : by_arrival_us;
}

void AudioTimeline::OnSenderReport(uint32_t rtp_time, uint64_t ntp, int64_t arrival_us) {
  if (!begun_) return;
  const int64_t step = static_cast<int32_t>(rtp_time - last_rtp_);
  // A report whose RTP time is not that of the units says nothing.
  reported_ = std::abs(step) <= kMaxReportSeconds * rate_;
  report_ntp_us_ = NtpToUs(ntp);
  report_raw_ = raw_ + step;
  report_arrival_us_ = arrival_us;
}

}  // namespace chrys::rtsp
