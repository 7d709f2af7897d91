// RTSP sessions with cameras that misbehave: `session_test`.
#include <doctest/doctest.h>

#include <cstring>

#include "fake_camera.h"
#include "rtsp/session.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

constexpr int64_t kSecondUs = 1'000'000;

bool Is(const std::optional<Failure>& failure, const char* end) {
  return failure && std::strcmp(failure->end, end) == 0;
}

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

int64_t In(int64_t us) { return MonotonicUs() + us; }

// A client with everything that a session needs.
struct Client : public Session::Sink {
  explicit Client(const FakeCamera& camera, Learned known = {}, const std::string& user = "")
      : learned(std::move(known)), session(OptionsOf(camera.url(user)), learned, waiter, *this) {}

  static SessionOptions OptionsOf(const std::string& url) {
    SessionOptions options;
    options.url = url;
    options.addresses = {"127.0.0.1"};
    return options;
  }
  void OnPacket(size_t track, bool rtcp, const uint8_t*, size_t, int64_t) override {
    ++(rtcp ? rtcp_packets : packets);
    last_track = track;
    if (is_slow) std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  std::optional<Failure> Describe(int64_t within_us = kPatienceUs) { return session.Describe(In(within_us)); }
  std::optional<Failure> SetUp(size_t media = 0, int64_t within_us = kPatienceUs) {
    return session.SetUp(session.description().media.at(media), Carrier::kTcp, In(within_us));
  }
  std::optional<Failure> Play(int64_t within_us = kPatienceUs) { return session.Play(In(within_us)); }
  std::optional<Failure> Open() {
    if (auto failure = Describe()) return failure;
    for (size_t i = 0; i < session.description().media.size(); ++i) {
      if (auto failure = SetUp(i)) return failure;
    }
    return Play();
  }
  // Pumps until the condition holds, the session ends or the time is over.
  std::optional<Failure> PumpUntil(const std::function<bool()>& done, int64_t within_us = kPatienceUs) {
    const int64_t deadline_us = In(within_us);
    while (!done() && MonotonicUs() < deadline_us) {
      if (auto failure = session.Pump(std::min(deadline_us, In(20'000)))) return failure;
    }
    return std::nullopt;
  }

  Stop stop;
  Waiter waiter{stop.flag, stop.wake_fd};
  Learned learned;
  int packets = 0;
  int rtcp_packets = 0;
  size_t last_track = 0;
  bool is_slow = false;  // so slow that the connection always has data
  Session session;
};

// Raises the stop flag a little later.
class StopLater {
 public:
  explicit StopLater(Stop& stop, int ms = 50)
      : thread_([&stop, ms] {
          std::this_thread::sleep_for(std::chrono::milliseconds(ms));
          stop.Raise();
        }) {}
  ~StopLater() { thread_.join(); }

 private:
  std::thread thread_;
};

void SleepMs(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

TEST_CASE("a stop while playing ends the session") {
  FakeCamera camera;
  Client client(camera);
  CHECK(!client.Open());
  CHECK(client.learned.session == "4711");
  {
    const StopLater later(client.stop);
    CHECK(Is(client.session.Pump(In(kPatienceUs)), end::kStopped));
  }
  client.session.Close(kSecondUs);
  CHECK(camera.Count("TEARDOWN") == 1);
  CHECK(camera.Last("TEARDOWN").headers.Get("Session") == "4711");
  CHECK(client.learned.session.empty());
  client.session.Close(kSecondUs);
  CHECK(camera.Count("TEARDOWN") == 1);
}

TEST_CASE("a late answer to SETUP names the session that is ended") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "SETUP") SleepMs(200);
    return std::nullopt;
  });
  Client client(camera);
  CHECK(!client.Describe());
  {
    const StopLater later(client.stop);
    CHECK(Is(client.SetUp(), end::kStopped));
  }
  client.session.Close(kPatienceUs);
  CHECK(camera.Last("TEARDOWN").headers.Get("Session") == "4711");
}

TEST_CASE("a stop during SETUP of audio ends the session of the video") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") return FakeCamera::Polite(request, true);
    if (request.method != "SETUP" || !Contains(request.uri, "audio")) return std::nullopt;
    SleepMs(200);
    return FakeCamera::Answer(request, "500 Internal Server Error");
  });
  Client client(camera);
  CHECK(!client.Describe());
  CHECK(!client.SetUp(0));
  {
    const StopLater later(client.stop);
    CHECK(Is(client.SetUp(1), end::kStopped));
  }
  client.session.Close(kPatienceUs);
  CHECK(camera.Last("TEARDOWN").headers.Get("Session") == "4711");
}

