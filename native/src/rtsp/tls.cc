#include "rtsp/tls.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <utility>

#include "rtsp/address.h"

namespace chrys::rtsp {

namespace {

// TLS 1.0 and 1.1, 3DES and SHA-1 signatures are accepted because old cameras support nothing newer. TLS negotiates the
// newest version that both sides support. %COMPAT tolerates certificates with a wrong key usage, which some cameras
// generate.
constexpr const char* kPriority = "NORMAL:+VERS-TLS1.1:+VERS-TLS1.0:+3DES-CBC:+SIGN-RSA-SHA1:+SIGN-ECDSA-SHA1:%COMPAT";
// Maximum number of TLS records without data (alerts, tickets, key updates) that one Read accepts.
constexpr int kMaxEmptyRecords = 16;
constexpr size_t kShownDigits = 16;

std::string Hex(const uint8_t* bytes, size_t size) {
  static const char digits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) {
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 15];
  }
  return text;
}

// Users also write fingerprints with colons and in capitals.
std::string PlainHex(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c)) != 0) {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return plain;
}

std::string WithoutTrailingDot(std::string host) {
  if (!host.empty() && host.back() == '.') host.pop_back();
  return host;
}

}  // namespace

TlsSession::TlsSession(ConnectionOptions options, int fd, std::string endpoint)
    : options_(std::move(options)), fd_(fd), endpoint_(std::move(endpoint)) {}

TlsSession::~TlsSession() {
  if (session_ != nullptr) gnutls_deinit(session_);
  if (credentials_ != nullptr) gnutls_certificate_free_credentials(credentials_);
}

std::optional<Failure> TlsSession::Prepare() {
  const auto failed = [](int result) {
    return Failure{end::kTlsFailed, std::string("TLS cannot be set up: ") + gnutls_strerror(result) + "."};
  };
  int result = gnutls_certificate_allocate_credentials(&credentials_);
  if (result < 0) return failed(result);
  if (options_.verify == TlsVerify::kVerify) {
    const std::string& file = options_.trust_file;
    result = file.empty() ? gnutls_certificate_set_x509_system_trust(credentials_)
                          : gnutls_certificate_set_x509_trust_file(credentials_, file.c_str(), GNUTLS_X509_FMT_PEM);
    if (result < 0) return failed(result);
  }
  result = gnutls_init(&session_, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
  if (result >= 0) result = gnutls_priority_set_direct(session_, kPriority, nullptr);
  if (result >= 0) result = gnutls_credentials_set(session_, GNUTLS_CRD_CERTIFICATE, credentials_);
  const std::string host = WithoutTrailingDot(options_.host);
  // RFC 6066, 3: server names are never addresses.
  if (result >= 0 && !host.empty() && !ParseAddress(host, 0)) {
    result = gnutls_server_name_set(session_, GNUTLS_NAME_DNS, host.data(), host.size());
  }
  if (result < 0) return failed(result);
  gnutls_transport_set_int(session_, fd_);
  // The caller's deadline counts.
  gnutls_handshake_set_timeout(session_, GNUTLS_INDEFINITE_TIMEOUT);
  return std::nullopt;
}

TlsSession::Progress TlsSession::Handshake(std::optional<Failure>* failure) {
  int result = GNUTLS_E_AGAIN;
  for (int i = 0; i < kMaxEmptyRecords; ++i) {
    result = gnutls_handshake(session_);
    if (result == GNUTLS_E_SUCCESS) break;
    if (result == GNUTLS_E_AGAIN) return Progress::kWaits;
    if (gnutls_error_is_fatal(result) != 0) break;
  }
  if (result != GNUTLS_E_SUCCESS) {
    *failure = HandshakeFailure(result);
    return Progress::kFailed;
  }
  *failure = CheckCertificate();
  return *failure ? Progress::kFailed : Progress::kDone;
}

short TlsSession::wanted_events() const { return gnutls_record_get_direction(session_) == 1 ? POLLOUT : POLLIN; }

Failure TlsSession::HandshakeFailure(int result) {
  std::string reason = gnutls_strerror(result);
  if (!reason.empty() && reason.back() == '.') reason.pop_back();
  switch (result) {
    case GNUTLS_E_UNEXPECTED_PACKET:
    case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
    case GNUTLS_E_RECORD_OVERFLOW:
      return Failure{end::kTlsFailed, endpoint_ + " does not answer with TLS (" + reason + ")."};
    case GNUTLS_E_PREMATURE_TERMINATION:
    case GNUTLS_E_PULL_ERROR:
    case GNUTLS_E_PUSH_ERROR:
      return Failure{end::kTlsFailed, endpoint_ + " closed the connection during the TLS handshake."};
    case GNUTLS_E_FATAL_ALERT_RECEIVED: {
      const char* name = gnutls_alert_get_name(gnutls_alert_get(session_));
      return Failure{end::kTlsFailed,
                     endpoint_ + " refused the TLS handshake: " + (name != nullptr ? name : "unknown alert") + "."};
    }
    default:
      gnutls_alert_send_appropriate(session_, result);
      return Failure{end::kTlsFailed, "The TLS handshake with " + endpoint_ + " failed: " + reason + "."};
  }
}

std::string TlsSession::ReadFingerprint() const {
  unsigned count = 0;
  const gnutls_datum_t* chain = gnutls_certificate_get_peers(session_, &count);
  if (chain == nullptr || count == 0) return {};
  uint8_t digest[32];
  if (gnutls_hash_fast(GNUTLS_DIG_SHA256, chain[0].data, chain[0].size, digest) < 0) return {};
  return Hex(digest, sizeof digest);
}

std::optional<Failure> TlsSession::CheckTrust() {
  const std::string host = WithoutTrailingDot(options_.host);
  unsigned status = 0;
  const int result = gnutls_certificate_verify_peers3(session_, host.c_str(), &status);
  if (result >= 0 && status == 0) return std::nullopt;
  std::string reason = gnutls_strerror(result);
  gnutls_datum_t text{};
  if (result >= 0 && gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) >= 0) {
    reason.assign(reinterpret_cast<const char*>(text.data), text.size);
    gnutls_free(text.data);
    while (!reason.empty() && reason.back() == ' ') reason.pop_back();
  }
  return Failure{end::kCertificateUntrusted, endpoint_ + " has no valid certificate for \"" + host + "\": " + reason};
}

