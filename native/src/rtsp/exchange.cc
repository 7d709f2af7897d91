#include "rtsp/exchange.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/clock.h"

extern "C" {
#include <libavutil/error.h>
}

namespace chrys::rtsp {

namespace {

// One read takes a burst of several pictures; an interleaved frame is at most 64 KiB.
constexpr size_t kBufferBytes = 256 << 10;
// A connection that sends more bytes than this that are neither a message nor a frame does not speak RTSP.
constexpr size_t kMaxGarbageBytes = 256 << 10;
// More than any stream needs. A camera that exceeds one of them for kMaxFloodedSeconds is disconnected.
constexpr int kMaxMessagesPerSecond = 200;
constexpr size_t kMaxPacketsPerSecond = 200'000;
constexpr size_t kMaxBytesPerSecond = 64 << 20;
constexpr int kMaxFloodedSeconds = 2;
constexpr int64_t kSecondUs = 1'000'000;
// Some cameras never answer keepalive requests.
constexpr size_t kMaxUnanswered = 16;

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
  if (failure.end == end::kConnectionLost) lost_ = true;
  return failure;
}

bool Exchange::Write(const void* data, size_t size) {
  if (!can_send()) return false;
  if (connection_.Write(data, size)) return true;
  broken_ = lost_ = true;
  return false;
}

int64_t Exchange::Send(const Message& request) {
  const std::string text = Serialize(request, ++cseq_);
  if (!Write(text.data(), text.size())) return 0;
  unanswered_.push_back(cseq_);
  if (unanswered_.size() > kMaxUnanswered) unanswered_.pop_front();
  return cseq_;
}

bool Exchange::SendInterleaved(int channel, const std::vector<uint8_t>& data) {
  if (channel < 0 || channel > 0xff || data.size() > 0xffff) return false;
  std::vector<uint8_t> frame{'$', static_cast<uint8_t>(channel), static_cast<uint8_t>(data.size() >> 8),
                             static_cast<uint8_t>(data.size() & 0xff)};
  frame.insert(frame.end(), data.begin(), data.end());
  return Write(frame.data(), frame.size());
}

std::optional<Failure> Exchange::Ask(const Message& request, int64_t deadline_us, Message* answer) {
  answer_.reset();
  awaited_ = Send(request);
  if (awaited_ == 0) {
    return Failure{end::kConnectionLost, "The connection failed while " + request.method + " was sent.", 0};
  }
  std::vector<pollfd> none;
  bool expired = false;
  while (!answer_) {
    const Waiter::Woke woke = expired ? Waiter::Woke::kDeadline : Wait(none, deadline_us);
    if (woke == Waiter::Woke::kStopped) {
      awaited_ = 0;
      return Failure{end::kStopped, ""};
    }
    if (woke == Waiter::Woke::kDeadline) {
      awaited_ = 0;
      return Failure{end::kOpenTimeout, "The camera did not answer " + request.method + ".", 0};
    }
    if (auto failure = Receive()) {
      if (answer_) break;
      awaited_ = 0;
      if (failure->end == end::kConnectionLost) {
        failure->message = "The camera closed the connection instead of answering " + request.method + ".";
      }
      return failure;
    }
    // A camera that never stops sending keeps the connection ready, and Wait does not see the deadline.
    expired = MonotonicUs() >= deadline_us;
  }
  awaited_ = 0;
  *answer = std::move(*answer_);
  answer_.reset();
  return std::nullopt;
}

Waiter::Woke Exchange::Wait(std::vector<pollfd>& others, int64_t deadline_us) {
  // Receive returns at once, and says why nothing more can be read.
  if (!usable() || connection_.has_pending()) {
    return waiter_.stopped() ? Waiter::Woke::kStopped : Waiter::Woke::kReady;
  }
  const size_t count = others.size();
  const short events = static_cast<short>(POLLIN | (connection_.has_unsent() ? POLLOUT : 0));
  others.push_back({connection_.fd(), events, 0});
  const Waiter::Woke woke = waiter_.Wait(others.data(), others.size(), deadline_us);
  others.resize(count);
  return woke;
}

std::optional<Failure> Exchange::NoteRates(size_t packets, size_t bytes, int64_t now_us) {
  packets_ += packets;
  bytes_ += bytes;
  if (now_us - second_began_us_ < kSecondUs) return std::nullopt;
  const bool flooded =
      messages_ > kMaxMessagesPerSecond || packets_ > kMaxPacketsPerSecond || bytes_ > kMaxBytesPerSecond;
  const int messages = std::exchange(messages_, 0);
  const size_t packet_count = std::exchange(packets_, 0);
  const size_t total = std::exchange(bytes_, 0);
  flooded_seconds_ = flooded ? flooded_seconds_ + 1 : 0;
  second_began_us_ = now_us;
  if (flooded_seconds_ < kMaxFloodedSeconds) return std::nullopt;
  return Broken({end::kFlood,
                 "The camera sends " + std::to_string(messages) + " messages, " + std::to_string(packet_count) +
                     " packets and " + std::to_string(total >> 20) + " MiB a second.",
                 0});
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
      return Broken({end::kProtocolError, "The server at this address does not speak RTSP.", 0});
    }
    return Broken({end::kConnectionLost,
                   error == 0 ? "The camera closed the connection."
                              : std::string("The connection failed: ") + std::strerror(error) + ".",
                   error == 0 ? 0 : AVERROR(error)});
  }
  if (count == 0) return std::nullopt;
  end_ += static_cast<size_t>(count);
  if (auto failure = NoteRates(0, static_cast<size_t>(count), now_us)) return failure;
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
          // The rest is usually a part of one packet. After this, the next read has the whole buffer.
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
                                     : "The server at this address does not speak RTSP.",
                         0});
        }
        break;
      case StreamParser::Kind::kInterleaved:
        spoke_rtsp_ = true;
        garbage_bytes_ = 0;
        ++packets_;
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

