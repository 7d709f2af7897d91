// Transports, audio and learned facts of an RTSP source: `rtsp_source_test`.
#include <doctest/doctest.h>

#include <cstring>

#include "fake_camera.h"
#include "rtsp/rtsp_source.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

bool Is(const std::optional<Failure>& failure, const char* end) {
  return failure && std::strcmp(failure->end, end) == 0;
}

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool IsSetUp(const Message& request, const char* part) {
  return request.method == "SETUP" && (Contains(request.headers.Get("Transport"), part) || Contains(request.uri, part));
}

SourceOptions OptionsFor(const FakeCamera& camera, const char* transport = "auto", bool audio = false) {
  SourceOptions options;
  options.url = camera.url();
  options.addresses = {"127.0.0.1"};
  options.transport = transport;
  options.tls_verify = "pin";
  options.open_timeout_us = kPatienceUs;
  options.stall_timeout_us = 1'000'000;
  options.audio = audio;
  return options;
}

struct Viewer {
  explicit Viewer(const SourceOptions& options) : source(options, stop.flag, stop.wake_fd) {}
  bool Notes(const char* part) {
    for (const std::string& note : source.TakeNotes()) {
      if (Contains(note, part)) return true;
    }
    return false;
  }
  Stop stop;
  RtspSource source;
};

std::optional<std::string> OnlyUdp(FakeCamera&, const Message& request) {
  if (IsSetUp(request, "interleaved")) return FakeCamera::Answer(request, "461 Unsupported Transport");
  return std::nullopt;
}

TEST_CASE("the source falls back to UDP") {
  FakeCamera camera(OnlyUdp);
  Viewer viewer(OptionsFor(camera));
  CHECK(!viewer.source.Open());
  CHECK(viewer.source.learned()->transport == "udp");
  viewer.source.Close(kPatienceUs);
  CHECK(camera.Count("TEARDOWN") == 1);

  Viewer tcp(OptionsFor(camera, "tcp"));
  CHECK(Is(tcp.source.Open(), end::kTransportRefused));
}

TEST_CASE("UDP is tried after two silent sessions over TCP") {
  FakeCamera camera;
  SourceOptions options = OptionsFor(camera);
  options.learned.transport = "tcp";
  options.learned.silent_tcp_sessions = 1;
  // Longer than the second until the first receiver report.
  options.first_picture_us = 1'500'000;
  Viewer viewer(options);
  CHECK(!viewer.source.Open());
  const AvPtr<AVPacket> packet(av_packet_alloc());
  CHECK(Is(viewer.source.Read(packet.get()), end::kNoData));
  viewer.source.Close(kPatienceUs);
  CHECK(viewer.source.learned()->transport == "udp");
  CHECK(camera.reports() > 0);
  CHECK(camera.Count("TEARDOWN") == 1);
}

TEST_CASE("a learnt transport that is refused is forgotten") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (IsSetUp(request, "client_port")) return FakeCamera::Answer(request, "500 Internal Server Error");
    return std::nullopt;
  });
  SourceOptions options = OptionsFor(camera);
  options.learned.transport = "udp";
  Viewer viewer(options);
  CHECK(Is(viewer.source.Open(), end::kCameraError));
  viewer.source.Close(kPatienceUs);
  options.learned = *viewer.source.learned();
  CHECK(options.learned.transport.empty());
  Viewer next(options);
  CHECK(!next.source.Open());
}

TEST_CASE("video plays without audio when its SETUP is refused") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") return FakeCamera::Polite(request, true);
    if (IsSetUp(request, "/audio")) return FakeCamera::Answer(request, "404 Not Found");
    return std::nullopt;
  });
  Viewer viewer(OptionsFor(camera, "auto", true));
  CHECK(!viewer.source.Open());
  CHECK(viewer.Notes("SETUP with 404"));
  CHECK(camera.connections() == 1);
}

TEST_CASE("video plays without audio when its SETUP ends the connection") {
  FakeCamera camera([](FakeCamera& self, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") return FakeCamera::Polite(request, true);
    if (!IsSetUp(request, "/audio")) return std::nullopt;
    self.HangUp();
    return "";
  });
  Viewer viewer(OptionsFor(camera, "auto", true));
  CHECK(!viewer.source.Open());
  CHECK(viewer.Notes("Audio is not recorded"));
  CHECK(camera.connections() == 2);
  CHECK(camera.Count("PLAY") == 1);
}

TEST_CASE("video plays without audio when PLAY with audio is refused") {
  bool with_audio = false;
  FakeCamera camera([&](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") {
      with_audio = false;
      return FakeCamera::Polite(request, true);
    }
    if (IsSetUp(request, "/audio")) with_audio = true;
    if (request.method == "PLAY" && with_audio) return FakeCamera::Answer(request, "500 Internal Server Error");
    return std::nullopt;
  });
  Viewer viewer(OptionsFor(camera, "auto", true));
  CHECK(!viewer.source.Open());
  CHECK(camera.Count("TEARDOWN") == 1);
}

TEST_CASE("video plays when SETUP of audio is never answered") {
  FakeCamera camera([](FakeCamera&, const Message& request) -> std::optional<std::string> {
    if (request.method == "DESCRIBE") return FakeCamera::Polite(request, true);
    if (IsSetUp(request, "/audio")) return "";
    return std::nullopt;
  });
  SourceOptions options = OptionsFor(camera, "auto", true);
  options.open_timeout_us = 2'000'000;
  Viewer viewer(options);
  CHECK(!viewer.source.Open());
  CHECK(viewer.Notes("did not answer SETUP"));
}

TEST_CASE("packets before the answer to PLAY are bounded") {
  std::string burst;
  for (int i = 0; i < 16; ++i) burst += FakeCamera::Frame(0, i, std::string(60'000, 'x'));
  FakeCamera camera([&](FakeCamera& self, const Message& request) -> std::optional<std::string> {
    for (int i = 0; request.method == "PLAY" && i < 32; ++i) self.Send(burst);
    return std::nullopt;
  });
  Viewer viewer(OptionsFor(camera));
  CHECK(!viewer.source.Open());
}

TEST_CASE("the source stops within milliseconds") {
  FakeCamera camera;
  Viewer viewer(OptionsFor(camera));
  CHECK(!viewer.source.Open());
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    viewer.stop.Raise();
  });
  const AvPtr<AVPacket> packet(av_packet_alloc());
  CHECK(Is(viewer.source.Read(packet.get()), end::kStopped));
  later.join();
  const int64_t begun_us = MonotonicUs();
  viewer.source.Close(kPatienceUs);
  CHECK(MonotonicUs() - begun_us < kPatienceUs / 4);
  CHECK(camera.Count("TEARDOWN") == 1);
}

}  // namespace
