// The contents of an RTSP connection (RFC 2326): requests, answers and interleaved frames.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace chrys::rtsp {

// Header fields in the order in which they came. Names compare without regard to case.
class Headers {
 public:
  void Add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // The first field of that name; empty when there is none.
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  std::vector<std::string_view> All(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct Message {
  bool is_request = false;
  std::string method;  // only of a request
  std::string uri;     // only of a request
  int status = 0;      // only of an answer
  std::string reason;  // only of an answer: the camera's text after the status
  Headers headers;
  std::string body;

  // CSeq, or -1 when it is missing or not a number.
  int64_t cseq() const;
};

// Maximum sizes. A camera that exceeds one of them is disconnected.
constexpr size_t kMaxLineBytes = 16 << 10;
constexpr size_t kMaxHeaderBytes = 64 << 10;  // start line and all header lines of a message
constexpr size_t kMaxHeaderLines = 256;
constexpr size_t kMaxBodyBytes = 256 << 10;

// Finds the messages and interleaved frames in the bytes of a connection. Tolerates what cameras are known to send: LF
// line ends, folded and empty header lines, missing Content-Length, garbage between frames. Thread: one.
class StreamParser {
 public:
  enum class Kind {
    kNeedMore,     // the buffer holds no whole item yet
    kInterleaved,  // channel, data and size are set
    kMessage,      // message is set
    kGarbage,      // `consumed` bytes are neither, and must be skipped
    kTooLarge,     // `problem` names the limit and its value; the connection must be closed
  };
  struct Item {
    Kind kind = Kind::kNeedMore;
    size_t consumed = 0;  // bytes of the buffer that the item takes; 0 for kNeedMore
    uint8_t channel = 0;
    const uint8_t* data = nullptr;  // payload of an interleaved frame, inside the buffer
    size_t size = 0;
    Message message;
    std::string problem;
  };

  // The channels of this session. After garbage, a frame of another channel counts as garbage too. Until the first call
  // every channel is accepted.
  void SetChannels(const std::vector<int>& channels);

  // Looks at the first bytes of the buffer. The caller removes `consumed` bytes and calls again with the rest.
  // Calls with an incomplete interleaved frame read only its first four bytes.
  Item Next(const uint8_t* data, size_t size);

 private:
  // The state of the search for the end of the message at the front of the buffer.
  struct Scan {
    size_t line_begin = 0;  // offset of the first line that is not complete yet
    size_t lines = 0;
    bool has_length = false;
    size_t next = 0;         // offset after the head, when its end is known
    bool in_sdp = false;     // searches for the end of a description without Content-Length
    size_t sdp_begin = 0;    // offset in the body where the search continues
    bool has_media = false;  // an "m=" line came before sdp_begin
  };
  enum class HeadEnd { kFound, kUnknown, kLineTooLong, kTooLong, kTooManyLines };

  Item NextItem(const uint8_t* data, size_t size);
  Item NextFrame(const uint8_t* data, size_t size);
  Item NextMessage(const uint8_t* data, size_t size);
  HeadEnd FindHeadEnd(std::string_view text);
  bool FindSdpEnd(std::string_view text);
  void AddBody(std::string_view text, Item* item);
  Item Garbage(const uint8_t* data, size_t size) const;
  bool IsPlausibleFrame(const uint8_t* data, size_t size) const;

  std::array<bool, 256> channels_{};
  bool any_channel_ = true;
  bool in_garbage_ = false;
  size_t needed_ = 0;  // bytes that the item at the front of the buffer takes; 0: unknown
  Scan scan_;
};

// The bytes of a request or an answer. CSeq is the first header. Content-Length is added for a body.
std::string Serialize(const Message& message, int64_t cseq);

}  // namespace chrys::rtsp
