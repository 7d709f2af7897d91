// RTSP sessions with cameras that misbehave: `session_test`.
#include <cstdio>
#include <cstring>

#include "expect.h"
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

// A client with all that a session needs.
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
  // Until the condition holds, the session ends or the time is over.
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

void EndsTheSessionWhenStoppedWhilePlaying() {
  FakeCamera camera;
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(client.learned.session == "4711");
  {
    const StopLater later(client.stop);
    EXPECT(Is(client.session.Pump(In(kPatienceUs)), end::kStopped));
  }
  client.session.Close(kSecondUs);
  EXPECT(camera.Count("TEARDOWN") == 1);
  EXPECT(camera.Last("TEARDOWN").headers.Get("Session") == "4711");
  EXPECT(client.learned.session.empty());
  client.session.Close(kSecondUs);
  EXPECT(camera.Count("TEARDOWN") == 1);
}

void EndsTheSessionThatTheLateAnswerToSetUpNames() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "SETUP") SleepMs(200);
    return std::nullopt;
  });
  Client client(camera);
  EXPECT(!client.Describe());
  {
    const StopLater later(client.stop);
    EXPECT(Is(client.SetUp(), end::kStopped));
  }
  client.session.Close(kPatienceUs);
  EXPECT(camera.Last("TEARDOWN").headers.Get("Session") == "4711");
}

void EndsTheSessionOfTheVideoWhenStoppedDuringSetUpOfAudio() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") return FakeCamera::Polite(request, true);
    if (request.method != "SETUP" || !Contains(request.uri, "audio")) return std::nullopt;
    SleepMs(200);
    return FakeCamera::Answer(request, "500 Internal Server Error");
  });
  Client client(camera);
  EXPECT(!client.Describe());
  EXPECT(!client.SetUp(0));
  {
    const StopLater later(client.stop);
    EXPECT(Is(client.SetUp(1), end::kStopped));
  }
  client.session.Close(kPatienceUs);
  EXPECT(camera.Last("TEARDOWN").headers.Get("Session") == "4711");
}

void EndsTheSessionWhenPlayIsRefused() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "PLAY") return FakeCamera::Answer(request, "500 No\x07 way");
    return std::nullopt;
  });
  Client client(camera);
  const auto failure = client.Open();
  EXPECT(Is(failure, end::kCameraError));
  EXPECT(failure && Contains(failure->message, "PLAY with 500 \"No  way\""));
  client.session.Close(kSecondUs);
  EXPECT(camera.Count("TEARDOWN") == 1);
}

void DoesNotWaitForACameraThatNeverAnswersTeardown() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "TEARDOWN") return "";
    return std::nullopt;
  });
  Client client(camera);
  EXPECT(!client.Open());
  const int64_t begun_us = MonotonicUs();
  client.session.Close(200'000);
  EXPECT(MonotonicUs() - begun_us < 5 * kSecondUs);
  EXPECT(client.learned.session == "4711");
}

void EndsASessionWithoutId() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP") return std::nullopt;
    return FakeCamera::Answer(request, "200 OK", "Transport: RTP/AVP/TCP;interleaved=0-1\r\n");
  });
  Client client(camera);
  EXPECT(!client.Open());
  client.session.Close(kSecondUs);
  EXPECT(camera.Count("TEARDOWN") == 1);
}

// `refused`: the method that is answered 453 until the old session has ended.
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
  EXPECT(!client.Open());
  EXPECT(camera.Last("TEARDOWN").uri == known.session_url);
  EXPECT(client.learned.session == "4711");
}

void NamesACameraWhoseOnlySessionIsTaken() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "SETUP") return FakeCamera::Answer(request, "453 Not Enough Bandwidth");
    return std::nullopt;
  });
  Learned known;
  known.session = "old";
  Client client(camera, known);
  EXPECT(Is(client.Open(), end::kSessionLimit));
  EXPECT(camera.Count("SETUP") == 2);
}

std::string Redirect(const Message& request, const std::string& target) {
  return FakeCamera::Answer(request, "302 Moved", "Location: " + target + "\r\n");
}

std::optional<std::string> Challenge(const Message& request) {
  if (request.headers.Has("Authorization")) return std::nullopt;
  return FakeCamera::Answer(request, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"cam\"\r\n");
}

