// TLS connections to a GnuTLS server on this machine: `tls_test`.
#include <doctest/doctest.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "loopback.h"
#include "rtsp/socket.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

bool Is(const std::optional<Failure>& failure, const char* end) {
  return failure && std::strcmp(failure->end, end) == 0;
}

bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A self-signed certificate for camera.test and 127.0.0.1.
struct Certificate {
  gnutls_x509_privkey_t key = nullptr;
  gnutls_x509_crt_t certificate = nullptr;
  gnutls_certificate_credentials_t credentials = nullptr;
  std::string fingerprint;
  std::string file = "/tmp/tls_test." + std::to_string(getpid()) + ".pem";

  Certificate() {
    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_RSA, 2048, 0);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\1", 1);
    gnutls_x509_crt_set_activation_time(certificate, time(nullptr) - 3600);
    gnutls_x509_crt_set_expiration_time(certificate, time(nullptr) + 3600);
    gnutls_x509_crt_set_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, "camera", 6);
    gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, "camera.test", 11, GNUTLS_FSAN_SET);
    gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, "\x7F\0\0\1", 4, GNUTLS_FSAN_APPEND);
    gnutls_x509_crt_set_basic_constraints(certificate, 1, -1);
    gnutls_x509_crt_set_key(certificate, key);
    gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0);
    gnutls_certificate_allocate_credentials(&credentials);
    CHECK(gnutls_certificate_set_x509_key(credentials, &certificate, 1, key) >= 0);

    gnutls_datum_t der{};
    gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &der);
    uint8_t digest[32];
    gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, digest);
    gnutls_free(der.data);
    char hex[3];
    for (const uint8_t byte : digest) {
      std::snprintf(hex, sizeof hex, "%02x", byte);
      fingerprint += hex;
    }
    gnutls_datum_t pem{};
    gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem);
    FILE* out = std::fopen(file.c_str(), "w");
    CHECK(out != nullptr);
    CHECK(std::fwrite(pem.data, 1, pem.size, out) == pem.size);
    std::fclose(out);
    gnutls_free(pem.data);
  }
  ~Certificate() {
    unlink(file.c_str());
    gnutls_certificate_free_credentials(credentials);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
  }
};

// Accepts one connection, and runs `serve` after the handshake.
class TlsServer {
 public:
  TlsServer(const Certificate& certificate, std::function<void(gnutls_session_t)> serve,
            const char* priority = "NORMAL")
      : server_([this, &certificate, serve = std::move(serve), priority](int client) {
          gnutls_session_t session = nullptr;
          gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
          CHECK(gnutls_priority_set_direct(session, priority, nullptr) >= 0);
          gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, certificate.credentials);
          gnutls_transport_set_int(session, client);
          int result = 0;
          do {
            result = gnutls_handshake(session);
          } while (result < 0 && gnutls_error_is_fatal(result) == 0);
          if (result >= 0 && serve) serve(session);
          gnutls_deinit(session);
          // Until the client closes, so that nothing is reset.
          shutdown(client, SHUT_WR);
          char buffer[4096];
          while (recv(client, buffer, sizeof buffer, 0) > 0) {
          }
        }) {}
  int port() const { return server_.port(); }

 private:
  Server server_;
};

void SendAll(gnutls_session_t session, const std::string& text) {
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t result = gnutls_record_send(session, text.data() + sent, text.size() - sent);
    if (result < 0 && gnutls_error_is_fatal(static_cast<int>(result)) != 0) return;
    if (result > 0) sent += static_cast<size_t>(result);
  }
}

