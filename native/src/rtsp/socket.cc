#include "rtsp/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/clock.h"
#include "rtsp/address.h"
#include "rtsp/tls.h"

namespace chrys::rtsp {

namespace {

// How often the stop flag is read when there is no eventfd.
constexpr int64_t kStopPollUs = 50'000;
constexpr size_t kMaxInlineDescriptors = 7;
// Maximum number of addresses of a name that are tried.
constexpr size_t kMaxAddresses = 8;
constexpr int64_t kCloseUs = 50'000;
constexpr size_t kMaxDrainedBytes = 4 << 20;

timespec ToTimespec(int64_t us) {
  us = std::max<int64_t>(us, 0);
  return timespec{static_cast<time_t>(us / 1'000'000), static_cast<long>(us % 1'000'000 * 1'000)};
}

std::string Seconds(int64_t us) {
  const int64_t tenths = (us + 50'000) / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

Failure Stopped() { return Failure{end::kStopped, ""}; }

Failure ConnectFailure(int error, const std::string& endpoint) {
  const std::string reason = std::strerror(error);
  switch (error) {
    case ECONNREFUSED:
    case ECONNRESET:
      return Failure{end::kRefused, endpoint + " refuses connections."};
    case ETIMEDOUT:
      return Failure{end::kOpenTimeout, endpoint + " does not answer."};
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return Failure{end::kIoError, "No connection to " + endpoint + " can be opened: " + reason + "."};
    default:
      // No route, no such network, no IPv6 here, a local firewall: the cause is not the camera itself.
      return Failure{end::kUnreachable, endpoint + " cannot be reached: " + reason + "."};
  }
}

// How much a failure says about the camera. If all addresses fail, the failure with the greatest weight is reported.
int Weight(const Failure& failure) {
  static constexpr std::array<const char*, 3> kOrder{end::kUnreachable, end::kOpenTimeout, end::kRefused};
  for (size_t i = 0; i < kOrder.size(); ++i) {
    if (std::strcmp(failure.end, kOrder[i]) == 0) return static_cast<int>(i) + 1;
  }
  return 0;
}

// Polls one descriptor without regard to the stop flag. False: the deadline has passed.
bool PollUntil(int fd, short events, int64_t deadline_us) {
  for (;;) {
    pollfd descriptor{fd, events, 0};
    const timespec timeout = ToTimespec(deadline_us - MonotonicUs());
    const int result = ppoll(&descriptor, 1, &timeout, nullptr);
    if (result < 0 && errno == EINTR) continue;
    return result > 0;
  }
}

}  // namespace

Waiter::Woke Waiter::Wait(pollfd* descriptors, size_t count, int64_t deadline_us) {
  // poll takes one array: the caller's descriptors, and then the eventfd.
  std::array<pollfd, kMaxInlineDescriptors + 1> inline_set{};
  std::vector<pollfd> large_set;
  if (count > kMaxInlineDescriptors) large_set.resize(count + 1);
  pollfd* const set = large_set.empty() ? inline_set.data() : large_set.data();
  std::copy_n(descriptors, count, set);
  const bool with_wake = wake_fd_ >= 0 && !ignore_stop_;
  if (with_wake) set[count] = pollfd{wake_fd_, POLLIN, 0};

  for (;;) {
    if (stopped()) return Woke::kStopped;
    const int64_t left_us = std::max<int64_t>(deadline_us - MonotonicUs(), 0);
    const bool sliced = wake_fd_ < 0 && !ignore_stop_;
    const timespec timeout = ToTimespec(sliced ? std::min(left_us, kStopPollUs) : left_us);
    const int result = ppoll(set, count + (with_wake ? 1 : 0), &timeout, nullptr);
    if (stopped()) return Woke::kStopped;
    int ready = result;
    bool woken = false;
    if (result > 0 && with_wake && set[count].revents != 0) {
      --ready;
      // What can be read comes first; the next call sees the wake-up again.
      woken = ready == 0;
      uint64_t value = 0;
      if (woken && read(wake_fd_, &value, sizeof value) < 0) value = 0;
    }
    if (ready >= 0) std::copy_n(set, count, descriptors);
    if (ready > 0) return Woke::kReady;
    if (woken) return Woke::kWoken;
    if (MonotonicUs() >= deadline_us) return Woke::kDeadline;
    if (result < 0 && errno != EINTR) {
      // Only a lack of kernel memory leads here.
      const timespec pause = ToTimespec(10'000);
      nanosleep(&pause, nullptr);
    }
  }
}

struct Connection::State {
  ~State() { CloseAtOnce(); }

  void CloseAtOnce() {
    tls.reset();
    if (fd >= 0) close(fd);
    fd = -1;
    unsent.clear();
    sent = 0;
  }
  std::optional<Failure> ConnectTo(const SocketAddress& address, Waiter& waiter, int64_t deadline_us);
  std::optional<Failure> StartTls(const ConnectionOptions& options, const std::string& endpoint, Waiter& waiter,
                                  int64_t begun_us, int64_t deadline_us);
  long SendSome(const uint8_t* data, size_t size);
  bool Flush();
  void Drain(int64_t deadline_us);
  size_t waiting() const { return unsent.size() - sent; }

  int fd = -1;
  std::unique_ptr<TlsSession> tls;
  std::vector<uint8_t> unsent;
  size_t sent = 0;  // bytes at the front of `unsent`
  int error = 0;
  bool ended = false;  // the camera closed, or the connection failed
  std::string fingerprint;
  std::string peer;
  std::string local;
};

std::optional<Failure> Connection::State::ConnectTo(const SocketAddress& address, Waiter& waiter, int64_t deadline_us) {
  const std::string endpoint = address.endpoint();
  fd = socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return ConnectFailure(errno, endpoint);
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const int64_t begun_us = MonotonicUs();
  if (connect(fd, address.get(), address.size) != 0) {
    if (errno != EINPROGRESS && errno != EINTR) return ConnectFailure(errno, endpoint);
    pollfd descriptor{fd, POLLOUT, 0};
    Waiter::Woke woke = Waiter::Woke::kWoken;
    while (woke == Waiter::Woke::kWoken) woke = waiter.Wait(&descriptor, 1, deadline_us);
    if (woke == Waiter::Woke::kStopped) return Stopped();
    if (woke == Waiter::Woke::kDeadline) {
      return Failure{end::kOpenTimeout, endpoint + " did not answer within " + Seconds(deadline_us - begun_us) + "."};
    }
    int result = 0;
    socklen_t size = sizeof result;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &size) != 0) result = errno;
    if (result != 0) return ConnectFailure(result, endpoint);
  }
  peer = address.host();
  const auto own = LocalAddress(fd);
  local = own ? own->host() : std::string();
  return std::nullopt;
}

std::optional<Failure> Connection::State::StartTls(const ConnectionOptions& options, const std::string& endpoint,
                                                   Waiter& waiter, int64_t begun_us, int64_t deadline_us) {
  tls = std::make_unique<TlsSession>(options, fd, endpoint);
  if (auto failure = tls->Prepare()) return failure;
  for (;;) {
    std::optional<Failure> failure;
    switch (tls->Handshake(&failure)) {
      case TlsSession::Progress::kDone:
        fingerprint = tls->fingerprint();
        return std::nullopt;
      case TlsSession::Progress::kFailed:
        fingerprint = tls->fingerprint();
        return failure;
      case TlsSession::Progress::kWaits:
        break;
    }
    pollfd descriptor{fd, tls->wanted_events(), 0};
    switch (waiter.Wait(&descriptor, 1, deadline_us)) {
      case Waiter::Woke::kStopped:
        return Stopped();
      case Waiter::Woke::kDeadline:
        return Failure{end::kOpenTimeout, endpoint +
                                              " accepted the connection, but the TLS handshake did not end within " +
                                              Seconds(deadline_us - begun_us) + "."};
      case Waiter::Woke::kReady:
      case Waiter::Woke::kWoken:
        break;
    }
  }
}

long Connection::State::SendSome(const uint8_t* data, size_t size) {
  if (tls) return tls->Send(data, size, &error);
  const ssize_t result = send(fd, data, size, MSG_NOSIGNAL);
  if (result >= 0) return result;
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return 0;
  error = errno;
  return -1;
}

bool Connection::State::Flush() {
  while (sent < unsent.size()) {
    const long result = SendSome(unsent.data() + sent, unsent.size() - sent);
    if (result < 0) {
      ended = true;
      return false;
    }
    if (result == 0) return true;
    sent += static_cast<size_t>(result);
  }
  unsent.clear();
  sent = 0;
  return true;
}

void Connection::State::Drain(int64_t deadline_us) {
  std::array<uint8_t, 16'384> scratch;
  for (size_t drained = 0; drained < kMaxDrainedBytes;) {
    const ssize_t result = recv(fd, scratch.data(), scratch.size(), 0);
    if (result > 0) {
      drained += static_cast<size_t>(result);
      if (MonotonicUs() >= deadline_us) return;
    } else if (result == 0 || (errno != EAGAIN && errno != EINTR) || !PollUntil(fd, POLLIN, deadline_us)) {
      return;
    }
  }
}

Connection::Connection() : state_(std::make_unique<State>()) {}

Connection::~Connection() = default;

std::optional<Failure> Connection::Connect(const ConnectionOptions& options, Waiter& waiter, int64_t deadline_us) {
  const int64_t begun_us = MonotonicUs();
  std::optional<Failure> reported;
  const size_t count = std::min(options.addresses.size(), kMaxAddresses);
  for (size_t i = 0; i < count; ++i) {
    state_ = std::make_unique<State>();
    const auto address = ParseAddress(options.addresses[i], options.port);
    std::optional<Failure> failure;
    if (!address) {
      failure = Failure{end::kIoError, "\"" + options.addresses[i] + "\" with port " + std::to_string(options.port) +
                                           " is not an IP address and port."};
    } else {
      // Each address gets an equal share of the time that is left, so that a dead one leaves some to the others.
      const int64_t now_us = MonotonicUs();
      const int64_t share_us = (deadline_us - now_us) / static_cast<int64_t>(count - i);
      failure = state_->ConnectTo(*address, waiter, now_us + share_us);
      if (!failure && options.tls) {
        failure = state_->StartTls(options, address->endpoint(), waiter, begun_us, deadline_us);
        // All addresses of a name lead to the same camera, so the others would answer the same.
        if (failure) reported.reset();
      }
      if (!failure) return std::nullopt;
    }
    const bool final = std::strcmp(failure->end, end::kStopped) == 0 || state_->tls != nullptr;
    if (!reported || final || Weight(*failure) > Weight(*reported)) reported = std::move(failure);
    state_->CloseAtOnce();
    if (final) break;
  }
  if (!reported) reported = Failure{end::kUnreachable, "There is no address to connect to."};
  state_->ended = true;
  state_->error = ENOTCONN;
  return reported;
}

long Connection::Read(uint8_t* data, size_t size) {
  State& state = *state_;
  if (state.fd < 0) return -1;
  if (size == 0) return 0;
  if (state.tls) {
    const long result = state.tls->Read(data, size, &state.error);
    if (result < 0) state.ended = true;
    return result;
  }
  for (;;) {
    const ssize_t result = recv(state.fd, data, size, 0);
    if (result > 0) return result;
    if (result < 0 && errno == EINTR) continue;
    if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    state.error = result == 0 ? 0 : errno;
    state.ended = true;
    return -1;
  }
}

bool Connection::Write(const void* data, size_t size) {
  State& state = *state_;
  if (state.fd < 0) return false;
  const auto* bytes = static_cast<const uint8_t*>(data);
  // After a full socket, TLS needs the same bytes again, so they are queued first.
  if (!state.tls && state.waiting() == 0 && size > 0) {
    const long result = state.SendSome(bytes, size);
    if (result < 0) {
      state.ended = true;
      return false;
    }
    bytes += result;
    size -= static_cast<size_t>(result);
    if (size == 0) return true;
  }
  if (size > kMaxUnsent - std::min(kMaxUnsent, state.waiting())) {
    state.error = ENOBUFS;
    state.ended = true;
    return false;
  }
  if (state.sent > 0) {
    state.unsent.erase(state.unsent.begin(), state.unsent.begin() + static_cast<std::ptrdiff_t>(state.sent));
    state.sent = 0;
  }
  state.unsent.insert(state.unsent.end(), bytes, bytes + size);
  return state.Flush();
}

bool Connection::Flush() { return state_->fd >= 0 && state_->Flush(); }

bool Connection::has_unsent() const { return state_->waiting() > 0 || (state_->tls && state_->tls->wants_to_write()); }

bool Connection::has_pending() const { return state_->tls && state_->tls->has_pending(); }

int Connection::fd() const { return state_->fd; }

int Connection::error() const { return state_->error; }

const std::string& Connection::fingerprint() const { return state_->fingerprint; }

std::string Connection::peer_address() const { return state_->peer; }

std::string Connection::local_address() const { return state_->local; }

void Connection::Close() {
  State& state = *state_;
  if (state.fd >= 0 && !state.ended) {
    const int64_t deadline_us = MonotonicUs() + kCloseUs;
    while (state.waiting() > 0 && state.Flush() && state.waiting() > 0) {
      if (!PollUntil(state.fd, POLLOUT, deadline_us)) break;
    }
    if (state.tls) state.tls->SayGoodbye();
    shutdown(state.fd, SHUT_WR);
    state.Drain(deadline_us);
  }
  state.CloseAtOnce();
}

}  // namespace chrys::rtsp