void FollowsThreeRedirectsOnOneHost() {
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
      EXPECT(!failure);
      // "admin:hunter2"
      EXPECT(camera.Last("PLAY").headers.Get("Authorization") == "Basic YWRtaW46aHVudGVyMg==");
      EXPECT(camera.Last("PLAY").uri == camera.url() + "0");
    } else {
      EXPECT(Is(failure, end::kTooManyRedirects));
    }
  }
}

void KeepsCredentialsFromAnotherHost() {
  FakeCamera target([](FakeCamera&, const Message& request) { return Challenge(request); }, "127.0.0.2");
  FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (auto challenge = Challenge(request)) return challenge;
    return Redirect(request, target.url());
  });
  Learned known;
  known.authentication = "Basic";
  known.session = "old";
  Client client(camera, known, "admin:hunter2");
  EXPECT(Is(client.Open(), end::kCredentialsNeeded));
  EXPECT(target.Count("DESCRIBE") == 1);
  for (const Message& request : target.requests()) EXPECT(!request.headers.Has("Authorization"));
  // What is known of the camera is not replaced by what another one does.
  EXPECT(client.learned.authentication == "Basic");
  EXPECT(client.learned.session == "old");
}

void RefusesRedirectsByNameAndWithoutUrl() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    return Redirect(request, "rtsp://localhost.test/");
  });
  EXPECT(Is(Client(camera).Describe(), end::kTooManyRedirects));
  FakeCamera other([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    return Redirect(request, "http://127.0.0.1/");
  });
  EXPECT(Is(Client(other).Describe(), end::kProtocolError));
}

void ReplacesARefusedKeepaliveAtOnce() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "SETUP") {
      return FakeCamera::Answer(request, "200 OK",
                                "Session: 1;timeout=3\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    }
    if (request.method == "GET_PARAMETER") return FakeCamera::Answer(request, "405 Method Not Allowed");
    return std::nullopt;
  });
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(!client.PumpUntil([&] { return !client.learned.keepalive.empty(); }));
  EXPECT(client.learned.keepalive == "OPTIONS");
  EXPECT(camera.Count("GET_PARAMETER") == 1);
  EXPECT(camera.Last("OPTIONS").headers.Get("Session") == "1");
  EXPECT(camera.Last("OPTIONS").uri == camera.url());
}

void SendsNoStormOfKeepalives() {
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
  EXPECT(!client.Open());
  EXPECT(!client.PumpUntil([] { return false; }, 2'500'000));
  const int sent = camera.Count("GET_PARAMETER") + camera.Count("OPTIONS") + camera.Count("SET_PARAMETER");
  EXPECT(sent >= 2 && sent <= 8);
}

void AnswersANewNonceInMidSession() {
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
  EXPECT(!client.Open());
  EXPECT(client.learned.authentication == "Digest MD5");
  EXPECT(!client.PumpUntil([&] { return camera.Count("GET_PARAMETER") == 2; }));
  EXPECT(Contains(camera.Last("GET_PARAMETER").headers.Get("Authorization"), "nonce=\"2\""));
  client.session.Close(kPatienceUs);
  EXPECT(camera.Count("TEARDOWN") == 2);
  EXPECT(Contains(camera.Last("TEARDOWN").headers.Get("Authorization"), "nonce=\"3\""));
  EXPECT(client.learned.session.empty());
}

void AnswersRequestsOfTheCamera() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    return FakeCamera::Answer(request) + "OPTIONS rtsp://client/ RTSP/1.0\r\nCSeq: 77\r\n\r\n" +
           "PAUSE rtsp://client/ RTSP/1.0\r\nCSeq: 78\r\n\r\n";
  });
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(!client.PumpUntil([&] { return camera.answers().size() == 2; }));
  const auto answers = camera.answers();
  EXPECT(answers.size() == 2 && answers[0].cseq() == 77 && answers[0].status == 200);
  EXPECT(answers.size() == 2 && answers[1].cseq() == 78 && answers[1].status == 501);
}

void ConnectsAgainWhenTheCameraAsksForIt() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    return FakeCamera::Answer(request) + "REDIRECT rtsp://client/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
  });
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(Is(client.PumpUntil([] { return false; }), end::kConnectionLost));
  client.session.Close(kSecondUs);
  EXPECT(camera.Count("TEARDOWN") == 1);
}

