// Waiting and TCP connections: `socket_test`.
#include "rtsp/socket.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "expect.h"
#include "loopback.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

bool Is(const std::optional<Failure>& failure, const char* end) {
  return failure && std::strcmp(failure->end, end) == 0;
}

bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::string ReceiveAll(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t got; (got = recv(fd, buffer, sizeof buffer, 0)) > 0;) text.append(buffer, static_cast<size_t>(got));
  return text;
}

void WaitsForDescriptorsAndDeadlines() {
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  int pipe_fds[2];
  EXPECT(pipe(pipe_fds) == 0);
  pollfd descriptor{pipe_fds[0], POLLIN, 0};
  const int64_t begun_us = MonotonicUs();
  EXPECT(waiter.Wait(&descriptor, 1, begun_us + 3'500) == Waiter::Woke::kDeadline);
  EXPECT(MonotonicUs() - begun_us >= 3'500);
  EXPECT(write(pipe_fds[1], "x", 1) == 1);
  EXPECT(waiter.Wait(&descriptor, 1, 0) == Waiter::Woke::kReady);
  EXPECT(descriptor.revents == POLLIN);
  std::vector<pollfd> many(20, pollfd{-1, POLLIN, 0});
  many[19].fd = pipe_fds[0];
  EXPECT(waiter.Wait(many.data(), many.size(), MonotonicUs() + kPatienceUs) == Waiter::Woke::kReady);
  EXPECT(many[19].revents == POLLIN && many[0].revents == 0);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

void StopsWhileItWaits() {
  for (const bool with_wake : {true, false}) {
    Stop stop;
    Waiter waiter(stop.flag, with_wake ? stop.wake_fd : -1);
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      stop.Raise();
    });
    const int64_t begun_us = MonotonicUs();
    EXPECT(waiter.Wait(nullptr, 0, begun_us + kPatienceUs) == Waiter::Woke::kStopped);
    EXPECT(MonotonicUs() - begun_us < kPatienceUs / 2);
    EXPECT(waiter.Wait(nullptr, 0, begun_us + kPatienceUs) == Waiter::Woke::kStopped);
    other.join();
    waiter.set_ignore_stop(true);
    EXPECT(!waiter.stopped());
    EXPECT(waiter.Wait(nullptr, 0, MonotonicUs() + 2'000) == Waiter::Woke::kDeadline);
  }
}

void ReportsAWakeUpWithoutStopOnce() {
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  stop.Wake();
  EXPECT(waiter.Wait(nullptr, 0, MonotonicUs() + kPatienceUs) == Waiter::Woke::kWoken);
  EXPECT(waiter.Wait(nullptr, 0, MonotonicUs() + 2'000) == Waiter::Woke::kDeadline);
  pollfd descriptor{stop.wake_fd, POLLIN, 0};
  EXPECT(poll(&descriptor, 1, 0) == 0);
}

void ExchangesDataAndSeesTheEnd() {
  Server server([](int client) {
    char buffer[5];
    if (recv(client, buffer, sizeof buffer, MSG_WAITALL) == 5) send(client, "world", 5, 0);
  });
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  EXPECT(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
  EXPECT(connection.peer_address() == "127.0.0.1" && connection.local_address() == "127.0.0.1");
  EXPECT(connection.fingerprint().empty() && !connection.has_pending());
  uint8_t byte = 0;
  EXPECT(connection.Read(&byte, 1) == 0);
  EXPECT(connection.Write("hello", 5) && !connection.has_unsent());
  EXPECT(ReadText(connection, waiter, 5) == "world");
  EXPECT(EndOf(connection, waiter) == 0);
  connection.Close();
  EXPECT(connection.fd() == -1 && connection.Read(&byte, 1) < 0 && !connection.Write("x", 1));
}

void NamesTheAddressThatRefuses() {
  const int fd = Listen("127.0.0.1", 0, 1);
  const int port = PortOf(fd);
  close(fd);
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  const auto failure = connection.Connect(Options(port), waiter, MonotonicUs() + kPatienceUs);
  EXPECT(Is(failure, end::kRefused) && Contains(failure->message, "127.0.0.1:" + std::to_string(port)));
  EXPECT(connection.fd() == -1);
  // The refusal is reported, and not that the second one is no address.
  const ConnectionOptions two = Options(port, {"127.0.0.1", "camera.test"});
  const auto both = connection.Connect(two, waiter, MonotonicUs() + kPatienceUs);
  EXPECT(Is(both, end::kRefused));
  EXPECT(Is(connection.Connect(Options(port, {}), waiter, MonotonicUs() + kPatienceUs), end::kUnreachable));
}

void NamesAnAddressThatCannotBeReached() {
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  const auto failure = connection.Connect(Options(554, {"255.255.255.255"}), waiter, MonotonicUs() + kPatienceUs);
  EXPECT(Is(failure, end::kUnreachable) && Contains(failure->message, "255.255.255.255:554"));
}

void GivesUpAtTheDeadline() {
  BlackHole hole;
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  const int64_t begun_us = MonotonicUs();
  const auto failure = connection.Connect(Options(hole.port()), waiter, begun_us + 100'000);
  EXPECT(Is(failure, end::kOpenTimeout) && Contains(failure->message, "within 0.1 s"));
  EXPECT(MonotonicUs() - begun_us < kPatienceUs / 2);
}

void LeavesTimeToTheNextAddress() {
  BlackHole hole;
  Server server([](int client) { ReceiveAll(client); }, "127.0.0.2", hole.port());
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  EXPECT(!connection.Connect(Options(hole.port(), {"127.0.0.1", "127.0.0.2"}), waiter, MonotonicUs() + 1'000'000));
  EXPECT(connection.peer_address() == "127.0.0.2");
}

void StopsWhileItConnects() {
  BlackHole hole;
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    stop.Raise();
  });
  const int64_t begun_us = MonotonicUs();
  const auto failure =
      connection.Connect(Options(hole.port(), {"127.0.0.1", "127.0.0.1"}), waiter, begun_us + kPatienceUs);
  EXPECT(Is(failure, end::kStopped));
  EXPECT(MonotonicUs() - begun_us < kPatienceUs / 4);
  other.join();
}

void ConnectsByIpv6() {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::printf("no IPv6 on this machine: not tested\n");
    if (fd >= 0) close(fd);
    return;
  }
  EXPECT(listen(fd, 1) == 0);
  const int port = PortOf(fd);  // both kinds of address have it in the same place
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  EXPECT(!connection.Connect(Options(port, {"[::1]"}), waiter, MonotonicUs() + kPatienceUs));
  EXPECT(connection.peer_address() == "::1" && connection.local_address() == "::1");
  close(fd);
  const auto failure = connection.Connect(Options(port, {"::1"}), waiter, MonotonicUs() + kPatienceUs);
  EXPECT(Is(failure, end::kRefused) && Contains(failure->message, "[::1]:" + std::to_string(port)));
}

void QueuesWhatTheCameraDoesNotRead() {
  std::atomic<bool> read_now{false};
  std::string received;
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  std::string sent;
  {
    Server server([&](int client) {
      while (!read_now) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      received = ReceiveAll(client);
    });
    EXPECT(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
    while (!connection.has_unsent()) {
      const std::string part(100'000, static_cast<char>('a' + sent.size() / 100'000 % 26));
      EXPECT(connection.Write(part.data(), part.size()));
      sent += part;
    }
    const std::string end_mark = "the end";
    EXPECT(connection.Write(end_mark.data(), end_mark.size()));
    sent += end_mark;
    read_now = true;
    while (connection.has_unsent()) {
      pollfd descriptor{connection.fd(), POLLOUT, 0};
      EXPECT(waiter.Wait(&descriptor, 1, MonotonicUs() + kPatienceUs) == Waiter::Woke::kReady);
      if (!connection.Flush()) break;
    }
    connection.Close();
  }
  EXPECT(received == sent);
}

void BoundsItsQueue() {
  std::atomic<bool> done{false};
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Server server([&](int) {
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  Connection connection;
  EXPECT(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
  const std::vector<uint8_t> part(50'000);
  int writes = 0;
  while (writes < 2'000 && connection.Write(part.data(), part.size())) ++writes;
  EXPECT(writes < 2'000 && connection.error() == ENOBUFS);
  done = true;
}

void SurvivesWritesToAClosedConnection() {
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  // A reset before the client knows that it is connected would be a refusal.
  std::atomic<bool> connected{false};
  {
    Server server([&](int client) {
      while (!connected) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const linger abort{1, 0};
      setsockopt(client, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    });
    EXPECT(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
    connected = true;
  }
  EXPECT(EndOf(connection, waiter) == ECONNRESET);
  for (int i = 0; i < 3; ++i) EXPECT(!connection.Write("x", 1));
}

void ClosesWithoutResetAlthoughDataIsUnread() {
  std::atomic<bool> sent{false};
  ssize_t end = -1;
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  {
    Server server([&](int client) {
      const std::vector<uint8_t> data(100'000);
      send(client, data.data(), data.size(), 0);
      sent = true;
      char buffer[64];
      recv(client, buffer, 8, MSG_WAITALL);
      end = recv(client, buffer, sizeof buffer, 0);
    });
    Connection connection;
    EXPECT(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
    while (!sent) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT(connection.Write("TEARDOWN", 8));
    stop.Raise();  // closing does not depend on it
    connection.Close();
  }
  EXPECT(end == 0);  // and not ECONNRESET
}

void ClosesSoonAlthoughTheCameraGoesOn() {
  std::atomic<bool> done{false};
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Server server([&](int client) {
    const std::vector<uint8_t> data(1'000);
    while (!done && send(client, data.data(), data.size(), MSG_NOSIGNAL) > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  Connection connection;
  EXPECT(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
  const int64_t begun_us = MonotonicUs();
  connection.Close();
  EXPECT(MonotonicUs() - begun_us < 5'000'000);
  done = true;
}

}  // namespace

int main() {
  WaitsForDescriptorsAndDeadlines();
  StopsWhileItWaits();
  ReportsAWakeUpWithoutStopOnce();
  ExchangesDataAndSeesTheEnd();
  NamesTheAddressThatRefuses();
  NamesAnAddressThatCannotBeReached();
  GivesUpAtTheDeadline();
  LeavesTimeToTheNextAddress();
  StopsWhileItConnects();
  ConnectsByIpv6();
  QueuesWhatTheCameraDoesNotRead();
  BoundsItsQueue();
  SurvivesWritesToAClosedConnection();
  ClosesWithoutResetAlthoughDataIsUnread();
  ClosesSoonAlthoughTheCameraGoesOn();
  if (failures == 0) std::printf("socket: passed\n");
  return failures == 0 ? 0 : 1;
}