std::string ReceiveExactly(gnutls_session_t session, size_t size) {
  std::string text;
  std::vector<char> buffer(65'536);
  while (text.size() < size) {
    const ssize_t got = gnutls_record_recv(session, buffer.data(), std::min(buffer.size(), size - text.size()));
    if (got == 0 || (got < 0 && gnutls_error_is_fatal(static_cast<int>(got)) != 0)) break;
    if (got > 0) text.append(buffer.data(), static_cast<size_t>(got));
  }
  return text;
}

// Everything that one connection needs.
struct Client {
  Stop stop;
  Waiter waiter{stop.flag, stop.wake_fd};
  Connection connection;
  std::optional<Failure> Connect(ConnectionOptions options, int64_t within_us = kPatienceUs) {
    options.tls = true;
    return connection.Connect(options, waiter, MonotonicUs() + within_us);
  }
};

ConnectionOptions TlsOptions(int port, TlsVerify verify = TlsVerify::kPin, const std::string& host = "camera.test") {
  ConnectionOptions options = Options(port);
  options.verify = verify;
  options.host = host;
  return options;
}

TEST_CASE("data goes both ways") {
  const Certificate certificate;
  std::string text;
  for (int i = 0; text.size() < 700'000; ++i) text += std::to_string(i) + " ";
  Client client;
  TlsServer server(certificate, [&](gnutls_session_t session) {
    SendAll(session, ReceiveExactly(session, 200'000));
    SendAll(session, text);
  });
  CHECK(!client.Connect(TlsOptions(server.port())));
  CHECK(client.connection.fingerprint() == certificate.fingerprint);
  uint8_t byte = 0;
  CHECK(client.connection.Read(&byte, 1) == 0);
  CHECK(client.connection.Write(text.data(), 150'000));
  CHECK(client.connection.Write(text.data() + 150'000, 50'000));
  CHECK(ReadText(client.connection, client.waiter, 200'000) == text.substr(0, 200'000));
  CHECK(ReadText(client.connection, client.waiter, text.size()) == text);
  CHECK(EndOf(client.connection, client.waiter) == 0);
  client.connection.Close();
}

TEST_CASE("data that poll does not see is reported") {
  const Certificate certificate;
  Client client;
  TlsServer server(certificate, [&](gnutls_session_t session) {
    SendAll(session, "0123456789");
    ReceiveExactly(session, 1);
  });
  CHECK(!client.Connect(TlsOptions(server.port())));
  uint8_t bytes[4];
  pollfd descriptor{client.connection.fd(), POLLIN, 0};
  while (client.connection.Read(bytes, 4) == 0) client.waiter.Wait(&descriptor, 1, MonotonicUs() + kPatienceUs);
  CHECK(client.connection.has_pending());
  CHECK(client.connection.Read(bytes, 4) == 4);
  CHECK(client.connection.Read(bytes, 4) == 2);
  CHECK(!client.connection.has_pending());
  client.connection.Close();
}

TEST_CASE("the pinned fingerprint is compared") {
  const Certificate certificate;
  struct Case {
    std::string pinned;
    bool right;
  };
  std::string decorated;
  for (size_t i = 0; i < certificate.fingerprint.size(); ++i) {
    if (i > 0 && i % 2 == 0) decorated += ':';
    decorated += static_cast<char>(std::toupper(certificate.fingerprint[i]));
  }
  const std::string other(64, 'a');
  for (const Case& one : {Case{certificate.fingerprint, true}, Case{decorated, true}, Case{other, false}}) {
    Client client;
    TlsServer server(certificate, nullptr);
    ConnectionOptions options = TlsOptions(server.port());
    options.pinned = one.pinned;
    const auto failure = client.Connect(options);
    CHECK(client.connection.fingerprint() == certificate.fingerprint);
    if (one.right) {
      CHECK(!failure);
    } else {
      CHECK(Is(failure, end::kCertificateChanged));
      REQUIRE(failure);
      CHECK(Contains(failure->message, other.substr(0, 16)));
      CHECK(Contains(failure->message, certificate.fingerprint.substr(0, 16)));
      CHECK(!Contains(failure->message, certificate.fingerprint.substr(0, 17)));
    }
    client.connection.Close();
  }
}

TEST_CASE("certificate and host are verified") {
  const Certificate certificate;
  struct Case {
    const char* host;
    bool trusted;
    bool right;
  };
  const std::vector<Case> cases{{"camera.test", true, true},  {"camera.test.", true, true}, {"127.0.0.1", true, true},
                                {"other.test", true, false},  {"127.0.0.2", true, false},   {"", true, false},
                                {"camera.test", false, false}};
  for (const Case& one : cases) {
    Client client;
    TlsServer server(certificate, nullptr);
    ConnectionOptions options = TlsOptions(server.port(), TlsVerify::kVerify, one.host);
    if (one.trusted) options.trust_file = certificate.file;
    const auto failure = client.Connect(options);
    if (one.right) {
      CHECK(!failure);
    } else {
      CHECK(Is(failure, end::kCertificateUntrusted));
      REQUIRE(failure);
      CHECK(Contains(failure->message, "127.0.0.1:" + std::to_string(server.port())));
    }
    client.connection.Close();
  }
  Client client;
  TlsServer server(certificate, nullptr);
  CHECK(!client.Connect(TlsOptions(server.port(), TlsVerify::kNone, "other.test")));
  client.connection.Close();
}

TEST_CASE("the server name is sent only when the host is a name") {
  const Certificate certificate;
  for (const std::string host : {"camera.test", "127.0.0.1", "[::1]", "fe80::1"}) {
    std::string seen;
    {
      Client client;
      TlsServer server(certificate, [&](gnutls_session_t session) {
        char name[256];
        size_t size = sizeof name;
        unsigned type = 0;
        if (gnutls_server_name_get(session, name, &size, &type, 0) == 0) seen = name;
      });
      CHECK(!client.Connect(TlsOptions(server.port(), TlsVerify::kPin, host)));
      client.connection.Close();
    }
    CHECK(seen == (host == "camera.test" ? host : ""));
  }
}

TEST_CASE("old and new versions of TLS are spoken") {
  const Certificate certificate;
  for (const char* priority :
       {"NORMAL:-VERS-ALL:+VERS-TLS1.0", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3",
        "NORMAL:-VERS-ALL:+VERS-TLS1.0:-CIPHER-ALL:+3DES-CBC:-KX-ALL:+RSA:%COMPAT"}) {
    Client client;
    TlsServer server(
        certificate, [](gnutls_session_t session) { SendAll(session, "hello"); }, priority);
    const auto failure = client.Connect(TlsOptions(server.port()));
    CHECK(!failure);
    CHECK(ReadText(client.connection, client.waiter, 5) == "hello");
    client.connection.Close();
  }
}

TEST_CASE("the connection survives new keys") {
  const Certificate certificate;
  Client client;
  TlsServer server(
      certificate,
      [](gnutls_session_t session) {
        // GnuTLS accepts 8 key updates a second.
        for (int i = 0; i < 5; ++i) {
          SendAll(session, "0123456789");
          gnutls_session_key_update(session, GNUTLS_KU_PEER);
          gnutls_session_ticket_send(session, 1, 0);
        }
        ReceiveExactly(session, 4);
        SendAll(session, "end");
      },
      "NORMAL:-VERS-ALL:+VERS-TLS1.3");
  CHECK(!client.Connect(TlsOptions(server.port())));
  CHECK(ReadText(client.connection, client.waiter, 50).size() == 50);
  CHECK(client.connection.Write("ping", 4));
  CHECK(ReadText(client.connection, client.waiter, 3) == "end");
  client.connection.Close();
}

TEST_CASE("the connection survives renegotiation") {
  const Certificate certificate;
  int renegotiated = -1;
  {
    Client client;
    TlsServer server(
        certificate,
        [&](gnutls_session_t session) {
          SendAll(session, "before");
          if (gnutls_rehandshake(session) < 0) return;
          do {
            renegotiated = gnutls_handshake(session);
            // What the client wrote before it noticed.
            if (renegotiated == GNUTLS_E_GOT_APPLICATION_DATA) ReceiveExactly(session, 4);
          } while (renegotiated == GNUTLS_E_GOT_APPLICATION_DATA);
          SendAll(session, "after");
          SendAll(session, ReceiveExactly(session, 4));
        },
        "NORMAL:-VERS-ALL:+VERS-TLS1.2");
    CHECK(!client.Connect(TlsOptions(server.port())));
    CHECK(client.connection.Write("ping", 4));
    CHECK(ReadText(client.connection, client.waiter, 11) == "beforeafter");
    CHECK(client.connection.Write("pong", 4));
    CHECK(ReadText(client.connection, client.waiter, 4) == "pong");
    client.connection.Close();
  }
  CHECK(renegotiated == GNUTLS_E_SUCCESS);
}

TEST_CASE("the end is seen with and without close_notify") {
  const Certificate certificate;
  for (const bool goodbye : {true, false}) {
    Client client;
    TlsServer server(certificate, [&](gnutls_session_t session) {
      SendAll(session, "last");
      if (goodbye) gnutls_bye(session, GNUTLS_SHUT_WR);
    });
    CHECK(!client.Connect(TlsOptions(server.port())));
    CHECK(ReadText(client.connection, client.waiter, 4) == "last");
    CHECK(EndOf(client.connection, client.waiter) == 0);
    uint8_t byte = 0;
    CHECK(client.connection.Read(&byte, 1) < 0);
    CHECK(client.connection.error() == 0);
    client.connection.Close();
  }
}

TEST_CASE("close_notify is sent on closing") {
  const Certificate certificate;
  ssize_t end = -1;
  {
    Client client;
    TlsServer server(certificate, [&](gnutls_session_t session) {
      CHECK(ReceiveExactly(session, 8) == "TEARDOWN");
      char byte = 0;
      end = gnutls_record_recv(session, &byte, 1);
    });
    CHECK(!client.Connect(TlsOptions(server.port())));
    CHECK(client.connection.Write("TEARDOWN", 8));
    client.connection.Close();
  }
  CHECK(end == 0);  // close_notify came
}

TEST_CASE("a stop ends the handshake") {
  Client client;
  std::atomic<bool> done{false};
  Server server([&](int) {
    while (!done) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  const auto late = client.Connect(TlsOptions(server.port()), 100'000);
  CHECK(Is(late, end::kOpenTimeout));
  CHECK(Contains(late->message, "TLS handshake"));
  done = true;

  Server mute([](int client_fd) {
    char byte = 0;
    while (recv(client_fd, &byte, 1, 0) > 0) {
    }
  });
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    client.stop.Raise();
  });
  const int64_t begun_us = MonotonicUs();
  CHECK(Is(client.Connect(TlsOptions(mute.port())), end::kStopped));
  CHECK(MonotonicUs() - begun_us < kPatienceUs / 4);
  other.join();
}

TEST_CASE("a peer that does not speak TLS is named") {
  for (const std::string answer : {"RTSP/1.0 400 Bad Request\r\nCSeq: 0\r\n\r\n", "", "\x16\x03\x03\xFF\xFF"}) {
    Client client;
    Server server([&](int client_fd) {
      char buffer[2048];
      if (recv(client_fd, buffer, sizeof buffer, 0) > 0) send(client_fd, answer.data(), answer.size(), MSG_NOSIGNAL);
      shutdown(client_fd, SHUT_WR);
      while (recv(client_fd, buffer, sizeof buffer, 0) > 0) {
      }
    });
    const auto failure = client.Connect(TlsOptions(server.port()));
    CHECK(Is(failure, end::kTlsFailed));
    REQUIRE(failure);
    CHECK(Contains(failure->message, "127.0.0.1:" + std::to_string(server.port())));
    client.connection.Close();
  }
}

}  // namespace
