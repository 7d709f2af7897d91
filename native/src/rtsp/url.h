// RTSP URLs as cameras and people write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace chrys::rtsp {

struct Url {
  bool tls = false;  // rtsps
  bool has_user = false;
  std::string user;      // percent-decoded
  std::string password;  // percent-decoded
  std::string host;      // without the brackets of an IPv6 address
  int port = 554;        // 322 for rtsps, when the URL names none
  std::string request;   // the URL without user and password, as requests carry it
};

// nullopt: neither rtsp:// nor rtsps:// with a host.
std::optional<Url> ParseUrl(std::string_view text);

// Whether both have the same host. Names are compared without regard to case.
bool SameHost(const Url& a, const Url& b);

// The URL that `a=control` values are relative to: Content-Base, else Content-Location, else the request URL. Host and
// port are always those of `request`, because cameras behind NAT write their inner address.
std::string BaseUrl(std::string_view request, std::string_view content_base, std::string_view content_location);

// The URL that a camera means with a control value. An absolute value is used, with host and port of `base`. A relative
// value is appended after a '/', even if the base has a query (Dahua). `*` and an empty value mean the base itself. A
// control that repeats the end of the base, or has no scheme, is understood as well.
std::string JoinControl(std::string_view base, std::string_view control);

}  // namespace chrys::rtsp