TEST_CASE("a refused PLAY ends the session") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "PLAY") return FakeCamera::Answer(request, "500 No\x07 way");
    return std::nullopt;
  });
  Client client(camera);
  const auto failure = client.Open();
  CHECK(Is(failure, end::kCameraError));
  REQUIRE(failure);
  CHECK(Contains(failure->message, "PLAY with 500 \"No  way\""));
  client.session.Close(kSecondUs);
  CHECK(camera.Count("TEARDOWN") == 1);
}

TEST_CASE("a camera that never answers TEARDOWN is not waited for") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "TEARDOWN") return "";
    return std::nullopt;
  });
  Client client(camera);
  CHECK(!client.Open());
  const int64_t begun_us = MonotonicUs();
  client.session.Close(200'000);
  CHECK(MonotonicUs() - begun_us < 5 * kSecondUs);
  CHECK(client.learned.session == "4711");
}

TEST_CASE("a session without an id is ended") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP") return std::nullopt;
    return FakeCamera::Answer(request, "200 OK", "Transport: RTP/AVP/TCP;interleaved=0-1\r\n");
  });
  Client client(camera);
  CHECK(!client.Open());
  client.session.Close(kSecondUs);
  CHECK(camera.Count("TEARDOWN") == 1);
}

// `refused`: the method that the camera answers with 453 until the old session has ended.
void EndsTheRememberedSession(const std::string& refused) {
  bool free = false;
  FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "TEARDOWN" && request.headers.Get("Session") == "old") free = true;
    if (request.method == refused && !free) return FakeCamera::Answer(request, "453 Not Enough Bandwidth");
    return std::nullopt;
  });
  Learned known;
  known.session = "old";
  known.session_url = camera.url() + "/track";
  Client client(camera, known);
  CHECK(!client.Open());
  CHECK(camera.Last("TEARDOWN").uri == known.session_url);
  CHECK(client.learned.session == "4711");
}

TEST_CASE("a camera whose only session is taken is named") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "SETUP") return FakeCamera::Answer(request, "453 Not Enough Bandwidth");
    return std::nullopt;
  });
  Learned known;
  known.session = "old";
  Client client(camera, known);
  CHECK(Is(client.Open(), end::kSessionLimit));
  CHECK(camera.Count("SETUP") == 2);
}

std::string Redirect(const Message& request, const std::string& target) {
  return FakeCamera::Answer(request, "302 Moved", "Location: " + target + "\r\n");
}

std::optional<std::string> Challenge(const Message& request) {
  if (request.headers.Has("Authorization")) return std::nullopt;
  return FakeCamera::Answer(request, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"cam\"\r\n");
}

TEST_CASE("three redirects on one host are followed") {
  for (const int redirects : {3, 4}) {
    int left = redirects;
    FakeCamera camera([&](FakeCamera& self, const Message& request) -> std::optional<std::string> {
      if (auto challenge = Challenge(request)) return challenge;
      if (request.method == "DESCRIBE" && left-- > 0) {
        return Redirect(request, self.url("other:word") + std::to_string(left));
      }
      return std::nullopt;
    });
    Client client(camera, {}, "admin:hunter2");
    const auto failure = client.Open();
    if (redirects == 3) {
      CHECK(!failure);
      // "admin:hunter2"
      CHECK(camera.Last("PLAY").headers.Get("Authorization") == "Basic YWRtaW46aHVudGVyMg==");
      CHECK(camera.Last("PLAY").uri == camera.url() + "0");
    } else {
      CHECK(Is(failure, end::kTooManyRedirects));
    }
  }
}