std::optional<Failure> TlsSession::CheckCertificate() {
  fingerprint_ = ReadFingerprint();
  std::optional<Failure> failure;
  if (fingerprint_.empty()) {
    failure = Failure{end::kTlsFailed, endpoint_ + " sent no certificate in the TLS handshake."};
  } else if (options_.verify == TlsVerify::kVerify) {
    failure = CheckTrust();
  } else if (options_.verify == TlsVerify::kPin && !options_.pinned.empty()) {
    const std::string pinned = PlainHex(options_.pinned);
    if (pinned != fingerprint_) {
      failure = Failure{end::kCertificateChanged, "The pinned fingerprint of " + endpoint_ + " begins with " +
                                                      pinned.substr(0, kShownDigits) + ", the present one with " +
                                                      fingerprint_.substr(0, kShownDigits) + "."};
    }
  }
  if (failure) gnutls_alert_send(session_, GNUTLS_AL_FATAL, GNUTLS_A_BAD_CERTIFICATE);
  return failure;
}

TlsSession::Progress TlsSession::Rehandshake() {
  for (int i = 0; rehandshaking_ && i < kMaxEmptyRecords; ++i) {
    const int result = gnutls_handshake(session_);
    if (result == GNUTLS_E_AGAIN) return Progress::kWaits;
    // Fails here, because GnuTLS would send another ClientHello at the next call, which breaks the connection.
    if (result == GNUTLS_E_GOT_APPLICATION_DATA) return Progress::kFailed;
    if (result == GNUTLS_E_SUCCESS) {
      rehandshaking_ = false;
      // The connection must not change to another certificate.
      if (ReadFingerprint() != fingerprint_) return Progress::kFailed;
    } else if (gnutls_error_is_fatal(result) != 0) {
      return Progress::kFailed;
    }
  }
  return rehandshaking_ ? Progress::kWaits : Progress::kDone;
}

// Returns the bytes that were read before the end; the next Read returns the end.
long TlsSession::End(int error, long total) {
  end_ = error;
  return total > 0 ? total : -1;
}

long TlsSession::Read(uint8_t* data, size_t size, int* error) {
  if (end_) {
    *error = *end_;
    return -1;
  }
  long total = 0;
  for (int empty_records = 0; static_cast<size_t>(total) < size && empty_records < kMaxEmptyRecords;) {
    const Progress step = Rehandshake();
    if (step == Progress::kFailed) return End(*error = EPROTO, total);
    if (step == Progress::kWaits) return total;
    const ssize_t result = gnutls_record_recv(session_, data + total, size - static_cast<size_t>(total));
    if (result > 0) {
      total += result;
      continue;
    }
    if (result == GNUTLS_E_AGAIN) return total;
    if (result == GNUTLS_E_REHANDSHAKE) rehandshaking_ = true;
    if (result < 0 && gnutls_error_is_fatal(static_cast<int>(result)) == 0) {
      ++empty_records;
      continue;
    }
    // Many cameras close without close_notify.
    const bool closed = result == 0 || result == GNUTLS_E_PREMATURE_TERMINATION;
    return End(*error = closed ? 0 : result == GNUTLS_E_PULL_ERROR ? ECONNRESET : EPROTO, total);
  }
  return total;
}

long TlsSession::Send(const uint8_t* data, size_t size, int* error) {
  const Progress step = Rehandshake();
  if (step == Progress::kFailed) {
    *error = EPROTO;
    return -1;
  }
  if (step != Progress::kDone) return 0;
  const ssize_t result =
      send_again_ ? gnutls_record_send(session_, nullptr, 0) : gnutls_record_send(session_, data, size);
  send_again_ = result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
  if (result >= 0) return result;
  if (gnutls_error_is_fatal(static_cast<int>(result)) == 0) return 0;
  *error = result == GNUTLS_E_PUSH_ERROR ? EPIPE : EPROTO;
  return -1;
}

bool TlsSession::has_pending() const { return gnutls_record_check_pending(session_) > 0; }

bool TlsSession::wants_to_write() const { return rehandshaking_ && wanted_events() == POLLOUT; }

void TlsSession::SayGoodbye() {
  if (!rehandshaking_ && !send_again_) gnutls_bye(session_, GNUTLS_SHUT_WR);
}

}  // namespace chrys::rtsp
