#include "rtsp/timeline.h"

#include <algorithm>
#include <cmath>

#include "rtsp/rtcp.h"

namespace chrys::rtsp {

namespace {

// Maximum number of pictures that libav reorders.
constexpr int64_t kMaxReorder = 16;
constexpr double kUnknownFps = 25;
constexpr double kMinFps = 0.01;
constexpr double kMaxFps = 1000;
// Without timestamps, two pictures are at least this far apart.
constexpr double kMinStepSeconds = 0.004;
constexpr double kMaxUnknownStepSeconds = 1;

// A larger step of the timestamps counts only if the pictures also arrive that far apart.
constexpr int64_t kMaxSlackSeconds = 30;

// After this many pictures in a row without a usable timestamp, the camera counts as one without timestamps.
constexpr size_t kArrivalPictures = 4;

constexpr double kDeadband = 0.02;
// A scale that is in use is refined by smaller differences, too.
constexpr double kRefineDeadband = 0.005;
constexpr double kMinScale = 0.01;
constexpr double kMaxScale = 1000;
// Without a keyframe for this long, a new scale begins at any picture.
constexpr int64_t kKeyframeWaitUs = 4'000'000;
// Times that run ahead of arrival by more than this show that packets were late and the scale is wrong.
constexpr int64_t kMaxAheadUs = 500'000;

// Time that was lost or gained while the rate was wrong is corrected slowly.
constexpr double kMaxTrim = 0.08;
constexpr double kMinTrim = 0.005;
constexpr double kTrimSeconds = 30;
constexpr int64_t kTrimFromUs = 300'000;
constexpr int64_t kTrimUntilUs = 100'000;
constexpr size_t kTrimBins = 3;
// The same without a scale, for example after a camera paused.
constexpr size_t kTrimBinsUnscaled = 8;

constexpr size_t kMaxPieces = 8;
constexpr size_t kMaxReports = 8;
constexpr int64_t kReportPeriodUs = 4'000'000;
constexpr int64_t kReportAgeUs = 30'000'000;
constexpr int64_t kMaxReportErrorUs = 10'000'000;
constexpr int64_t kMaxReportLateUs = 10'000'000;
constexpr double kMaxReportDrift = 0.02;

constexpr double kUs = 1e6;

}  // namespace

Timeline::Timeline(int clock_rate, double declared_fps)
    : rate_(std::max(1, clock_rate)),
      declared_fps_(declared_fps >= kMinFps && declared_fps <= kMaxFps ? declared_fps : 0) {
  pieces_.emplace_back();
}

int64_t Timeline::UsOf(int64_t ticks) const { return std::llround(static_cast<double>(ticks) * kUs / rate_); }

int64_t Timeline::DeclaredStep() const {
  return declared_fps_ > 0 ? std::max<int64_t>(1, std::llround(rate_ / declared_fps_)) : 0;
}

int64_t Timeline::Place(uint32_t rtp_time, int64_t arrival_us, bool keyframe) {
  int64_t at = 0;
  if (!begun_) {
    begun_ = true;
    origin_us_ = last_arrival_us_ = keyframe_arrival_us_ = arrival_us;
    base_rtp_ = rtp_time;
    const int64_t step = DeclaredStep() > 0 ? DeclaredStep() : std::llround(rate_ / kUnknownFps);
    floor_at_ = -kMaxReorder * step;
  } else {
    arrival_us = std::max(arrival_us, last_arrival_us_);
    at = Resolve(rtp_time, arrival_us);
    AdaptScale(at, arrival_us, keyframe);
  }
  last_rtp_ = rtp_time;
  Note(at, arrival_us);
  const int64_t out = Map(at);
  meter_.Add(arrival_us - origin_us_, UsOf(at), UsOf(out));
  if (early_report_) {
    early_report_ = false;
    TakeReport(early_.rtp_time, early_.ntp_us, early_.arrival_us);
  }
  return out;
}

// The picture's time in stream ticks.
int64_t Timeline::Resolve(uint32_t rtp_time, int64_t arrival_us) {
  const int64_t at = base_at_ + static_cast<int32_t>(rtp_time - base_rtp_);
  if (rtp_time == last_rtp_) {
    repeats_ = true;
    return ByArrival(arrival_us);
  }
  if (repeats_) {
    repeats_ = false;
    // Pictures in between were placed by arrival, perhaps later than this one.
    const bool goes_on = at > max_at_ && Fits(at, arrival_us);
    return Accept(rtp_time, goes_on ? at : ByArrival(arrival_us));
  }
  if (Fits(at, arrival_us)) {
    const bool after_stray = stray_.has_value();
    if (at < max_at_ && !after_stray) reorders_ = true;
    Accept(rtp_time, at);
    // The previous picture may have been placed a little too late.
    return after_stray && !reorders_ ? std::max(at, max_at_ + 1) : at;
  }
  if (stray_) {
    // Two stray timestamps that fit each other: the clock has jumped and stays there.
    const int64_t jumped = stray_->at + static_cast<int32_t>(rtp_time - stray_->rtp_time);
    if (Fits(jumped, arrival_us)) return Accept(rtp_time, jumped);
  }
  ++strays_;
  const int64_t placed = strays_ > 1 ? ByArrival(arrival_us) : Predict(arrival_us);
  stray_ = Stray{rtp_time, placed};
  return placed;
}

int64_t Timeline::Accept(uint32_t rtp_time, int64_t at) {
  base_rtp_ = rtp_time;
  base_at_ = at;
  stray_.reset();
  strays_ = 0;
  if (!repeats_) by_arrival_ = false;
  return at;
}

int64_t Timeline::Slack() const {
  return std::clamp<int64_t>(3 * usual_, rate_, kMaxSlackSeconds * static_cast<int64_t>(rate_));
}

// Whether a picture can have that time: not before pictures that were complete earlier, and not far in the future.
bool Timeline::Fits(int64_t at, int64_t arrival_us) const {
  const int64_t step = at - max_at_;
  if (step > 0) {
    if (step <= Slack()) return true;
    // A larger step is possible after an interruption, or in a burst after one.
    const double elapsed = static_cast<double>(arrival_us - last_arrival_us_) / kUs * rate_ / slope();
    if (static_cast<double>(step - Slack()) <= elapsed) return true;
    return Map(at) - TicksAt(arrival_us) <= Slack();
  }
  const int64_t back = usual_ > 0 ? kMaxReorder * usual_ : rate_;
  return at > floor_at_ && -step <= back;
}

// Where the next picture belongs if its timestamp is not usable.
int64_t Timeline::Predict(int64_t arrival_us) const {
  if (noted_ < 3) {
    const int64_t declared = DeclaredStep();
    const auto elapsed = static_cast<double>(arrival_us - last_arrival_us_) / kUs;
    const double seconds = std::clamp(elapsed, kMinStepSeconds, kMaxUnknownStepSeconds);
    return max_at_ + (declared > 0 ? declared : std::max<int64_t>(1, std::llround(seconds * rate_)));
  }
  // B-frames repeat a pattern of steps.
  const size_t steps = std::min(noted_, kSteps) - 1;
  const auto step = [&](size_t back) { return at_[(noted_ - back) % kSteps] - at_[(noted_ - back - 1) % kSteps]; };
  for (size_t period = 1; reorders_ && period <= steps / 2; ++period) {
    bool repeats = true;
    for (size_t i = 1; repeats && i + period <= steps && i <= static_cast<size_t>(kMaxReorder); ++i) {
      repeats = std::abs(step(i) - step(i + period)) <= usual_ / 4;
    }
    if (repeats) return last_at_ + step(period);
  }
  return max_at_ + std::max<int64_t>(1, usual_);
}

// Places a picture by its smoothed arrival time, and always later than the previous picture.
int64_t Timeline::ByArrival(int64_t arrival_us) {
  if (!by_arrival_) {
    by_arrival_ = true;
    by_arrival_since_ = noted_;
    arrival_anchor_us_ = last_arrival_us_;
    anchor_at_ = max_at_;
  }
  const double ticks_per_us = rate_ / kUs / slope();
  const size_t known = std::min(noted_, kSteps);
  const int64_t oldest_us = arrivals_us_[(noted_ - known) % kSteps];
  const double mean = static_cast<double>(arrival_us - oldest_us) / static_cast<double>(known) * ticks_per_us;
  const double usual = declared_fps_ > 0 ? std::min(mean, rate_ / declared_fps_) : mean;
  const double min_step = std::max({1.0, kMinStepSeconds * rate_ / slope(), usual / 2});
  const double target =
      static_cast<double>(anchor_at_) + static_cast<double>(arrival_us - arrival_anchor_us_) * ticks_per_us;
  const double expected = static_cast<double>(max_at_) + mean;
  const double error = target - expected;
  const double placed = std::abs(error) < 2 * mean ? expected + error / 4 : target;
  return std::llround(std::max(placed, static_cast<double>(max_at_) + min_step));
}

void Timeline::Note(int64_t at, int64_t arrival_us) {
  if (noted_ > 0 && at > max_at_) {
    floor_at_ = max_at_;
    max_at_ = at;
  }
  last_at_ = at;
  last_arrival_us_ = arrival_us;
  at_[noted_ % kSteps] = at;
  arrivals_us_[noted_ % kSteps] = arrival_us;
  ++noted_;
  // The median distance in display order, so that gaps and single errors do not count.
  const size_t known = std::min(noted_, kSteps / 2);
  if (known < 2) return;
  std::array<int64_t, kSteps / 2> sorted{};
  for (size_t i = 0; i < known; ++i) sorted[i] = at_[(noted_ - 1 - i) % kSteps];
  std::sort(sorted.begin(), sorted.begin() + known);
  for (size_t i = 0; i + 1 < known; ++i) sorted[i] = sorted[i + 1] - sorted[i];
  const auto middle = sorted.begin() + (known - 1) / 2;
  std::nth_element(sorted.begin(), middle, sorted.begin() + known - 1);
  usual_ = *middle;
}

int64_t Timeline::usual_ticks() const { return std::llround(static_cast<double>(usual_) * slope()); }

void Timeline::AdaptScale(int64_t at, int64_t arrival_us, bool keyframe) {
  // The scale changes only at a picture that is later than all before it.
  if (at <= max_at_) return;
  if (by_arrival_ && noted_ - by_arrival_since_ >= kArrivalPictures) {
    // Times follow arrival, so nothing is scaled. The next picture takes the new slope.
    meter_.ForgetRate();
    if (SetScale(at, 1, 0)) by_arrival_ = false;
    return;
  }
  const auto settled_us = meter_.SettledLatenessUs();
  const int64_t ahead_us = settled_us ? UsOf(Map(at)) - (arrival_us - origin_us_ - *settled_us) : 0;
  if (scale_ > 1 && ahead_us > std::max(kMaxAheadUs, 2 * UsOf(usual_ticks()))) {
    meter_.ForgetRate();
    SetScale(max_at_, 1, 0);
  }
  if (!keyframe && arrival_us - keyframe_arrival_us_ < kKeyframeWaitUs) return;
  keyframe_arrival_us_ = arrival_us;
  double scale = scale_;
  double trim = 0;
  if (ReportsConfirmRtp(arrival_us)) {
    scale = 1;
  } else {
    if (const auto ratio = meter_.Ratio(scale_, scale_ == 1 ? kDeadband : kRefineDeadband)) {
      scale = std::abs(*ratio - 1) < kDeadband / 2 ? 1 : std::clamp(*ratio, kMinScale, kMaxScale);
    }
    const int64_t deficit_us = meter_.DeficitUs(scale == 1 ? kTrimBinsUnscaled : kTrimBins);
    if (std::abs(deficit_us) > (trim_ == 0 ? kTrimFromUs : kTrimUntilUs)) {
      trim = std::clamp(static_cast<double>(deficit_us) / kUs / kTrimSeconds, -kMaxTrim, kMaxTrim);
      if (std::abs(trim) < kMinTrim) trim = std::copysign(kMinTrim, trim);
    }
  }
  SetScale(at, scale, trim);
}

// Applies scale and trim to times from `at` on. False: nothing changes.
bool Timeline::SetScale(int64_t at, double scale, double trim) {
  if (scale == scale_ && trim == trim_) return false;
  scale_ = scale;
  trim_ = trim;
  pieces_.push_back({at, Map(at), scale * (1 + trim)});
  if (pieces_.size() > kMaxPieces) pieces_.pop_front();
  return true;
}

int64_t Timeline::Map(int64_t at) const {
  const Piece* piece = &pieces_.front();
  for (const Piece& each : pieces_) {
    if (each.from <= at) piece = &each;
  }
  const int64_t ticks = at - piece->from;
  return piece->out + (piece->slope == 1 ? ticks : std::llround(static_cast<double>(ticks) * piece->slope));
}

int64_t Timeline::ArrivalOf(int64_t ticks) const { return origin_us_ + UsOf(ticks) + meter_.LatenessUs(); }

int64_t Timeline::TicksAt(int64_t arrival_us) const {
  if (!begun_) return 0;
  const auto us = static_cast<double>(arrival_us - origin_us_ - meter_.LatenessUs());
  return std::llround(us * rate_ / kUs);
}

void Timeline::OnSenderReport(uint32_t rtp_time, uint64_t ntp, int64_t arrival_us) {
  const int64_t ntp_us = NtpToUs(ntp);
  if (begun_) return TakeReport(rtp_time, ntp_us, arrival_us);
  early_report_ = true;
  early_ = {rtp_time, ntp_us, arrival_us};
}

void Timeline::TakeReport(uint32_t rtp_time, int64_t ntp_us, int64_t arrival_us) {
  Report report{rtp_time, ntp_us, arrival_us};
  const int64_t by_arrival = TicksAt(arrival_us);
  const int64_t at = base_at_ + static_cast<int32_t>(rtp_time - base_rtp_);
  const int64_t max_error = std::max(kMaxReportErrorUs, 3 * UsOf(usual_ticks()));
  report.out_ticks = Map(at);
  report.exact = std::abs(UsOf(report.out_ticks - by_arrival)) <= max_error;
  report.near_pictures = std::abs(max_at_ - at) <= Slack();
  if (!report.exact) report.out_ticks = by_arrival;
  const bool steps = !reports_.empty() && std::abs((ntp_us - reports_.back().ntp_us) -
                                                   (arrival_us - reports_.back().arrival_us)) > kMaxReportErrorUs;
  if (reports_.empty() || steps) first_report_ = report;
  reports_.push_back(report);
  if (reports_.size() > kMaxReports) reports_.pop_front();
}

// Whether sender reports show that RTP time runs like the camera's own clock, and pictures are stamped with it.
bool Timeline::ReportsConfirmRtp(int64_t arrival_us) const {
  if (reports_.size() < 2) return false;
  const Report& newest = reports_.back();
  if (!newest.near_pictures || arrival_us - newest.arrival_us > kReportAgeUs) return false;
  // Some cameras derive their clock from the number of pictures. Then reports come later and later, which the network
  // alone cannot cause.
  const int64_t elapsed_us = newest.arrival_us - first_report_.arrival_us;
  const int64_t late_us = elapsed_us - (newest.ntp_us - first_report_.ntp_us);
  if (std::abs(late_us) > std::max(kMaxReportLateUs, elapsed_us / 50)) return false;
  for (auto older = reports_.rbegin() + 1; older != reports_.rend(); ++older) {
    if (arrival_us - older->arrival_us > 2 * kReportAgeUs || !older->near_pictures) return false;
    const auto ntp_us = static_cast<double>(newest.ntp_us) - static_cast<double>(older->ntp_us);
    if (ntp_us >= 0 && ntp_us < static_cast<double>(kReportPeriodUs)) continue;
    const double rtp_us = static_cast<int32_t>(newest.rtp_time - older->rtp_time) * kUs / rate_;
    return ntp_us > 0 && std::abs(rtp_us / ntp_us - 1) <= kMaxReportDrift;
  }
  return false;
}

int64_t Timeline::SenderUs(int64_t ticks) const {
  if (reports_.empty() || reports_.back().ntp_us <= 0) return 0;
  const Report& report = reports_.back();
  return std::max<int64_t>(0, report.ntp_us + UsOf(ticks - report.out_ticks));
}

std::optional<int64_t> Timeline::NtpUsOf(uint32_t rtp_time) const {
  if (reports_.empty()) return std::nullopt;
  const Report& report = reports_.back();
  return report.ntp_us + UsOf(static_cast<int32_t>(rtp_time - report.rtp_time));
}

}  // namespace chrys::rtsp
