// Session descriptions (RFC 4566): which streams a camera has. Only m=, a= and c= lines are read; all other lines may
// be broken or missing.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace chrys::rtsp {

struct Format {
  int payload_type = -1;
  std::string
      name;  // of rtpmap, upper case: "H264", "H265", "JPEG", "MPEG4-GENERIC", "PCMU"; static types are filled in
  int clock_rate = 0;
  int channels = 1;
  std::map<std::string, std::string> fmtp;  // keys lower case
};

struct Media {
  std::string kind;      // "video", "audio", "application"
  std::string protocol;  // "RTP/AVP", "RTP/AVP/TCP", "RTP/SAVP"
  int port = 0;
  std::vector<Format> formats;  // in the order of the m= line; only those with a name
  std::string control;
  std::string direction;      // "sendonly", "recvonly", "sendrecv", "inactive" or empty
  bool back_channel = false;  // audio to the camera (ONVIF streaming, 5.3); see IsBackChannel in sdp.cc
  double frame_rate = 0;      // a=framerate, a=x-framerate
  int width = 0;              // a=x-dimensions, a=framesize
  int height = 0;
  std::string multicast_address;  // of c=, media level or session level; empty when it is not multicast
  int multicast_ttl = 0;
  bool encrypted = false;  // SAVP, a=crypto or a=key-mgmt
};

struct SessionDescription {
  std::string control;
  std::string range;  // a=range
  std::vector<Media> media;
};

// Never fails; at most 32 media with 32 formats each are kept.
SessionDescription ParseSdp(std::string_view text);

}  // namespace chrys::rtsp