void FindsFramesBehindGarbageAndErrorAnswers() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    return FakeCamera::Frame(0, 1) + FakeCamera::Answer(request) + "garbage \x01\xff$$$" + FakeCamera::Frame(0, 2) +
           "RTSP/1.0 400 Bad Request\r\n\r\n" + FakeCamera::Frame(0, 3) + FakeCamera::Frame(9, 4) +
           FakeCamera::Frame(0, 5);
  });
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(!client.PumpUntil([&] { return client.packets == 4; }));
  EXPECT(client.packets == 4);
  EXPECT(!client.session.reports_refused());
}

void NoticesThatReportsAreRefused() {
  FakeCamera camera;
  bool sent = false;
  camera.set_idle([&](FakeCamera& self) {
    if (self.reports() > 0 && !std::exchange(sent, true)) self.Send("RTSP/1.0 400 Bad Request\r\n\r\n");
  });
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(client.session.SendReport(0, {0x80, 201, 0, 1, 0, 0, 0, 1}));
  EXPECT(!client.PumpUntil([&] { return client.session.reports_refused(); }));
  EXPECT(client.session.reports_refused());
}

void TakesAnswersWithWrongNumbers() {
  for (const std::string number : {"CSeq: 1\r\n", "CSeq: 900\r\n", ""}) {
    FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
      std::string answer = FakeCamera::Polite(request);
      const std::string own = "CSeq: " + std::string(request.headers.Get("CSeq")) + "\r\n";
      return answer.replace(answer.find(own), own.size(), number);
    });
    Client client(camera);
    EXPECT(!client.Open());
    client.session.Close(kSecondUs);
    EXPECT(client.learned.session.empty());
  }
}

void IgnoresAnswersThatComeLateOrTwice() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    return "RTSP/1.0 454 Session Not Found\r\nCSeq: 2\r\n\r\nRTSP/1.0 100 Continue\r\nCSeq: 3\r\n\r\n" +
           FakeCamera::Polite(request);
  });
  Client client(camera);
  EXPECT(!client.Open());
  client.session.Close(kSecondUs);
  EXPECT(camera.Last("TEARDOWN").headers.Get("Session") == "4711");
}

void GivesUpPlayAtItsDeadlineAlthoughDataComes() {
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
  EXPECT(!client.Describe());
  EXPECT(!client.SetUp());
  const int64_t begun_us = MonotonicUs();
  EXPECT(Is(client.Play(300'000), end::kOpenTimeout));
  EXPECT(MonotonicUs() - begun_us < 5 * kSecondUs);
  flows = false;
}

void SeesTheEndOfTheConnectionAtOnce() {
  FakeCamera camera([](FakeCamera& self, const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP") return std::nullopt;
    self.HangUp();
    return "";
  });
  Client client(camera);
  EXPECT(!client.Describe());
  const int64_t begun_us = MonotonicUs();
  const auto failure = client.SetUp();
  EXPECT(Is(failure, end::kConnectionLost));
  EXPECT(failure && Contains(failure->message, "SETUP"));
  EXPECT(MonotonicUs() - begun_us < 5 * kSecondUs);
  client.session.Close(kSecondUs);
}

void CutsOffAHeaderWithoutEnd() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY") return std::nullopt;
    std::string head = "RTSP/1.0 200 OK\r\n";
    while (head.size() < 2 * kMaxHeaderBytes) head += "X-Long: " + std::string(4000, 'x') + "\r\n";
    return head;
  });
  Client client(camera);
  EXPECT(Is(client.Open(), end::kMessageTooLarge));
  // Nothing more is read, and still the camera is told.
  client.session.Close(kSecondUs);
  SleepMs(50);
  EXPECT(camera.Count("TEARDOWN") == 1);
}

void CutsOffAFlood() {
  FakeCamera camera;
  std::string burst;
  for (int i = 0; i < 50; ++i) burst += "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n";
  camera.set_idle([&](FakeCamera& self) {
    if (self.playing()) self.Send(burst);
  });
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(Is(client.PumpUntil([] { return false; }), end::kFlood));
  client.session.Close(kSecondUs);
  EXPECT(client.learned.session == "4711");
}

void KeepsTracksApartThatGetTheSameChannels() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") return FakeCamera::Polite(request, true);
    if (request.method == "SETUP") {
      return FakeCamera::Answer(request, "200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n");
    }
    if (request.method != "PLAY") return std::nullopt;
    return FakeCamera::Answer(request) + FakeCamera::Frame(0, 1) + FakeCamera::Frame(2, 1);
  });
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(!client.PumpUntil([&] { return client.packets == 2; }));
  EXPECT(client.last_track == 1);
}

