// Redirects of RTSP requests (RFC 2326, 11.3): which of them are followed, and where they lead.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/failure.h"
#include "rtsp/url.h"

namespace chrys::rtsp {

struct RedirectTarget {
  Url url;                    // with the credentials of the old URL only if `is_same_host`
  bool is_same_host = false;  // the camera itself, by its name or by its address
  std::string address;        // if the URL names an address and no host name; else empty
};

// Reads the Location of a redirect from `from`, whose host has the addresses `addresses`. Failures: protocol_error for
// a Location without an RTSP URL or from rtsps to rtsp; too_many_redirects for another host that is a name, or this
// machine.
std::optional<Failure> ReadRedirect(std::string_view location, const Url& from,
                                    const std::vector<std::string>& addresses, RedirectTarget* target);

}  // namespace chrys::rtsp
