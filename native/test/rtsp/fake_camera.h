// An RTSP camera on this machine whose answers a test writes.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "loopback.h"
#include "rtsp/message.h"
#include "rtsp/text.h"

namespace chrys::rtsp {

// Serves one connection at a time, on a thread of its own.
class FakeCamera {
 public:
  // Runs on the camera's thread. Returns the bytes to send for a request; nullopt: the answer of Polite.
  using Script = std::function<std::optional<std::string>(FakeCamera&, const Message&)>;

  explicit FakeCamera(Script script = nullptr, const char* address = "127.0.0.1")
      : script_(std::move(script)), address_(address), fd_(Listen(address, 0, 4)), thread_([this] { Serve(); }) {}
  ~FakeCamera() {
    closing_ = true;
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }

  // Called between two requests, every few milliseconds, for tests that send without a request.
  void set_idle(std::function<void(FakeCamera&)> idle) {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_ = std::move(idle);
  }

  std::string url(const std::string& user = "") const {
    return "rtsp://" + (user.empty() ? "" : user + "@") + address_ + ":" + std::to_string(PortOf(fd_)) + "/cam";
  }
  std::vector<Message> requests() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return requests_;
  }
  int Count(const std::string& method) const {
    int count = 0;
    for (const Message& request : requests()) count += request.method == method ? 1 : 0;
    return count;
  }
  // The newest request of that method; empty when none came.
  Message Last(const std::string& method) const {
    Message last;
    for (const Message& request : requests()) {
      if (request.method == method) last = request;
    }
    return last;
  }
  // The client's answers to requests of the camera.
  std::vector<Message> answers() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return answers_;
  }
  int connections() const { return connections_; }
  int reports() const { return reports_; }
  bool playing() const { return playing_; }

  // For scripts only.
  bool Send(const std::string& bytes) {
    return send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  void HangUp() { hang_up_ = true; }

  static std::string Answer(const Message& request, const std::string& status = "200 OK",
                            const std::string& more = "") {
    return "RTSP/1.0 " + status + "\r\nCSeq: " + std::string(request.headers.Get("CSeq")) + "\r\n" + more + "\r\n";
  }
  static std::string Polite(const Message& request, bool audio = false) {
    const std::string description = Description(audio);
    if (request.method == "DESCRIBE") {
      return Answer(request, "200 OK",
                    "Content-Type: application/sdp\r\nContent-Length: " + std::to_string(description.size()) + "\r\n") +
             description;
    }
    if (request.method != "SETUP") return Answer(request);
    std::string transport(request.headers.Get("Transport"));
    if (transport.find("interleaved") == std::string::npos) transport += ";server_port=9-10";
    return Answer(request, "200 OK", "Session: 4711;timeout=60\r\nTransport: " + transport + "\r\n");
  }
  static std::string Description(bool audio = false) {
    return std::string("v=0\r\ns=cam\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:video\r\n") +
           (audio ? "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\n"
                    "a=fmtp:97 mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\n"
                    "a=control:audio\r\n"
                  : "");
  }
  // An interleaved frame with an RTP packet.
  static std::string Frame(int channel, int sequence, const std::string& payload = "\x41-picture") {
    std::string rtp{'\x80', '\x60', static_cast<char>(sequence >> 8), static_cast<char>(sequence)};
    rtp += std::string("\0\0\0\1\0\0\0\2", 8) + payload;
    std::string frame{'$', static_cast<char>(channel), static_cast<char>(rtp.size() >> 8),
                      static_cast<char>(rtp.size())};
    return frame + rtp;
  }

 private:
  void Serve() {
    while (!closing_) {
      client_ = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client_ < 0) return;
      ++connections_;
      hang_up_ = playing_ = false;
      ServeClient();
      close(client_);
    }
  }

  void ServeClient() {
    StreamParser parser;
    std::vector<uint8_t> buffer;
    while (!closing_ && !hang_up_) {
      pollfd waited{client_, POLLIN, 0};
      if (poll(&waited, 1, 5) > 0) {
        uint8_t bytes[8192];
        const ssize_t count = recv(client_, bytes, sizeof bytes, 0);
        if (count <= 0) return;
        buffer.insert(buffer.end(), bytes, bytes + count);
        Take(parser, &buffer);
      }
      if (!hang_up_) Idle();
    }
  }

  void Idle() {
    std::function<void(FakeCamera&)> idle;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      idle = idle_;
    }
    if (idle) idle(*this);
  }

  void Take(StreamParser& parser, std::vector<uint8_t>* buffer) {
    while (!buffer->empty() && !hang_up_) {
      StreamParser::Item item = parser.Next(buffer->data(), buffer->size());
      if (item.kind == StreamParser::Kind::kNeedMore) return;
      if (item.kind == StreamParser::Kind::kInterleaved) ++reports_;
      if (item.kind == StreamParser::Kind::kMessage) TakeMessage(item.message);
      buffer->erase(buffer->begin(), buffer->begin() + static_cast<std::ptrdiff_t>(item.consumed));
    }
  }

  void TakeMessage(const Message& message) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      (message.is_request ? requests_ : answers_).push_back(message);
    }
    if (!message.is_request) return;
    std::optional<std::string> answer;
    if (script_) answer = script_(*this, message);
    if (!answer) answer = Polite(message);
    Send(*answer);
    if (message.method == "PLAY") playing_ = true;
  }

  const Script script_;
  std::function<void(FakeCamera&)> idle_;
  const std::string address_;
  const int fd_;
  int client_ = -1;
  std::atomic<bool> closing_{false};
  std::atomic<bool> hang_up_{false};
  std::atomic<bool> playing_{false};
  std::atomic<int> connections_{0};
  std::atomic<int> reports_{0};
  mutable std::mutex mutex_;
  std::vector<Message> requests_;
  std::vector<Message> answers_;
  std::thread thread_;
};

}  // namespace chrys::rtsp
