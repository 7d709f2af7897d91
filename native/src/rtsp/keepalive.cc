#include "rtsp/keepalive.h"

#include <algorithm>
#include <cstdlib>

namespace chrys::rtsp {

namespace {

constexpr const char* kGetParameter = "GET_PARAMETER";
constexpr const char* kOptions = "OPTIONS";
constexpr const char* kSetParameter = "SET_PARAMETER";

constexpr int64_t kMaxPeriodUs = 20'000'000;
constexpr int64_t kMinPeriodUs = 1'000'000;
// A session that lasted longer than this did not end for lack of a keepalive.
constexpr int64_t kMaxIntervalMs = 600'000;
// No camera ends a session sooner because of a missing keepalive, but a server that plays short files does.
constexpr int64_t kMinIntervalMs = 3'000;
constexpr int64_t kSameMs = 1'500;

}  // namespace

void Keepalive::Begin(int timeout_s, int64_t now_us) {
  period_us_ = std::clamp(static_cast<int64_t>(timeout_s) * 1'000'000 / 3, kMinPeriodUs, kMaxPeriodUs);
  began_us_ = now_us;
  due_us_ = now_us + period_us_;
}

std::string Keepalive::Next(int64_t now_us) {
  due_us_ = now_us + period_us_;
  const int turn = sent_++;
  if (!learned_.keepalive.empty()) return learned_.keepalive;
  if (get_refused_ && options_refused_) return kSetParameter;
  if (get_refused_) return kOptions;
  if (options_refused_) return kGetParameter;
  return turn % 2 == 0 ? kGetParameter : kOptions;
}

void Keepalive::OnRefused(const std::string& method) {
  bool& refused = method == kGetParameter ? get_refused_ : method == kOptions ? options_refused_ : set_refused_;
  if (method == learned_.keepalive) learned_.keepalive.clear();
  // A refused method is replaced at once: waiting for a whole period could cost the session.
  if (!refused) due_us_ = began_us_;
  refused = true;
}

void Keepalive::OnAccepted(const std::string& method) {
  if (method == kGetParameter) get_accepted_ = true;
  if (method == kOptions) options_accepted_ = true;
  if (!learned_.keepalive.empty()) return;
  if (get_refused_ && options_accepted_) learned_.keepalive = kOptions;
  if (options_refused_ && get_accepted_) learned_.keepalive = kGetParameter;
}

bool Keepalive::OnEnded(int64_t now_us) {
  if (began_us_ == 0) return false;
  const int64_t lasted_ms = (now_us - began_us_) / 1000;
  const int64_t before_ms = learned_.ended_after_ms;
  learned_.ended_after_ms = lasted_ms;
  if (before_ms < kMinIntervalMs || lasted_ms > kMaxIntervalMs) return false;
  if (std::llabs(lasted_ms - before_ms) > std::max(kSameMs, lasted_ms / 10)) return false;
  // The next session uses another method.
  if (learned_.keepalive.empty()) {
    learned_.keepalive = kSetParameter;
  } else if (learned_.keepalive == kSetParameter) {
    learned_.keepalive = kGetParameter;
  } else if (learned_.keepalive == kGetParameter) {
    learned_.keepalive = kOptions;
  } else {
    // All methods were tried: begin again, now with receiver reports.
    learned_.keepalive.clear();
    learned_.without_receiver_reports = false;
  }
  return true;
}

double Keepalive::LastedSeconds(int64_t now_us) const {
  return began_us_ == 0 ? 0 : static_cast<double>(now_us - began_us_) / 1e6;
}

}  // namespace chrys::rtsp
