#include "rtsp/transport_header.h"

#include "rtsp/text.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace chrys::rtsp {

namespace {

constexpr size_t kMaxAddressBytes = 255;
constexpr int64_t kMaxPort = 65535;
constexpr int64_t kMaxChannel = 255;
constexpr int kDefaultTimeoutSeconds = 60;
constexpr int64_t kMaxTimeoutSeconds = 24LL * 3600;

std::string_view WithoutQuotes(std::string_view text) {
  text = Trim(text);
  if (text.size() > 1 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return Trim(text);
}

// Reads "5000-5001" and "5000". A number that is missing or out of range leaves its variable as it is.
void ParsePair(std::string_view text, int64_t max, int* first, int* second) {
  const auto a = LeadingNumber(Trim(TakeUntil(text, '-')), max);
  const auto b = LeadingNumber(Trim(text), max);
  if (!a) return;
  *first = static_cast<int>(*a);
  if (b && second != nullptr) *second = static_cast<int>(*b);
}

std::string ParseAddress(std::string_view text) {
  text = WithoutQuotes(text);
  if (text.size() > kMaxAddressBytes || std::any_of(text.begin(), text.end(), IsControl)) return "";
  return std::string(text);
}

// Reads one parameter of a transport. False: the parameter alone does not show what the transport is.
bool ParseParameter(std::string_view parameter, Transport* transport) {
  std::string_view value = Trim(parameter);
  const std::string name = Lower(Trim(TakeUntil(value, '=')));
  if (StartsWith(name, "rtp/") || StartsWith(name, "mp2t/")) {
    transport->interleaved = transport->interleaved || (name.size() > 4 && name.substr(name.size() - 4) == "/tcp");
  } else if (name == "multicast") {
    transport->multicast = true;
  } else if (name == "interleaved") {
    transport->interleaved = true;
    ParsePair(WithoutQuotes(value), kMaxChannel, &transport->rtp_channel, &transport->rtcp_channel);
  } else if (name == "server_port") {
    ParsePair(WithoutQuotes(value), kMaxPort, &transport->server_rtp_port, &transport->server_rtcp_port);
  } else if (name == "client_port") {
    ParsePair(WithoutQuotes(value), kMaxPort, &transport->client_rtp_port, &transport->client_rtcp_port);
  } else if (name == "port") {
    ParsePair(WithoutQuotes(value), kMaxPort, &transport->multicast_port, nullptr);
  } else if (name == "ttl") {
    ParsePair(WithoutQuotes(value), 255, &transport->ttl, nullptr);
  } else if (name == "source") {
    transport->source = ParseAddress(value);
    return false;
  } else if (name == "destination") {
    transport->destination = ParseAddress(value);
    return false;
  } else {
    return name == "unicast";
  }
  return true;
}

std::optional<Transport> ParseOne(std::string_view text) {
  Transport transport;
  bool usable = false;
  while (!text.empty()) usable = ParseParameter(TakeUntil(text, ';'), &transport) || usable;
  return usable ? std::optional<Transport>(transport) : std::nullopt;
}

}  // namespace

std::optional<Transport> ParseTransport(std::string_view value) {
  // Commas separate several transports, except in quotes: mode="PLAY,RECORD".
  bool quoted = false;
  for (size_t begin = 0, i = 0; i <= value.size(); ++i) {
    if (i < value.size() && value[i] == '"') quoted = !quoted;
    if (i < value.size() && (value[i] != ',' || quoted)) continue;
    auto transport = ParseOne(value.substr(begin, i - begin));
    if (transport) return transport;
    begin = i + 1;
  }
  return std::nullopt;
}

std::string TcpTransport(int rtp_channel) {
  return "RTP/AVP/TCP;unicast;interleaved=" + std::to_string(rtp_channel) + "-" + std::to_string(rtp_channel + 1);
}

std::string UdpTransport(int rtp_port) {
  return "RTP/AVP;unicast;client_port=" + std::to_string(rtp_port) + "-" + std::to_string(rtp_port + 1);
}

std::string MulticastTransport() { return "RTP/AVP;multicast"; }

SessionHeader ParseSession(std::string_view value) {
  SessionHeader session;
  session.timeout_s = kDefaultTimeoutSeconds;
  for (const char c : Trim(TakeUntil(value, ';'))) {
    if (!IsControl(c)) session.id += c;
  }
  while (!value.empty()) {
    std::string_view parameter = TakeUntil(value, ';');
    if (!EqualsIgnoringCase(Trim(TakeUntil(parameter, '=')), "timeout")) continue;
    // A timeout of 0 would make the client send requests without pause.
    const auto seconds = LeadingNumber(WithoutQuotes(parameter), INT64_MAX / 16);
    if (seconds && *seconds > 0) session.timeout_s = static_cast<int>(std::min(*seconds, kMaxTimeoutSeconds));
  }
  return session;
}

int64_t ParseRangeClock(std::string_view value) {
  const size_t at = value.find("clock=");
  if (at == std::string_view::npos) return 0;
  const std::string text(value.substr(at + 6, 32));
  std::tm time{};
  int used = 0;
  if (std::sscanf(text.c_str(), "%4d%2d%2dT%2d%2d%2d%n", &time.tm_year, &time.tm_mon, &time.tm_mday, &time.tm_hour,
                  &time.tm_min, &time.tm_sec, &used) != 6) {
    return 0;
  }
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  const auto seconds = static_cast<int64_t>(timegm(&time));
  int64_t micros = 0;
  if (text[static_cast<size_t>(used)] == '.') {
    int64_t unit = 100'000;
    for (size_t i = static_cast<size_t>(used) + 1; i < text.size() && text[i] >= '0' && text[i] <= '9';
         ++i, unit /= 10) {
      micros += (text[i] - '0') * unit;
    }
  }
  return seconds > 0 ? seconds * 1'000'000 + micros : 0;
}

}  // namespace chrys::rtsp
