// TLS as a client, through GnuTLS, on a non-blocking socket.
#pragma once

#include <gnutls/gnutls.h>

#include <optional>
#include <string>

#include "rtsp/socket.h"

namespace chrys::rtsp {

class TlsSession {
 public:
  // `fd` must be connected, and the caller closes it. `endpoint`: address and port, for messages.
  TlsSession(ConnectionOptions options, int fd, std::string endpoint);
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

  // Call this before the first Handshake. Failures: tls_failed.
  std::optional<Failure> Prepare();

  enum class Progress { kDone, kWaits, kFailed };
  // Continues the handshake, and checks the certificate at its end. kWaits: call it again after wanted_events().
  // kFailed: `failure` is set to tls_failed, certificate_untrusted or certificate_changed.
  Progress Handshake(std::optional<Failure>* failure);
  // For poll, while the handshake waits.
  short wanted_events() const;

  // As Connection::Read. `error` is set to 0 when the camera closed, else to an errno.
  long Read(uint8_t* data, size_t size, int* error);
  // Sends the front of a queue. After a result of 0, the next call must begin with the same bytes.
  // > 0: bytes sent; 0: the socket is full, or a handshake must end first; < 0: failed.
  long Send(const uint8_t* data, size_t size, int* error);
  bool has_pending() const;
  // A handshake that the camera requested waits until it can write.
  bool wants_to_write() const;
  // Sends close_notify if the socket takes it.
  void SayGoodbye();
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  std::optional<Failure> CheckCertificate();
  std::optional<Failure> CheckTrust();
  Failure HandshakeFailure(int result);
  long End(int error, long total);
  // Continues a handshake that the camera requested; kDone if there is none. Fails if the camera sends data during the
  // handshake.
  Progress Rehandshake();
  std::string ReadFingerprint() const;

  const ConnectionOptions options_;
  const int fd_;
  const std::string endpoint_;
  gnutls_session_t session_ = nullptr;
  gnutls_certificate_credentials_t credentials_ = nullptr;
  std::string fingerprint_;
  bool rehandshaking_ = false;
  std::optional<int> end_;   // why nothing more can be read: 0 = closed, else an errno
  bool send_again_ = false;  // GnuTLS holds a record that must be sent first
};

}  // namespace chrys::rtsp
