#include "rtsp/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstring>

namespace chrys::rtsp {

namespace {

const sockaddr_in& V4(const SocketAddress& address) { return reinterpret_cast<const sockaddr_in&>(address.storage); }
const sockaddr_in6& V6(const SocketAddress& address) { return reinterpret_cast<const sockaddr_in6&>(address.storage); }

}  // namespace

int SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(V4(*this).sin_port);
  if (family() == AF_INET6) return ntohs(V6(*this).sin6_port);
  return 0;
}

void SocketAddress::set_port(int port) {
  const uint16_t value = htons(static_cast<uint16_t>(port));
  if (family() == AF_INET) reinterpret_cast<sockaddr_in&>(storage).sin_port = value;
  if (family() == AF_INET6) reinterpret_cast<sockaddr_in6&>(storage).sin6_port = value;
}

bool SocketAddress::SameHost(const SocketAddress& other) const {
  if (family() != other.family()) return false;
  if (family() == AF_INET) return V4(*this).sin_addr.s_addr == V4(other).sin_addr.s_addr;
  if (family() != AF_INET6) return false;
  return std::memcmp(&V6(*this).sin6_addr, &V6(other).sin6_addr, sizeof(in6_addr)) == 0;
}

bool SocketAddress::is_multicast() const {
  if (family() == AF_INET) return IN_MULTICAST(ntohl(V4(*this).sin_addr.s_addr));
  return family() == AF_INET6 && IN6_IS_ADDR_MULTICAST(&V6(*this).sin6_addr);
}

std::string SocketAddress::host() const {
  char text[NI_MAXHOST] = "";
  if (size == 0 || getnameinfo(get(), size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text;
}

std::string SocketAddress::endpoint() const {
  const std::string name = host();
  return (family() == AF_INET6 ? "[" + name + "]" : name) + ":" + std::to_string(port());
}

std::optional<SocketAddress> ParseAddress(const std::string& text, int port) {
  std::string host = text;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  if (host.empty() || host.find('\0') != std::string::npos || port < 0 || port > 65'535) return std::nullopt;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;  // no name is resolved
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  std::optional<SocketAddress> address;
  if (found->ai_addrlen <= sizeof(sockaddr_storage)) {
    address.emplace();
    std::memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
    address->size = found->ai_addrlen;
    address->set_port(port);
  }
  freeaddrinfo(found);
  return address;
}

std::optional<SocketAddress> LocalAddress(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (getsockname(fd, address.get(), &address.size) != 0) return std::nullopt;
  return address;
}

std::optional<SocketAddress> PeerAddress(int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (getpeername(fd, address.get(), &address.size) != 0) return std::nullopt;
  return address;
}

}  // namespace chrys::rtsp