TEST_CASE("credentials are not sent to another host") {
  FakeCamera target([](FakeCamera&, const Message& request) { return Challenge(request); }, "127.0.0.2");
  FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (auto challenge = Challenge(request)) return challenge;
    return Redirect(request, target.url());
  });
  Learned known;
  known.authentication = "Basic";
  known.session = "old";
  Client client(camera, known, "admin:hunter2");
  CHECK(Is(client.Open(), end::kCredentialsNeeded));
  CHECK(target.Count("DESCRIBE") == 1);
  for (const Message& request : target.requests()) CHECK(!request.headers.Has("Authorization"));
  // Facts about another host do not replace those about the camera.
  CHECK(client.learned.authentication == "Basic");
  CHECK(client.learned.session == "old");
}

TEST_CASE("redirects by name and without a URL are refused") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    return Redirect(request, "rtsp://localhost.test/");
  });
  CHECK(Is(Client(camera).Describe(), end::kTooManyRedirects));
  FakeCamera other([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    return Redirect(request, "http://127.0.0.1/");
  });
  CHECK(Is(Client(other).Describe(), end::kProtocolError));
}

TEST_CASE("a refused keepalive is replaced at once") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "SETUP") {
      return FakeCamera::Answer(request, "200 OK",
                                "Session: 1;timeout=3\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    }
    if (request.method == "GET_PARAMETER") return FakeCamera::Answer(request, "405 Method Not Allowed");
    return std::nullopt;
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(!client.PumpUntil([&] { return !client.learned.keepalive.empty(); }));
  CHECK(client.learned.keepalive == "OPTIONS");
  CHECK(camera.Count("GET_PARAMETER") == 1);
  CHECK(camera.Last("OPTIONS").headers.Get("Session") == "1");
  CHECK(camera.Last("OPTIONS").uri == camera.url());
}

TEST_CASE("keepalives are never sent in a storm") {
  std::atomic<int> nonce{0};
  FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "SETUP") {
      return FakeCamera::Answer(request, "200 OK",
                                "Session: 1;timeout=1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    }
    if (request.method == "DESCRIBE" || request.method == "PLAY") return std::nullopt;
    return FakeCamera::Answer(
        request, "401 Unauthorized",
        "WWW-Authenticate: Digest realm=\"cam\", stale=true, nonce=\"" + std::to_string(++nonce) + "\"\r\n");
  });
  Client client(camera, {}, "admin:hunter2");
  CHECK(!client.Open());
  CHECK(!client.PumpUntil([] { return false; }, 2'500'000));
  const int sent = camera.Count("GET_PARAMETER") + camera.Count("OPTIONS") + camera.Count("SET_PARAMETER");
  CHECK(sent >= 2);
  CHECK(sent <= 8);
}

TEST_CASE("a new nonce in mid-session is answered") {
  std::atomic<int> nonce{1};
  FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "GET_PARAMETER" && nonce == 1) nonce = 2;
    if (request.method == "TEARDOWN" && nonce == 2) nonce = 3;
    const std::string quoted = "nonce=\"" + std::to_string(nonce) + "\"";
    if (!Contains(request.headers.Get("Authorization"), quoted)) {
      return FakeCamera::Answer(request, "401 Unauthorized",
                                "WWW-Authenticate: Digest realm=\"cam\", " + quoted + "\r\n");
    }
    if (request.method != "SETUP") return std::nullopt;
    return FakeCamera::Answer(request, "200 OK", "Session: 1;timeout=3\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
  });
  Client client(camera, {}, "admin:hunter2");
  CHECK(!client.Open());
  CHECK(client.learned.authentication == "Digest MD5");
  CHECK(!client.PumpUntil([&] { return camera.Count("GET_PARAMETER") == 2; }));
  CHECK(Contains(camera.Last("GET_PARAMETER").headers.Get("Authorization"), "nonce=\"2\""));
  client.session.Close(kPatienceUs);
  CHECK(camera.Count("TEARDOWN") == 2);
  CHECK(Contains(camera.Last("TEARDOWN").headers.Get("Authorization"), "nonce=\"3\""));
  CHECK(client.learned.session.empty());
}

TEST_CASE("requests of the camera are answered") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    return FakeCamera::Answer(request) + "OPTIONS rtsp://client/ RTSP/1.0\r\nCSeq: 77\r\n\r\n" +
           "PAUSE rtsp://client/ RTSP/1.0\r\nCSeq: 78\r\n\r\n";
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(!client.PumpUntil([&] { return camera.answers().size() == 2; }));
  const auto answers = camera.answers();
  REQUIRE(answers.size() == 2);
  CHECK(answers[0].cseq() == 77);
  CHECK(answers[0].status == 200);
  CHECK(answers[1].cseq() == 78);
  CHECK(answers[1].status == 501);
}

