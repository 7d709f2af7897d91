// Fuzz target: a whole RTSP session over loopback, in which the camera sends the input.
// The first byte holds flags: 1 = audio is recorded, 2 = a session is remembered, 4 = UDP is tried first. "\n====\n"
// divides the rest into parts. The camera sends one part for each request. Without a request, it sends the next part
// after kPauseMs. It closes after the last part.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>
#include <string_view>
#include <thread>

#include "base/av_handles.h"
#include "rtsp/rtsp_source.h"
#include "rtsp/text.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

constexpr std::string_view kPassword = "hunter2";
constexpr std::string_view kSeparator = "\n====\n";
// After a part that is not a whole answer, the client sends no request. The next part is sent after this time.
constexpr int kPauseMs = 3;
constexpr int kPatienceMs = 3000;
constexpr size_t kMaxRemembered = 4096;

void Require(bool holds) {
  if (!holds) std::abort();
}

std::deque<std::string> Parts(std::string_view text) {
  std::deque<std::string> parts;
  for (size_t at; (at = text.find(kSeparator)) != std::string_view::npos; text.remove_prefix(at + kSeparator.size())) {
    parts.emplace_back(text.substr(0, at));
  }
  parts.emplace_back(text);
  return parts;
}

class Camera {
 public:
  explicit Camera(std::deque<std::string> parts)
      : parts_(std::move(parts)), fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    Require(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && listen(fd_, 4) == 0);
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Camera() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  int port() const { return port_; }

 private:
  void Serve() {
    for (;;) {
      const int client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) return;
      Answer(client);
      close(client);
    }
  }

  // False: the client has closed.
  static bool Skip(int client, int timeout_ms) {
    pollfd waited{client, POLLIN, 0};
    if (poll(&waited, 1, timeout_ms) <= 0) return true;
    char scratch[4096];
    return recv(client, scratch, sizeof scratch, 0) > 0;
  }

  void Answer(int client) {
    for (bool first = true; !parts_.empty(); first = false) {
      if (!Skip(client, first ? kPatienceMs : kPauseMs)) return;
      const std::string part = std::move(parts_.front());
      parts_.pop_front();
      if (send(client, part.data(), part.size(), MSG_NOSIGNAL) < 0) return;
    }
    shutdown(client, SHUT_WR);
    for (int i = 0; i < 64 && Skip(client, kPatienceMs); ++i) continue;
  }

  std::deque<std::string> parts_;
  const int fd_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  // A redirect could lead to any host.
  if (Lower(text).find("location") != std::string::npos) return 0;
  Camera camera(Parts(text));
  SourceOptions options;
  options.url = "rtsp://user:" + std::string(kPassword) + "@127.0.0.1:" + std::to_string(camera.port()) + "/stream";
  options.addresses = {"127.0.0.1"};
  options.transport = "auto";
  options.tls_verify = "pin";
  options.open_timeout_us = 1'000'000;
  options.stall_timeout_us = 1'000'000;
  options.audio = (data[0] & 1) != 0;
  if ((data[0] & 2) != 0) options.learned.session = "12345";
  if ((data[0] & 4) != 0) options.learned.transport = "udp";
  const std::atomic<int32_t> stop{0};
  RtspSource source(options, stop, -1);
  const AvPtr<AVPacket> packet(av_packet_alloc());
  auto failure = source.Open();
  while (!failure) {
    (void)source.TakeAudio();
    failure = source.Read(packet.get());
    if (!failure) Require(packet->size > 0 && packet->pts != AV_NOPTS_VALUE && packet->dts <= packet->pts);
  }
  // The input itself may contain the password.
  const bool is_secret = text.find(kPassword) == std::string::npos;
  Require(!is_secret || failure->message.find(kPassword) == std::string::npos);
  for (const std::string& note : source.TakeNotes()) Require(!is_secret || note.find(kPassword) == std::string::npos);
  source.Close(20'000);
  const Learned& learned = *source.learned();
  Require(learned.session.size() <= kMaxRemembered && learned.session_url.size() <= kMaxRemembered);
  Require(!is_secret || learned.session_url.find(kPassword) == std::string::npos);
  return 0;
}
