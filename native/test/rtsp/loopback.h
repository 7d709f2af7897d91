// Servers on this machine, for tests of sockets.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "rtsp/socket.h"

namespace chrys::rtsp {

// Tests fail instead of waiting for longer than this.
constexpr int64_t kPatienceUs = 20'000'000;

inline sockaddr_in Loopback(const char* address, int port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

inline int PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

inline int Listen(const char* address, int port, int backlog) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in bound = Loopback(address, port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&bound), sizeof bound) != 0 || listen(fd, backlog) != 0) {
    std::perror("listening on loopback");
    std::exit(1);
  }
  return fd;
}

// Accepts one connection, runs `serve` with it, and closes it.
class Server {
 public:
  explicit Server(std::function<void(int)> serve, const char* address = "127.0.0.1", int port = 0)
      : fd_(Listen(address, port, 4)), thread_([this, serve = std::move(serve)] {
          const int client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
          if (client < 0) return;
          serve(client);
          close(client);
        }) {}
  ~Server() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  int port() const { return PortOf(fd_); }

 private:
  const int fd_;
  std::thread thread_;
};

// A port that never answers: its queue is full, so the kernel drops new connections.
class BlackHole {
 public:
  explicit BlackHole(const char* address = "127.0.0.1") : fd_(Listen(address, 0, 0)) {
    for (int i = 0; i < 4; ++i) {
      const int client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const sockaddr_in target = Loopback(address, port());
      if (connect(client, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) errno = 0;
      clients_.push_back(client);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  ~BlackHole() {
    for (const int client : clients_) close(client);
    close(fd_);
  }
  int port() const { return PortOf(fd_); }

 private:
  const int fd_;
  std::vector<int> clients_;
};

// A stop flag with its eventfd.
struct Stop {
  std::atomic<int32_t> flag{0};
  int wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ~Stop() { close(wake_fd); }
  void Raise() {
    flag = 1;
    Wake();
  }
  void Wake() const {
    const uint64_t one = 1;
    if (write(wake_fd, &one, sizeof one) < 0) std::perror("waking");
  }
};

inline ConnectionOptions Options(int port, std::vector<std::string> addresses = {"127.0.0.1"}) {
  ConnectionOptions options;
  options.addresses = std::move(addresses);
  options.port = port;
  return options;
}

// Reads until the text has that size, the connection ends or kPatienceUs has passed.
inline std::string ReadText(Connection& connection, Waiter& waiter, size_t size) {
  std::string text;
  std::vector<uint8_t> buffer(65'536);
  const int64_t deadline_us = MonotonicUs() + kPatienceUs;
  while (text.size() < size) {
    const long got = connection.Read(buffer.data(), std::min(buffer.size(), size - text.size()));
    if (got < 0) break;
    text.append(buffer.begin(), buffer.begin() + got);
    if (got > 0) continue;
    pollfd descriptor{connection.fd(), POLLIN, 0};
    if (connection.has_unsent()) descriptor.events |= POLLOUT;
    if (waiter.Wait(&descriptor, 1, deadline_us) != Waiter::Woke::kReady) break;
    if (connection.has_unsent() && !connection.Flush()) break;
  }
  return text;
}

// The error of the connection after its end; -1: it does not end within kPatienceUs.
inline int EndOf(Connection& connection, Waiter& waiter) {
  std::vector<uint8_t> buffer(65'536);
  const int64_t deadline_us = MonotonicUs() + kPatienceUs;
  while (MonotonicUs() < deadline_us) {
    const long got = connection.Read(buffer.data(), buffer.size());
    if (got < 0) return connection.error();
    if (got > 0) continue;
    pollfd descriptor{connection.fd(), POLLIN, 0};
    waiter.Wait(&descriptor, 1, deadline_us);
  }
  return -1;
}

}  // namespace chrys::rtsp
