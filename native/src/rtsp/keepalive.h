// When and how a session is kept alive (RFC 2326, 10.8 and 12.37). Cameras differ in the request that they accept.
#pragma once

#include <cstdint>
#include <string>

#include "source/learned.h"

namespace chrys::rtsp {

// While nothing is known about a camera, GET_PARAMETER and OPTIONS take turns, so that each is sent within the timeout.
// A refused method is left out. A camera that still ends its sessions at a constant interval gets another method
// in the next session: SET_PARAMETER, then each one alone.
class Keepalive {
 public:
  explicit Keepalive(Learned& learned) : learned_(learned) {}

  // The session plays from now on. `timeout_s`: the session timeout that the camera declared.
  void Begin(int timeout_s, int64_t now_us);
  // When the next request is due, monotonic.
  int64_t due_us() const { return due_us_; }
  // Returns the method to send now. The next one is due one period later.
  std::string Next(int64_t now_us);
  // The camera refused a method (4xx or 5xx other than 401).
  void OnRefused(const std::string& method);
  void OnAccepted(const std::string& method);

  // The camera ended the session. True: sessions end at a constant interval, and the next session uses another method.
  bool OnEnded(int64_t now_us);
  // Seconds that the session has lasted.
  double LastedSeconds(int64_t now_us) const;

 private:
  Learned& learned_;
  int64_t period_us_ = 20'000'000;
  int64_t began_us_ = 0;
  int64_t due_us_ = INT64_MAX;
  bool get_refused_ = false;
  bool options_refused_ = false;
  bool set_refused_ = false;
  bool get_accepted_ = false;
  bool options_accepted_ = false;
  int sent_ = 0;
};

}  // namespace chrys::rtsp
