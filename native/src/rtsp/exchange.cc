#include "exchange.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "../clock.h"

extern "C" {
#include <libavutil/error.h>
}

namespace chrys::rtsp {

namespace {

// One read takes a burst of several pictures; an interleaved frame is at most 64 KiB.
constexpr size_t kBufferBytes = 256 << 10;
// A connection that sends so much that is neither a message nor a frame does not speak RTSP.
constexpr size_t kMaxGarbageBytes = 256 << 10;
// More than any stream needs; a camera that exceeds one of them for kMaxFloodedSeconds is cut off.
constexpr int kMaxMessagesPerSecond = 200;
constexpr size_t kMaxBytesPerSecond = 64 << 20;
constexpr int kMaxFloodedSeconds = 2;
constexpr int64_t kSecondUs = 1'000'000;

}  // namespace

std::optional<Failure> Exchange::Connect(const ConnectionOptions& options, int64_t deadline_us) {
  buffer_bytes_ = kBufferBytes;
  buffer_.reset(new uint8_t[buffer_bytes_]);
  auto failure = connection_.Connect(options, waiter_, deadline_us);
  connected_ = !failure;
  return failure;
}

std::optional<Failure> Exchange::Broken(Failure failure) {
  broken_ = true;
  return failure;
}

int64_t Exchange::Send(const Message& request) {
  if (!usable()) return 0;
  const std::string text = Serialize(request, ++cseq_);
  if (!connection_.Write(text.data(), text.size())) {
    broken_ = true;
    return 0;
  }
  return cseq_;
}

bool Exchange::SendInterleaved(int channel, const std::vector<uint8_t>& data) {
  if (!usable() || data.size() > 0xffff) return false;
  std::vector<uint8_t> frame{'$', static_cast<uint8_t>(channel), static_cast<uint8_t>(data.size() >> 8),
                             static_cast<uint8_t>(data.size() & 0xff)};
  frame.insert(frame.end(), data.begin(), data.end());
  if (connection_.Write(frame.data(), frame.size())) return true;
  broken_ = true;
  return false;
}

std::optional<Failure> Exchange::Ask(const Message& request, int64_t deadline_us, Message* answer) {
  answer_.reset();
  awaited_ = Send(request);
  if (awaited_ == 0) {
    return Failure{end::kConnectionLost, "The connection broke while " + request.method + " was sent.", 0};
  }
  std::vector<pollfd> none;
  while (!answer_) {
    const Waiter::Woke woke = Wait(none, deadline_us);
    if (woke == Waiter::Woke::kStopped) {
      awaited_ = 0;
      return Failure{end::kStopped, "told to stop"};
    }
    if (woke == Waiter::Woke::kDeadline) {
      awaited_ = 0;
      return Failure{end::kOpenTimeout, "The camera did not answer " + request.method + " in time.", 0};
    }
    if (auto failure = Receive()) {
      if (answer_) break;
      awaited_ = 0;
      if (failure->end == end::kConnectionLost) {
        failure->message = "The camera closed the connection instead of answering " + request.method + ".";
      }
      return failure;
    }
  }
  awaited_ = 0;
  *answer = std::move(*answer_);
  answer_.reset();
  return std::nullopt;
}

Waiter::Woke Exchange::Wait(std::vector<pollfd>& others, int64_t deadline_us) {
  if (usable() && connection_.has_pending()) return Waiter::Woke::kReady;
  const size_t count = others.size();
  if (usable()) {
    const short events = static_cast<short>(POLLIN | (connection_.has_unsent() ? POLLOUT : 0));
    others.push_back({connection_.fd(), events, 0});
  }
  const Waiter::Woke woke = waiter_.Wait(others.data(), others.size(), deadline_us);
  others.resize(count);
  return woke;
}

std::optional<Failure> Exchange::NoteRates(size_t bytes, int64_t now_us) {
  bytes_ += bytes;
  if (now_us - second_began_us_ < kSecondUs) return std::nullopt;
  const bool flooded = messages_ > kMaxMessagesPerSecond || bytes_ > kMaxBytesPerSecond;
  const int messages = messages_;
  const size_t total = bytes_;
  flooded_seconds_ = flooded ? flooded_seconds_ + 1 : 0;
  second_began_us_ = now_us;
  messages_ = 0;
  bytes_ = 0;
  if (flooded_seconds_ < kMaxFloodedSeconds) return std::nullopt;
  return Broken({end::kFlood, "The camera sends " + std::to_string(messages) + " messages and " +
                                  std::to_string(total >> 20) + " MiB a second.", 0});
}

std::optional<Failure> Exchange::Receive() {
  if (!usable()) return Failure{end::kConnectionLost, "The connection to the camera is closed.", 0};
  if (connection_.has_unsent() && !connection_.Flush()) {
    return Broken({end::kConnectionLost, "The camera closed the connection.", AVERROR(connection_.error())});
  }
  const long count = connection_.Read(buffer_.get() + end_, buffer_bytes_ - end_);
  const int64_t now_us = MonotonicUs();
  if (count < 0) {
    const int error = connection_.error();
    if (!spoke_rtsp_ && (garbage_bytes_ > 0 || end_ > begin_)) {
      return Broken({end::kProtocolError, "What answers there does not speak RTSP.", 0});
    }
    return Broken({end::kConnectionLost,
                   error == 0 ? "The camera closed the connection."
                              : std::string("The connection broke: ") + std::strerror(error) + ".",
                   error == 0 ? 0 : AVERROR(error)});
  }
  if (count == 0) return std::nullopt;
  end_ += static_cast<size_t>(count);
  if (auto failure = NoteRates(static_cast<size_t>(count), now_us)) return failure;
  return Parse(now_us);
}

void Exchange::Grow() {
  std::unique_ptr<uint8_t[]> larger(new uint8_t[2 * buffer_bytes_]);
  std::memcpy(larger.get(), buffer_.get(), end_);
  buffer_ = std::move(larger);
  buffer_bytes_ *= 2;
}

std::optional<Failure> Exchange::Parse(int64_t arrival_us) {
  while (begin_ < end_) {
    StreamParser::Item item = parser_.Next(buffer_.get() + begin_, end_ - begin_);
    switch (item.kind) {
      case StreamParser::Kind::kNeedMore:
        // A message may be larger than a read; its own limits end this.
        if (end_ - begin_ == buffer_bytes_) Grow();
        if (begin_ > 0) {
          // What is left is mostly a part of one packet, and the next read has the whole buffer.
          std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
          end_ -= begin_;
          begin_ = 0;
        }
        return std::nullopt;
      case StreamParser::Kind::kTooLarge:
        return Broken({end::kMessageTooLarge, item.problem, 0});
      case StreamParser::Kind::kGarbage:
        garbage_bytes_ += item.consumed;
        if (garbage_bytes_ > kMaxGarbageBytes) {
          return Broken({end::kProtocolError,
                         spoke_rtsp_ ? "The camera sends bytes that are neither RTSP nor video."
                                     : "What answers there does not speak RTSP.",
                         0});
        }
        break;
      case StreamParser::Kind::kInterleaved:
        spoke_rtsp_ = true;
        garbage_bytes_ = 0;
        receiver_.OnInterleaved(item.channel, item.data, item.size, arrival_us);
        break;
      case StreamParser::Kind::kMessage:
        spoke_rtsp_ = true;
        garbage_bytes_ = 0;
        ++messages_;
        OnMessage(std::move(item.message));
        break;
    }
    begin_ += item.consumed;
  }
  begin_ = end_ = 0;
  return std::nullopt;
}

void Exchange::OnMessage(Message message) {
  if (message.is_request) {
    Message answer;
    const bool known = message.method == "OPTIONS" || message.method == "ANNOUNCE" || message.method == "REDIRECT" ||
                       message.method == "SET_PARAMETER" || message.method == "GET_PARAMETER" ||
                       message.method == "TEARDOWN";
    answer.status = known ? 200 : 501;
    answer.reason = known ? "OK" : "Not Implemented";
    if (message.method == "OPTIONS") {
      answer.headers.Add("Public", "OPTIONS, ANNOUNCE, SET_PARAMETER, GET_PARAMETER, REDIRECT, TEARDOWN");
    }
    const std::string text = Serialize(answer, message.cseq() < 0 ? 0 : message.cseq());
    if (!connection_.Write(text.data(), text.size())) broken_ = true;
    receiver_.OnRequest(message);
    return;
  }
  const int64_t cseq = message.cseq();
  // Cameras answer with wrong numbers or none. Only the number of an earlier request of ours shows that an answer is
  // late.
  const bool late = cseq > 0 && cseq < awaited_;
  if (awaited_ > 0 && !answer_ && !late) {
    answer_ = std::move(message);
    return;
  }
  receiver_.OnAnswer(cseq, message);
}

void Exchange::Close() {
  if (connected_) connection_.Close();
  connected_ = false;
}

}  // namespace chrys::rtsp
