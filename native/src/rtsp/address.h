// Numeric IP addresses with ports, for sockets and messages.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace chrys::rtsp {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  int port() const;
  void set_port(int port);
  // Same host; ports may differ.
  bool SameHost(const SocketAddress& other) const;
  bool is_multicast() const;
  std::string host() const;      // "192.168.1.5", "fe80::1%eth0"
  std::string endpoint() const;  // "192.168.1.5:554", "[::1]:554"
};

// Parses an IPv4 or IPv6 address, also with brackets or a zone ("%eth0"). nullopt: the text is a name, or empty.
std::optional<SocketAddress> ParseAddress(const std::string& text, int port);

// The socket's own address and that of its peer. nullopt: it has none.
std::optional<SocketAddress> LocalAddress(int fd);
std::optional<SocketAddress> PeerAddress(int fd);

}  // namespace chrys::rtsp
