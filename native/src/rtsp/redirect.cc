#include "rtsp/redirect.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "rtsp/status.h"

namespace chrys::rtsp {

namespace {

bool IsLocal(const std::string& address) {
  in_addr v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    const uint32_t bits = ntohl(v4.s_addr);
    return bits >> 24 == 127 || bits >> 24 == 0 || bits >> 16 == 0xa9fe;
  }
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6) ||
         IN6_IS_ADDR_V4MAPPED(&v6);
}

bool IsAddress(const std::string& host) {
  uint8_t bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

}  // namespace

std::optional<Failure> ReadRedirect(std::string_view location, const Url& from,
                                    const std::vector<std::string>& addresses, RedirectTarget* target) {
  auto url = ParseUrl(location);
  if (!url) return Failure{end::kProtocolError, "The camera redirects without an RTSP URL to go to.", 0};
  if (from.tls && !url->tls) {
    return Failure{
        end::kProtocolError,
        "The camera redirects from rtsps to rtsp, which is not encrypted. Use an rtsp URL if that is wanted.", 0};
  }
  // A camera that is known by a name may write its address instead.
  const bool is_own_address = std::find(addresses.begin(), addresses.end(), url->host) != addresses.end();
  const bool is_same_host = SameHost(*url, from) || is_own_address;
  const bool is_address = IsAddress(url->host);
  if (!is_same_host && !is_address) {
    return Failure{end::kTooManyRedirects, "The camera redirects to the host \"" + CameraText(url->host) + "\".", 0};
  }
  const bool from_local = std::any_of(addresses.begin(), addresses.end(), IsLocal);
  if (!is_same_host && IsLocal(url->host) && !from_local) {
    return Failure{end::kTooManyRedirects, "The camera redirects to this machine itself.", 0};
  }
  target->is_same_host = is_same_host;
  if (is_address) target->address = url->host;
  // The certificate is valid for the name, not for the address.
  if (is_same_host) url->host = from.host;
  url->has_user = is_same_host && from.has_user;
  url->user = is_same_host ? from.user : "";
  url->password = is_same_host ? from.password : "";
  target->url = std::move(*url);
  return std::nullopt;
}

}  // namespace chrys::rtsp
