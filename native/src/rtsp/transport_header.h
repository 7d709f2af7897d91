// The headers of SETUP and PLAY: Transport, Session and Range (RFC 2326, 12.39, 12.37 and 12.29).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace chrys::rtsp {

struct Transport {
  bool interleaved = false;  // over the RTSP connection
  bool multicast = false;
  int rtp_channel = -1;  // -1: not given
  int rtcp_channel = -1;
  int server_rtp_port = 0;  // 0: not given
  int server_rtcp_port = 0;
  int client_rtp_port = 0;
  int client_rtcp_port = 0;
  int multicast_port = 0;
  int ttl = 0;
  std::string source;
  std::string destination;
};

// nullopt: it says nothing that can be used. `interleaved=` counts as TCP also without "/TCP".
std::optional<Transport> ParseTransport(std::string_view value);

std::string TcpTransport(int rtp_channel);  // "RTP/AVP/TCP;unicast;interleaved=0-1"
std::string UdpTransport(int rtp_port);     // "RTP/AVP;unicast;client_port=5000-5001"
std::string MulticastTransport();           // "RTP/AVP;multicast"

// The value of the Session header.
struct SessionHeader {
  std::string id;
  int timeout_s = 60;  // the default applies when the camera names none
};
SessionHeader ParseSession(std::string_view value);

// The time that a Range header names, such as "clock=20261130T200000.25Z-" (RFC 2326, 3.7): microseconds since the
// epoch. 0: the header names none.
int64_t ParseRangeClock(std::string_view value);

}  // namespace chrys::rtsp
