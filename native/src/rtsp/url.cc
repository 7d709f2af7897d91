#include "rtsp/url.h"

#include "rtsp/text.h"

#include <algorithm>

namespace chrys::rtsp {

namespace {

constexpr int kRtspPort = 554;
constexpr int kRtspsPort = 322;

int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  c = LowerChar(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A '%' that does not begin an encoded character stands for itself.
std::string PercentDecode(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : HexValue(text[i + 2]);
    if (text[i] == '%' && low >= 0) {
      decoded += static_cast<char>(high << 4 | low);
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

// Percent-encodes the characters that cannot be in a request line or in a quoted string, and leaves the others as the
// camera wrote them.
std::string EncodeOdd(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f && c != '"') {
      encoded += c;
    } else {
      encoded += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return encoded;
}

// The length of "rtsp://" or "rtsps://" at the beginning; 0: neither.
size_t SchemeSize(std::string_view text) {
  for (const std::string_view scheme : {"rtsp://", "rtsps://"}) {
    if (StartsWithIgnoringCase(text, scheme)) return scheme.size();
  }
  return 0;
}

// Removes the scheme, even if it is there twice ("rtsp://rtsp://host/"). False: there was none.
bool RemoveSchemes(std::string_view& text) {
  bool removed = false;
  for (size_t size = SchemeSize(text); size > 0; size = SchemeSize(text)) {
    text.remove_prefix(size);
    removed = true;
  }
  return removed;
}

size_t AuthorityEnd(std::string_view text) { return std::min(text.find_first_of("/?#"), text.size()); }

// Scheme, host and port of a URL without credentials.
std::string_view Origin(std::string_view url) {
  const size_t scheme = SchemeSize(url);
  return url.substr(0, scheme + AuthorityEnd(url.substr(scheme)));
}

// The host and port of an origin.
std::string_view HostAndPort(std::string_view origin) { return origin.substr(SchemeSize(origin)); }

bool LooksLikeIpv4(std::string_view host) {
  return std::count(host.begin(), host.end(), '.') == 3 &&
         std::all_of(host.begin(), host.end(), [](char c) { return IsDigit(c) || c == '.'; });
}

// Whether a text without a scheme begins with a host, such as "192.168.1.10:554/stream0/". A name counts only with a
// dot in it, because "video" and "track:1" are controls.
bool BeginsWithHost(std::string_view text, std::string_view origin) {
  std::string_view port = text.substr(0, AuthorityEnd(text));
  const bool has_port = port.find(':') != std::string_view::npos;
  if (!port.empty() && port.front() == '[') return true;
  const std::string_view host = TakeUntil(port, ':');
  if (LooksLikeIpv4(host)) return true;
  if (host.find('.') == std::string_view::npos) return false;
  if (has_port) return !port.empty() && std::all_of(port.begin(), port.end(), IsDigit);
  std::string_view own = HostAndPort(origin);
  return EqualsIgnoringCase(host, TakeUntil(own, ':'));
}

// The path and query of a URL that is absolute, in any form that cameras write. nullopt: it is relative.
std::optional<std::string_view> AbsolutePath(std::string_view text, std::string_view origin) {
  if (RemoveSchemes(text)) return text.substr(AuthorityEnd(text));
  if (StartsWith(text, "//")) {
    text.remove_prefix(2);
    return text.substr(AuthorityEnd(text));
  }
  if (BeginsWithHost(text, origin)) return text.substr(AuthorityEnd(text));
  return std::nullopt;
}

// Offset in `base` of the part that the control repeats, as in base ".../live/ch0" and control "ch0/track1"; npos: the
// control repeats nothing.
size_t RepeatedPart(std::string_view base, std::string_view control) {
  const size_t path = Origin(base).size();
  while (!base.empty() && base.back() == '/') base.remove_suffix(1);
  for (size_t i = path; i < base.size(); ++i) {
    if (base[i] != '/') continue;
    const std::string_view end = base.substr(i + 1);
    if (control.size() > end.size() + 1 && StartsWith(control, end) && control[end.size()] == '/') return i;
  }
  return std::string_view::npos;
}

bool ParseHostAndPort(std::string_view text, Url* url) {
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    url->host = std::string(text.substr(1, end - 1));
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
  } else if (std::count(text.begin(), text.end(), ':') > 1) {
    url->host = std::string(text);  // an IPv6 address without brackets, which leaves no room for a port
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    url->host = std::string(text.substr(0, colon));
    port = text.substr(colon);
  }
  // RFC 6874: the zone of a link-local address is written "%25eth0".
  const size_t zone = url->host.find("%25");
  if (zone != std::string::npos) url->host.erase(zone + 1, 2);
  if (url->host.empty() ||
      std::any_of(url->host.begin(), url->host.end(), [](char c) { return IsControl(c) || c == ' '; }))
    return false;

  url->port = url->tls ? kRtspsPort : kRtspPort;
  if (port.size() < 2) return true;
  port.remove_prefix(1);
  if (!std::all_of(port.begin(), port.end(), IsDigit)) return false;
  const auto number = LeadingNumber(port, 65535);
  if (!number || *number == 0) return false;
  url->port = static_cast<int>(*number);
  return true;
}

}  // namespace

std::optional<Url> ParseUrl(std::string_view text) {
  text = Trim(text);
  const size_t scheme = SchemeSize(text);
  if (scheme == 0) return std::nullopt;
  Url url;
  url.tls = scheme == std::string_view("rtsps://").size();
  text.remove_prefix(scheme);

  const size_t end = AuthorityEnd(text);
  std::string_view authority = text.substr(0, end);
  const size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    std::string_view credentials = authority.substr(0, at);
    authority.remove_prefix(at + 1);
    url.has_user = !credentials.empty();
    url.user = PercentDecode(TakeUntil(credentials, ':'));
    url.password = PercentDecode(credentials);
  }
  if (!ParseHostAndPort(authority, &url)) return std::nullopt;
  url.request = std::string(url.tls ? "rtsps://" : "rtsp://") + EncodeOdd(authority) + EncodeOdd(text.substr(end));
  return url;
}

bool SameHost(const Url& a, const Url& b) {
  const auto without_dot = [](std::string_view host) {
    if (!host.empty() && host.back() == '.') host.remove_suffix(1);
    return host;
  };
  return EqualsIgnoringCase(without_dot(a.host), without_dot(b.host));
}

std::string BaseUrl(std::string_view request, std::string_view content_base, std::string_view content_location) {
  const std::string_view origin = Origin(request);
  for (std::string_view base : {Trim(content_base), Trim(content_location)}) {
    if (base.empty()) continue;
    if (base.front() == '/' && !StartsWith(base, "//")) return std::string(origin) + EncodeOdd(base);
    const auto path = AbsolutePath(base, origin);
    if (path) return std::string(origin) + EncodeOdd(*path);
    // A relative base is useless. The camera answered for the request URL, so that URL is the base.
  }
  return std::string(request);
}

std::string JoinControl(std::string_view base, std::string_view control) {
  control = Trim(control);
  if (control.empty() || control == "*") return std::string(base);
  const std::string_view origin = Origin(base);
  const auto path = AbsolutePath(control, origin);
  if (path) return std::string(origin) + EncodeOdd(*path);

  const bool has_slash = control.front() == '/';
  if (has_slash) control.remove_prefix(1);
  const size_t repeated = RepeatedPart(base, control);
  if (repeated != std::string_view::npos) return std::string(base.substr(0, repeated + 1)) + EncodeOdd(control);
  std::string joined(base);
  const bool is_query = !has_slash && control.front() == '?';
  if (!is_query && (joined.empty() || joined.back() != '/')) joined += '/';
  return joined + EncodeOdd(control);
}

}  // namespace chrys::rtsp