TEST_CASE("the client connects again when the camera asks for it") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    return FakeCamera::Answer(request) + "REDIRECT rtsp://client/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(Is(client.PumpUntil([] { return false; }), end::kConnectionLost));
  client.session.Close(kSecondUs);
  CHECK(camera.Count("TEARDOWN") == 1);
}

TEST_CASE("frames are found after garbage and error answers") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    return FakeCamera::Frame(0, 1) + FakeCamera::Answer(request) + "garbage \x01\xff$$$" + FakeCamera::Frame(0, 2) +
           "RTSP/1.0 400 Bad Request\r\n\r\n" + FakeCamera::Frame(0, 3) + FakeCamera::Frame(9, 4) +
           FakeCamera::Frame(0, 5);
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(!client.PumpUntil([&] { return client.packets == 4; }));
  CHECK(client.packets == 4);
  CHECK(!client.session.reports_refused());
}

TEST_CASE("a camera that refuses reports is noticed") {
  FakeCamera camera;
  bool sent = false;
  camera.set_idle([&](FakeCamera& self) {
    if (self.reports() > 0 && !std::exchange(sent, true)) self.Send("RTSP/1.0 400 Bad Request\r\n\r\n");
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(client.session.SendReport(0, {0x80, 201, 0, 1, 0, 0, 0, 1}));
  CHECK(!client.PumpUntil([&] { return client.session.reports_refused(); }));
  CHECK(client.session.reports_refused());
}

TEST_CASE("answers with wrong numbers are taken") {
  for (const std::string number : {"CSeq: 1\r\n", "CSeq: 900\r\n", ""}) {
    FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
      std::string answer = FakeCamera::Polite(request);
      const std::string own = "CSeq: " + std::string(request.headers.Get("CSeq")) + "\r\n";
      return answer.replace(answer.find(own), own.size(), number);
    });
    Client client(camera);
    CHECK(!client.Open());
    client.session.Close(kSecondUs);
    CHECK(client.learned.session.empty());
  }
}

TEST_CASE("answers that come late or twice are ignored") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    return "RTSP/1.0 454 Session Not Found\r\nCSeq: 2\r\n\r\nRTSP/1.0 100 Continue\r\nCSeq: 3\r\n\r\n" +
           FakeCamera::Polite(request);
  });
  Client client(camera);
  CHECK(!client.Open());
  client.session.Close(kSecondUs);
  CHECK(camera.Last("TEARDOWN").headers.Get("Session") == "4711");
}

TEST_CASE("PLAY is given up at its deadline although data comes") {
  std::atomic<bool> flows{false};
  std::string burst;
  for (int i = 0; i < 200; ++i) burst += FakeCamera::Frame(0, i, std::string(1000, 'x'));
  FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    flows = true;
    return "";
  });
  camera.set_idle([&](FakeCamera& self) {
    const int64_t end_us = In(kPatienceUs);
    while (flows && MonotonicUs() < end_us && self.Send(burst)) continue;
  });
  Client client(camera);
  client.is_slow = true;
  CHECK(!client.Describe());
  CHECK(!client.SetUp());
  const int64_t begun_us = MonotonicUs();
  CHECK(Is(client.Play(300'000), end::kOpenTimeout));
  CHECK(MonotonicUs() - begun_us < 5 * kSecondUs);
  flows = false;
}

TEST_CASE("the end of the connection is seen at once") {
  FakeCamera camera([](FakeCamera& self, const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP") return std::nullopt;
    self.HangUp();
    return "";
  });
  Client client(camera);
  CHECK(!client.Describe());
  const int64_t begun_us = MonotonicUs();
  const auto failure = client.SetUp();
  CHECK(Is(failure, end::kConnectionLost));
  REQUIRE(failure);
  CHECK(Contains(failure->message, "SETUP"));
  CHECK(MonotonicUs() - begun_us < 5 * kSecondUs);
  client.session.Close(kSecondUs);
}

TEST_CASE("a header without end is cut off") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    std::string head = "RTSP/1.0 200 OK\r\n";
    while (head.size() < 2 * kMaxHeaderBytes) head += "X-Long: " + std::string(4000, 'x') + "\r\n";
    return head;
  });
  Client client(camera);
  CHECK(Is(client.Open(), end::kMessageTooLarge));
  // Nothing more is read, but the camera still gets TEARDOWN.
  client.session.Close(kSecondUs);
  SleepMs(50);
  CHECK(camera.Count("TEARDOWN") == 1);
}