void TakesOtherChannelsThanItAskedFor() {
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
  EXPECT(!client.Open());
  EXPECT(!client.PumpUntil([&] { return client.packets == 1; }));
  EXPECT(client.last_track == 1);
}

void SendsNoReportOnAChannelThatCannotBe() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP") return std::nullopt;
    return FakeCamera::Answer(request, "200 OK", "Session: 1\r\nTransport: RTP/AVP/TCP;interleaved=255\r\n");
  });
  Client client(camera);
  EXPECT(!client.Open());
  EXPECT(!client.session.SendReport(0, {0x80, 201, 0, 1, 0, 0, 0, 1}));
}

void EndsASessionWhoseTransportCannotBeUsed() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "SETUP" || !Contains(request.headers.Get("Transport"), "interleaved")) return std::nullopt;
    return FakeCamera::Answer(request, "200 OK", "Session: 1\r\nTransport: RTP/AVP;unicast;server_port=5000-5001\r\n");
  });
  Client client(camera);
  EXPECT(!client.Describe());
  EXPECT(Is(client.SetUp(), end::kTransportRefused));
  EXPECT(camera.Last("TEARDOWN").headers.Get("Session") == "1");
  EXPECT(!client.session.SetUp(client.session.description().media.at(0), Carrier::kUdp, In(kPatienceUs)));
  EXPECT(!camera.Last("SETUP").headers.Has("Session"));
}

void PlaysWithoutRangeWhereItIsRefused() {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method != "PLAY" || !request.headers.Has("Range")) return std::nullopt;
    return FakeCamera::Answer(request, "457 Invalid Range");
  });
  EXPECT(!Client(camera).Open());
}

void TriesAnotherKeepaliveWhenSessionsEndAtAConstantInterval() {
  Learned learned;
  const auto ends_after = [&](int64_t seconds) {
    Keepalive keepalive(learned);
    keepalive.Begin(60, 1);
    return keepalive.OnEnded(1 + seconds * kSecondUs);
  };
  learned.without_receiver_reports = true;
  EXPECT(!ends_after(12));
  for (const char* method : {"SET_PARAMETER", "GET_PARAMETER", "OPTIONS", ""}) {
    EXPECT(ends_after(12));
    EXPECT(learned.keepalive == method);
  }
  // Nothing that was learnt stays for ever.
  EXPECT(!learned.without_receiver_reports);
  EXPECT(!ends_after(40));
  EXPECT(!ends_after(700));
  EXPECT(!ends_after(700));
}

}  // namespace

int main() {
  EndsTheSessionWhenStoppedWhilePlaying();
  EndsTheSessionThatTheLateAnswerToSetUpNames();
  EndsTheSessionOfTheVideoWhenStoppedDuringSetUpOfAudio();
  EndsTheSessionWhenPlayIsRefused();
  DoesNotWaitForACameraThatNeverAnswersTeardown();
  EndsASessionWithoutId();
  EndsTheRememberedSession("DESCRIBE");
  EndsTheRememberedSession("SETUP");
  NamesACameraWhoseOnlySessionIsTaken();
  FollowsThreeRedirectsOnOneHost();
  KeepsCredentialsFromAnotherHost();
  RefusesRedirectsByNameAndWithoutUrl();
  ReplacesARefusedKeepaliveAtOnce();
  SendsNoStormOfKeepalives();
  AnswersANewNonceInMidSession();
  AnswersRequestsOfTheCamera();
  ConnectsAgainWhenTheCameraAsksForIt();
  FindsFramesBehindGarbageAndErrorAnswers();
  NoticesThatReportsAreRefused();
  TakesAnswersWithWrongNumbers();
  IgnoresAnswersThatComeLateOrTwice();
  GivesUpPlayAtItsDeadlineAlthoughDataComes();
  SeesTheEndOfTheConnectionAtOnce();
  CutsOffAHeaderWithoutEnd();
  CutsOffAFlood();
  KeepsTracksApartThatGetTheSameChannels();
  TakesOtherChannelsThanItAskedFor();
  SendsNoReportOnAChannelThatCannotBe();
  EndsASessionWhoseTransportCannotBeUsed();
  PlaysWithoutRangeWhereItIsRefused();
  TriesAnotherKeepaliveWhenSessionsEndAtAConstantInterval();
  if (failures == 0) std::printf("session: passed\n");
  return failures == 0 ? 0 : 1;
}
