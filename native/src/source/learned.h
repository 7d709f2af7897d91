// What earlier connections found out about a camera: LearnedFacts in src/native/learned-facts.ts.
#pragma once

#include <cstdint>
#include <string>

namespace chrys {

struct Learned {
  std::string transport;       // "tcp", "udp" or "multicast". Empty, as for the other strings: not known
  std::string keepalive;       // "GET_PARAMETER", "OPTIONS" or "SET_PARAMETER"
  std::string authentication;  // for example "Digest SHA-256"
  bool without_receiver_reports = false;
  bool marks_every_slice = false;
  bool sequence_unreliable = false;
  int jpeg_width = 0;  // pixels
  int jpeg_height = 0;
  int64_t usual_gap_ms = 0;
  std::string certificate;      // SHA-256, 64 hex digits
  std::string session;          // id of the newest session
  std::string session_url;      // its control URL, without credentials
  int silent_tcp_sessions = 0;  // successive sessions in which no RTP packet came over TCP
  int64_t ended_after_ms = 0;   // duration of the last session that the camera ended
};

inline bool operator==(const Learned& a, const Learned& b) {
  return a.transport == b.transport && a.keepalive == b.keepalive && a.authentication == b.authentication &&
         a.without_receiver_reports == b.without_receiver_reports && a.marks_every_slice == b.marks_every_slice &&
         a.sequence_unreliable == b.sequence_unreliable && a.jpeg_width == b.jpeg_width &&
         a.jpeg_height == b.jpeg_height && a.usual_gap_ms == b.usual_gap_ms && a.certificate == b.certificate &&
         a.session == b.session && a.session_url == b.session_url && a.silent_tcp_sessions == b.silent_tcp_sessions &&
         a.ended_after_ms == b.ended_after_ms;
}
inline bool operator!=(const Learned& a, const Learned& b) { return !(a == b); }

}  // namespace chrys