// Whether an answer belongs to an earlier request. Some cameras answer with wrong numbers or none. So a number below
// the awaited one counts only if the request of that number has no answer yet, or if this camera's numbers were right
// before.
bool Exchange::IsLate(int64_t cseq) const {
  if (cseq <= 0 || cseq >= awaited_) return false;
  return numbers_match_ || std::find(unanswered_.begin(), unanswered_.end(), cseq) != unanswered_.end();
}

bool Exchange::ForgetUnanswered(int64_t cseq) {
  const auto found = std::find(unanswered_.begin(), unanswered_.end(), cseq);
  if (found == unanswered_.end()) return false;
  unanswered_.erase(found);
  return true;
}

void Exchange::OnMessage(Message message) {
  if (message.is_request) {
    AnswerRequest(message);
    receiver_.OnRequest(message);
    return;
  }
  // A provisional answer, such as "Continue": the final answer follows.
  if (message.status < 200) return;
  const int64_t cseq = message.cseq();
  if (awaited_ > 0 && !answer_ && !IsLate(cseq)) {
    // The number 1 proves nothing: some cameras write it into every answer.
    numbers_match_ = numbers_match_ || (cseq == awaited_ && cseq > 1);
    ForgetUnanswered(awaited_);
    answer_ = std::move(message);
    return;
  }
  receiver_.OnAnswer(ForgetUnanswered(cseq) ? cseq : 0, message);
}

void Exchange::AnswerRequest(const Message& request) {
  const std::string& method = request.method;
  const bool known = method == "OPTIONS" || method == "ANNOUNCE" || method == "REDIRECT" || method == "SET_PARAMETER" ||
                     method == "GET_PARAMETER" || method == "TEARDOWN";
  Message answer;
  answer.status = known ? 200 : 501;
  answer.reason = known ? "OK" : "Not Implemented";
  if (method == "OPTIONS") {
    answer.headers.Add("Public", "OPTIONS, ANNOUNCE, SET_PARAMETER, GET_PARAMETER, REDIRECT, TEARDOWN");
  }
  const std::string text = Serialize(answer, std::max<int64_t>(request.cseq(), 0));
  (void)Write(text.data(), text.size());
}

void Exchange::Close() {
  if (connected_) connection_.Close();
  connected_ = false;
}

}  // namespace chrys::rtsp
