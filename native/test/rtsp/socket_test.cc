// Waiting and TCP connections: `socket_test`.
#include "rtsp/socket.h"

#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>

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

TEST_CASE("the waiter waits for descriptors and deadlines") {
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  int pipe_fds[2];
  CHECK(pipe(pipe_fds) == 0);
  pollfd descriptor{pipe_fds[0], POLLIN, 0};
  const int64_t begun_us = MonotonicUs();
  CHECK(waiter.Wait(&descriptor, 1, begun_us + 3'500) == Waiter::Woke::kDeadline);
  CHECK(MonotonicUs() - begun_us >= 3'500);
  CHECK(write(pipe_fds[1], "x", 1) == 1);
  CHECK(waiter.Wait(&descriptor, 1, 0) == Waiter::Woke::kReady);
  CHECK(descriptor.revents == POLLIN);
  std::vector<pollfd> many(20, pollfd{-1, POLLIN, 0});
  many[19].fd = pipe_fds[0];
  CHECK(waiter.Wait(many.data(), many.size(), MonotonicUs() + kPatienceUs) == Waiter::Woke::kReady);
  CHECK(many[19].revents == POLLIN);
  CHECK(many[0].revents == 0);
  close(pipe_fds[0]);
  close(pipe_fds[1]);
}

TEST_CASE("a stop ends the wait") {
  for (const bool with_wake : {true, false}) {
    Stop stop;
    Waiter waiter(stop.flag, with_wake ? stop.wake_fd : -1);
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      stop.Raise();
    });
    const int64_t begun_us = MonotonicUs();
    CHECK(waiter.Wait(nullptr, 0, begun_us + kPatienceUs) == Waiter::Woke::kStopped);
    CHECK(MonotonicUs() - begun_us < kPatienceUs / 2);
    CHECK(waiter.Wait(nullptr, 0, begun_us + kPatienceUs) == Waiter::Woke::kStopped);
    other.join();
    waiter.set_ignore_stop(true);
    CHECK(!waiter.stopped());
    CHECK(waiter.Wait(nullptr, 0, MonotonicUs() + 2'000) == Waiter::Woke::kDeadline);
  }
}

TEST_CASE("a wake-up without stop is reported once") {
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  stop.Wake();
  CHECK(waiter.Wait(nullptr, 0, MonotonicUs() + kPatienceUs) == Waiter::Woke::kWoken);
  CHECK(waiter.Wait(nullptr, 0, MonotonicUs() + 2'000) == Waiter::Woke::kDeadline);
  pollfd descriptor{stop.wake_fd, POLLIN, 0};
  CHECK(poll(&descriptor, 1, 0) == 0);
}

TEST_CASE("data is exchanged and the end is seen") {
  Server server([](int client) {
    char buffer[5];
    if (recv(client, buffer, sizeof buffer, MSG_WAITALL) == 5) send(client, "world", 5, 0);
  });
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  CHECK(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
  CHECK(connection.peer_address() == "127.0.0.1");
  CHECK(connection.local_address() == "127.0.0.1");
  REQUIRE(connection.fingerprint().empty());
  CHECK(!connection.has_pending());
  uint8_t byte = 0;
  CHECK(connection.Read(&byte, 1) == 0);
  CHECK(connection.Write("hello", 5));
  CHECK(!connection.has_unsent());
  CHECK(ReadText(connection, waiter, 5) == "world");
  CHECK(EndOf(connection, waiter) == 0);
  connection.Close();
  CHECK(connection.fd() == -1);
  CHECK(connection.Read(&byte, 1) < 0);
  CHECK(!connection.Write("x", 1));
}

TEST_CASE("the address that refuses is named") {
  const int fd = Listen("127.0.0.1", 0, 1);
  const int port = PortOf(fd);
  close(fd);
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  const auto failure = connection.Connect(Options(port), waiter, MonotonicUs() + kPatienceUs);
  CHECK(Is(failure, end::kRefused));
  CHECK(Contains(failure->message, "127.0.0.1:" + std::to_string(port)));
  CHECK(connection.fd() == -1);
  // The refusal is reported, and not the invalid second address.
  const ConnectionOptions two = Options(port, {"127.0.0.1", "camera.test"});
  const auto both = connection.Connect(two, waiter, MonotonicUs() + kPatienceUs);
  CHECK(Is(both, end::kRefused));
  CHECK(Is(connection.Connect(Options(port, {}), waiter, MonotonicUs() + kPatienceUs), end::kUnreachable));
}

TEST_CASE("an address that cannot be reached is named") {
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  const auto failure = connection.Connect(Options(554, {"255.255.255.255"}), waiter, MonotonicUs() + kPatienceUs);
  CHECK(Is(failure, end::kUnreachable));
  CHECK(Contains(failure->message, "255.255.255.255:554"));
}

TEST_CASE("connecting gives up at the deadline") {
  BlackHole hole;
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  const int64_t begun_us = MonotonicUs();
  const auto failure = connection.Connect(Options(hole.port()), waiter, begun_us + 100'000);
  CHECK(Is(failure, end::kOpenTimeout));
  CHECK(Contains(failure->message, "within 0.1 s"));
  CHECK(MonotonicUs() - begun_us < kPatienceUs / 2);
}

TEST_CASE("time is left for the next address") {
  BlackHole hole;
  Server server([](int client) { ReceiveAll(client); }, "127.0.0.2", hole.port());
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  CHECK(!connection.Connect(Options(hole.port(), {"127.0.0.1", "127.0.0.2"}), waiter, MonotonicUs() + 1'000'000));
  CHECK(connection.peer_address() == "127.0.0.2");
}

TEST_CASE("a stop ends connecting") {
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
  CHECK(Is(failure, end::kStopped));
  CHECK(MonotonicUs() - begun_us < kPatienceUs / 4);
  other.join();
}

TEST_CASE("IPv6 connects") {
  const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    MESSAGE("This machine has no IPv6: not tested.");
    if (fd >= 0) close(fd);
    return;
  }
  CHECK(listen(fd, 1) == 0);
  const int port = PortOf(fd);  // both kinds of address have it in the same place
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  CHECK(!connection.Connect(Options(port, {"[::1]"}), waiter, MonotonicUs() + kPatienceUs));
  CHECK(connection.peer_address() == "::1");
  CHECK(connection.local_address() == "::1");
  close(fd);
  const auto failure = connection.Connect(Options(port, {"::1"}), waiter, MonotonicUs() + kPatienceUs);
  CHECK(Is(failure, end::kRefused));
  CHECK(Contains(failure->message, "[::1]:" + std::to_string(port)));
}

TEST_CASE("what the camera does not read is queued") {
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
    CHECK(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
    while (!connection.has_unsent()) {
      const std::string part(100'000, static_cast<char>('a' + sent.size() / 100'000 % 26));
      CHECK(connection.Write(part.data(), part.size()));
      sent += part;
    }
    const std::string end_mark = "the end";
    CHECK(connection.Write(end_mark.data(), end_mark.size()));
    sent += end_mark;
    read_now = true;
    while (connection.has_unsent()) {
      pollfd descriptor{connection.fd(), POLLOUT, 0};
      CHECK(waiter.Wait(&descriptor, 1, MonotonicUs() + kPatienceUs) == Waiter::Woke::kReady);
      if (!connection.Flush()) break;
    }
    connection.Close();
  }
  CHECK(received == sent);
}

TEST_CASE("the queue is bounded") {
  std::atomic<bool> done{false};
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Server server([&](int) {
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  Connection connection;
  CHECK(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
  const std::vector<uint8_t> part(50'000);
  int writes = 0;
  while (writes < 2'000 && connection.Write(part.data(), part.size())) ++writes;
  CHECK(writes < 2'000);
  CHECK(connection.error() == ENOBUFS);
  done = true;
}

TEST_CASE("writing to a closed connection fails without a signal") {
  Stop stop;
  Waiter waiter(stop.flag, stop.wake_fd);
  Connection connection;
  // A reset before the client notices that it is connected would count as a refusal.
  std::atomic<bool> connected{false};
  {
    Server server([&](int client) {
      while (!connected) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const linger abort{1, 0};
      setsockopt(client, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    });
    CHECK(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
    connected = true;
  }
  CHECK(EndOf(connection, waiter) == ECONNRESET);
  for (int i = 0; i < 3; ++i) CHECK(!connection.Write("x", 1));
}

TEST_CASE("closing with unread data sends no reset") {
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
    CHECK(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
    while (!sent) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    CHECK(connection.Write("TEARDOWN", 8));
    stop.Raise();  // closing does not depend on it
    connection.Close();
  }
  CHECK(end == 0);  // not ECONNRESET
}

TEST_CASE("closing does not wait while the camera goes on sending") {
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
  CHECK(!connection.Connect(Options(server.port()), waiter, MonotonicUs() + kPatienceUs));
  const int64_t begun_us = MonotonicUs();
  connection.Close();
  CHECK(MonotonicUs() - begun_us < 5'000'000);
  done = true;
}

}  // namespace