TEST_CASE("a flood is cut off") {
  FakeCamera camera;
  std::string burst;
  for (int i = 0; i < 50; ++i) burst += "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";
  camera.set_idle([&](FakeCamera& self) {
    if (self.playing()) self.Send(burst);
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(Is(client.PumpUntil([] { return false; }), end::kFlood));
  client.session.Close(kSecondUs);
  CHECK(client.learned.session == "4711");
}

TEST_CASE("tracks that get the same channels are kept apart") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") return FakeCamera::Polite(request, true);
    if (request.method == "SETUP") {
      return FakeCamera::Answer(request, "200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    }
    if (request.method != "PLAY") return std::nullopt;
    return FakeCamera::Answer(request) + FakeCamera::Frame(0, 1) + FakeCamera::Frame(2, 1);
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(!client.PumpUntil([&] { return client.packets == 2; }));
  CHECK(client.last_track == 1);
}

TEST_CASE("channels other than the requested ones are taken") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") return FakeCamera::Polite(request, true);
    const bool audio = Contains(request.uri, "audio");
    if (request.method == "SETUP") {
      return FakeCamera::Answer(
          request, "200 OK",
          std::string("Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=") + (audio ? "0-1" : "2-3") + "\r\n");
    }
    if (request.method == "PLAY") return FakeCamera::Answer(request) + FakeCamera::Frame(0, 1);
    return std::nullopt;
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(!client.PumpUntil([&] { return client.packets == 1; }));
  CHECK(client.last_track == 1);
}

TEST_CASE("no report is sent on an impossible channel") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP") return std::nullopt;
    return FakeCamera::Answer(request, "200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=255\r\n");
  });
  Client client(camera);
  CHECK(!client.Open());
  CHECK(!client.session.SendReport(0, {0x80, 201, 0, 1, 0, 0, 0, 1}));
}

TEST_CASE("a session whose transport cannot be used is ended") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP" || !Contains(request.headers.Get("Transport"), "interleaved")) return std::nullopt;
    return FakeCamera::Answer(request, "200 OK", "Session: 1\r\nTransport: RTP/AVP;unicast;server_port=5000-5001\r\n");
  });
  Client client(camera);
  CHECK(!client.Describe());
  CHECK(Is(client.SetUp(), end::kTransportRefused));
  CHECK(camera.Last("TEARDOWN").headers.Get("Session") == "1");
  CHECK(!client.session.SetUp(client.session.description().media.at(0), Carrier::kUdp, In(kPatienceUs)));
  CHECK(!camera.Last("SETUP").headers.Has("Session"));
}

TEST_CASE("PLAY is sent without Range where Range is refused") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY" || !request.headers.Has("Range")) return std::nullopt;
    return FakeCamera::Answer(request, "457 Invalid Range");
  });
  CHECK(!Client(camera).Open());
}

TEST_CASE("sessions that end at a constant interval get another keepalive") {
  Learned learned;
  const auto ends_after = [&](int64_t seconds) {
    Keepalive keepalive(learned);
    keepalive.Begin(60, 1);
    return keepalive.OnEnded(1 + seconds * kSecondUs);
  };
  learned.without_receiver_reports = true;
  CHECK(!ends_after(12));
  for (const char* method : {"SET_PARAMETER", "GET_PARAMETER", "OPTIONS", ""}) {
    CHECK(ends_after(12));
    CHECK(learned.keepalive == method);
  }
  // No learnt fact stays for ever.
  CHECK(!learned.without_receiver_reports);
  CHECK(!ends_after(40));
  CHECK(!ends_after(700));
  CHECK(!ends_after(700));
}

TEST_CASE("the session of a killed proxy is ended when DESCRIBE is refused") { EndsTheRememberedSession("DESCRIBE"); }

TEST_CASE("the session of a killed proxy is ended when SETUP is refused") { EndsTheRememberedSession("SETUP"); }

}  // namespace
