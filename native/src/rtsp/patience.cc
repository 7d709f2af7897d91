#include "rtsp/patience.h"

#include <algorithm>
#include <cmath>

namespace chrys::rtsp {

namespace {

constexpr int64_t kKnownSpanUs = 500'000;
constexpr int64_t kGapsPerLimit = 3;
constexpr int64_t kMaxGapUs = 600'000'000;
constexpr double kMinFps = 0.001;
constexpr double kMeanShare = 1.0 / 16;
// A connection that lasted longer than this many times the gap would have had such a gap before, if it were usual.
constexpr int64_t kEarlyGaps = 4;
// How long a gap counts, as a multiple of the gap: if it came once, and if it came again.
constexpr int64_t kSingleGapLasts = 10;
constexpr int64_t kUsualGapLasts = 100;
// A gap of an earlier connection counts no longer after this many times the gap without a gap of that length.
constexpr int64_t kRememberedLasts = 2;

}  // namespace

Patience::Patience(int64_t configured_us, double sdp_fps, int64_t remembered_gap_us, int64_t first_picture_us)
    : configured_us_(std::max<int64_t>(0, configured_us)),
      declared_gap_us_(sdp_fps >= kMinFps ? std::min(kMaxGapUs, static_cast<int64_t>(std::llround(1e6 / sdp_fps))) : 0),
      remembered_gap_us_(std::clamp<int64_t>(remembered_gap_us, 0, kMaxGapUs)),
      first_picture_us_(first_picture_us) {}

bool Patience::known() const { return pictures_ >= kKnownPictures && last_us_ - first_us_ >= kKnownSpanUs; }

void Patience::OnPicture(int64_t now_us) {
  ++pictures_;
  if (pictures_ == 1) {
    first_us_ = last_us_ = now_us;
    return;
  }
  const int64_t gap_us = std::clamp<int64_t>(now_us - last_us_, 0, kMaxGapUs);
  const bool early = last_us_ - first_us_ < kEarlyGaps * gap_us;
  last_us_ = std::max(last_us_, now_us);
  const auto gap = static_cast<double>(gap_us);
  mean_gap_us_ = pictures_ == 2 ? gap : mean_gap_us_ + (gap - mean_gap_us_) * kMeanShare;
  if (gap_us < NotableUs()) return;
  gaps_.push_back({now_us, gap_us, early});
  if (gaps_.size() > kMaxGaps) gaps_.pop_front();
}

int64_t Patience::usual_gap_us() const {
  if (!known()) return remembered_gap_us_;
  int64_t usual_us = std::min(std::llround(mean_gap_us_), static_cast<long long>(NotableUs()));
  bool remembered_again = false;
  for (size_t i = 0; i < gaps_.size(); ++i) {
    const Gap& gap = gaps_[i];
    if (gap.gap_us >= remembered_gap_us_ / 2) remembered_again = true;
    bool again = false;
    for (size_t other = 0; other < gaps_.size(); ++other) {
      const int64_t apart_us = std::abs(gaps_[other].end_us - gap.end_us);
      again = again || (other != i && gaps_[other].gap_us >= gap.gap_us / 2 && apart_us <= kUsualGapLasts * gap.gap_us);
    }
    const int64_t lasts_us = (again ? kUsualGapLasts : gap.early ? kSingleGapLasts : 0) * gap.gap_us;
    if (last_us_ - gap.end_us < lasts_us) usual_us = std::max(usual_us, gap.gap_us);
  }
  const bool young = last_us_ - first_us_ < kRememberedLasts * remembered_gap_us_;
  return young || remembered_again ? std::max(usual_us, remembered_gap_us_) : usual_us;
}

int64_t Patience::LimitUs() const {
  const int64_t limit_us = std::max(configured_us_, kGapsPerLimit * usual_gap_us());
  return known() ? limit_us : std::max({limit_us, kGapsPerLimit * declared_gap_us_, first_picture_us_});
}

int64_t Patience::GapAfterStallUs() const {
  if (known() || pictures_ == 0) return usual_gap_us();
  return std::max(usual_gap_us(), std::min(kMaxUnknownUs, 2 * LimitUs()) / kGapsPerLimit);
}

}  // namespace chrys::rtsp
