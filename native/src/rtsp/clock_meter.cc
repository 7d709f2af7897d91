#include "rtsp/clock_meter.h"

#include <algorithm>
#include <cmath>

namespace chrys::rtsp {

namespace {

constexpr int64_t kBinUs = 1'000'000;
// Minimum number of packets in a bin. Slow cameras have longer bins for this reason.
constexpr int kBinPackets = 5;
constexpr size_t kMaxBins = 12;
constexpr size_t kLatenessBins = 4;
constexpr int64_t kMinPeriodUs = 2'000'000;
constexpr int64_t kMinLargePeriodUs = 4'000'000;
constexpr double kLargeRatio = 4.0 / 3;
// How much jitter of the network remains in the envelope of a bin: at least this, or this share of the jitter in the
// bin.
constexpr double kMinNoiseUs = 80'000;
constexpr double kNoiseShare = 0.5;
// At the start of a connection, a cached GOP may come faster than real time.
constexpr int64_t kStartUs = 2'500'000;
// Smaller differences are drift, and the reference follows them.
constexpr int64_t kMaxDriftUs = 300'000;
constexpr double kReferenceDrift = 0.02;

}  // namespace

void ClockMeter::Add(int64_t arrival_us, int64_t media_us, int64_t out_us) {
  if (!any_) {
    any_ = true;
    began_us_ = arrival_us;
    reference_us_ = arrival_us - out_us;
  }
  if (open_.count >= kBinPackets && arrival_us - open_.first_arrival_us >= kBinUs) Close(arrival_us);
  const int64_t lateness_us = arrival_us - out_us;
  if (open_.count == 0) {
    open_ = {arrival_us, 1, arrival_us, media_us, lateness_us, arrival_us - media_us};
    return;
  }
  ++open_.count;
  open_.lateness_us = std::min(open_.lateness_us, lateness_us);
  open_.max_delay_us = std::max(open_.max_delay_us, arrival_us - media_us);
  if (arrival_us - media_us > open_.delay_us()) return;
  open_.arrival_us = arrival_us;
  open_.media_us = media_us;
}

void ClockMeter::Close(int64_t arrival_us) {
  if (open_.first_arrival_us - began_us_ < kStartUs) {
    reference_us_ = std::min(reference_us_, open_.lateness_us);
  } else if (std::abs(open_.lateness_us - reference_us_) <= kMaxDriftUs) {
    const auto step_us =
        static_cast<int64_t>(static_cast<double>(arrival_us - open_.first_arrival_us) * kReferenceDrift);
    reference_us_ += std::clamp(open_.lateness_us - reference_us_, -step_us, step_us);
  }
  closed_.push_back(open_);
  open_ = Bin();
  if (closed_.size() <= kMaxBins) return;
  closed_.pop_front();
  rate_begin_ -= std::min<size_t>(rate_begin_, 1);
}

void ClockMeter::Shift(int64_t out_us) {
  for (Bin& bin : closed_) bin.lateness_us -= out_us;
  open_.lateness_us -= out_us;
  reference_us_ -= out_us;
}

// Arrival time between two bins, divided by the time by the stream's clock and by `current`, minus 1.
std::optional<double> ClockMeter::Deviation(const Bin& from, const Bin& to, double current) {
  const auto arrival_us = static_cast<double>(to.arrival_us - from.arrival_us);
  const auto media_us = static_cast<double>(to.media_us - from.media_us);
  if (arrival_us <= 0 || media_us <= 0) return std::nullopt;
  return arrival_us / media_us / current - 1;
}

std::optional<double> ClockMeter::Ratio(double current, double deadband) const {
  const size_t newest = closed_.size() - 1;
  for (size_t oldest = rate_begin_; oldest + 2 < closed_.size(); ++oldest) {
    const int64_t period_us = closed_[newest].arrival_us - closed_[oldest].arrival_us;
    if (period_us < kMinPeriodUs) break;
    const size_t middle = oldest + (newest - oldest) / 2;
    const auto whole = Deviation(closed_[oldest], closed_[newest], current);
    const auto first = Deviation(closed_[oldest], closed_[middle], current);
    const auto second = Deviation(closed_[middle], closed_[newest], current);
    if (!whole || !first || !second) continue;
    const auto jitter_us = static_cast<double>(std::max(closed_[oldest].jitter_us(), closed_[newest].jitter_us()));
    const double noise_us = std::max(kMinNoiseUs, kNoiseShare * jitter_us);
    if (std::abs(*whole) <= deadband + noise_us / static_cast<double>(period_us)) continue;
    const double ratio = 1 + *whole;
    if ((ratio > kLargeRatio || ratio < 1 / kLargeRatio) && period_us < kMinLargePeriodUs) continue;
    // A single step is not a rate: both halves of the period must show the deviation.
    const double spread = std::abs(*whole) / 2 + 2 * kMinNoiseUs / static_cast<double>(period_us) * ratio;
    const bool regular = std::abs(*first - *whole) <= spread && std::abs(*second - *whole) <= spread;
    if (regular) return current * ratio;
  }
  return std::nullopt;
}

std::optional<int64_t> ClockMeter::SettledLatenessUs() const {
  std::optional<int64_t> lateness_us;
  const size_t bins = std::min(closed_.size(), kLatenessBins);
  for (size_t i = closed_.size() - bins; i < closed_.size(); ++i) {
    lateness_us = std::min(lateness_us.value_or(INT64_MAX), closed_[i].lateness_us);
  }
  return lateness_us;
}

int64_t ClockMeter::LatenessUs() const {
  const auto settled_us = SettledLatenessUs();
  if (open_.count == 0) return settled_us.value_or(0);
  return std::min(settled_us.value_or(INT64_MAX), open_.lateness_us);
}

int64_t ClockMeter::DeficitUs(size_t bins) const {
  if (closed_.size() < bins || bins == 0) return 0;
  int64_t smallest = INT64_MAX;
  int64_t largest = INT64_MIN;
  for (size_t i = closed_.size() - bins; i < closed_.size(); ++i) {
    smallest = std::min(smallest, closed_[i].lateness_us - reference_us_);
    largest = std::max(largest, closed_[i].lateness_us - reference_us_);
  }
  // The end of an interruption counts at once.
  if (open_.count > 0) smallest = std::min(smallest, open_.lateness_us - reference_us_);
  if (smallest > 0) return smallest;
  return std::min<int64_t>(largest, 0);
}

}  // namespace chrys::rtsp
