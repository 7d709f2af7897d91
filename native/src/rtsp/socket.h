// Non-blocking sockets: TCP, TLS through GnuTLS, and UDP.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "rtsp/address.h"

namespace chrys::rtsp {

// Waits until a descriptor is ready, a deadline passes or the capture's stop flag is raised. Thread: one; the wake-up
// may come from any thread.
class Waiter {
 public:
  // `stop`: not 0 = stop. `wake_fd`: an eventfd that is written to when `stop` changes; -1: none, and `stop` is read
  // every 50 ms.
  Waiter(const std::atomic<int32_t>& stop, int wake_fd) : stop_(stop), wake_fd_(wake_fd) {}

  // kWoken: the eventfd was written to, and the stop flag is not raised.
  enum class Woke { kReady, kDeadline, kStopped, kWoken };
  // Blocks until one of the descriptors is ready, `deadline_us` (monotonic) has passed, or the stop flag is raised.
  // While `ignore_stop` is set, the stop flag is ignored (for TEARDOWN).
  Woke Wait(pollfd* descriptors, size_t count, int64_t deadline_us);
  void set_ignore_stop(bool ignore) { ignore_stop_ = ignore; }
  bool stopped() const { return !ignore_stop_ && stop_.load(std::memory_order_relaxed) != 0; }

 private:
  const std::atomic<int32_t>& stop_;
  const int wake_fd_;
  bool ignore_stop_ = false;
};

enum class TlsVerify {
  kVerify,  // the certificate must be valid for the host by the system's authorities
  kPin,     // its fingerprint must be the pinned one; without a pin, any is accepted, and the caller pins fingerprint()
  kNone,
};

struct ConnectionOptions {
  std::vector<std::string> addresses;  // IPv4 or IPv6, tried in order
  int port = 554;
  bool tls = false;
  std::string host;  // for SNI and verification
  TlsVerify verify = TlsVerify::kPin;
  std::string pinned;      // SHA-256 of the certificate, 64 hex digits; empty: none yet
  std::string trust_file;  // PEM file of the authorities for kVerify; empty: those of the system
};

// A TCP connection, with or without TLS.
class Connection {
 public:
  static constexpr size_t kMaxUnsent = 256 << 10;

  Connection();
  ~Connection();  // closes at once
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Blocks until the connection is open (TLS handshake included). Failures: refused, unreachable, open_timeout,
  // tls_failed, certificate_untrusted, certificate_changed, stopped, io_error.
  std::optional<Failure> Connect(const ConnectionOptions& options, Waiter& waiter, int64_t deadline_us);

  // Does not block. > 0: bytes; 0: nothing to read now; < 0: closed by the camera (error() is 0) or failed (error() is
  // errno).
  long Read(uint8_t* data, size_t size);
  // Queues the bytes, and sends as many as the socket takes. False: the connection failed, or more than kMaxUnsent
  // bytes wait.
  bool Write(const void* data, size_t size);
  // Sends queued bytes. False: the connection failed.
  bool Flush();
  bool has_unsent() const;
  // Whether there are bytes that TLS has decrypted and Read has not returned yet. poll does not see them.
  bool has_pending() const;
  int fd() const;
  int error() const;
  const std::string& fingerprint() const;  // of the camera's certificate, 64 hex digits; empty without TLS
  std::string peer_address() const;
  std::string local_address() const;
  // Closes without a reset: sends TLS close_notify, shuts down, and reads the unread bytes, so that the kernel sends no
  // RST.
  void Close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A pair of UDP sockets on neighbouring ports, the even one for RTP.
class UdpPair {
 public:
  UdpPair() = default;
  ~UdpPair();
  UdpPair(const UdpPair&) = delete;
  UdpPair& operator=(const UdpPair&) = delete;

  static constexpr size_t kMaxDatagram = 65'535;

  // Binds two free neighbouring ports on `local_address`. False: there are none.
  bool Open(const std::string& local_address);
  // Joins a multicast group. `interface_address`: local address of the RTSP connection.
  bool OpenMulticast(const std::string& group, int rtp_port, int rtcp_port, const std::string& interface_address);
  // Where hole punching and receiver reports go; datagrams of other hosts are dropped from then on. Ports may be 0.
  void SetPeer(const std::string& address, int rtp_port, int rtcp_port);
  // Sends a small datagram to the peer's ports, so that NAT and firewalls let the stream in.
  void PunchHole();
  bool SendRtcp(const std::vector<uint8_t>& packet);
  // Does not block. Returns the size of one datagram; 0: there is none.
  size_t Receive(bool rtcp, uint8_t* data, size_t size);
  int rtp_fd() const { return rtp_; }
  int rtcp_fd() const { return rtcp_; }
  int rtp_port() const { return rtp_port_; }
  // Datagrams that this machine dropped because they were not read in time (SO_RXQ_OVFL).
  int64_t dropped_here() const { return dropped_; }

 private:
  void CloseBoth();
  void LearnPort(bool rtcp, const SocketAddress& source);

  int rtp_ = -1;
  int rtcp_ = -1;
  int rtp_port_ = 0;
  int64_t dropped_ = 0;
  std::array<uint32_t, 2> last_drops_{};  // the kernel's counters of both sockets
  std::optional<SocketAddress> peer_rtp_;
  std::optional<SocketAddress> peer_rtcp_;
};

}  // namespace chrys::rtsp
