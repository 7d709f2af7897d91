#include "rtsp/message.h"

#include "rtsp/text.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace chrys::rtsp {

namespace {

constexpr int64_t kMaxCseq = int64_t{1} << 53;
constexpr size_t kMaxHeaderNameBytes = 64;
// Up to this many bytes of line ends between two items are skipped without being reported.
constexpr size_t kMaxLineEndBytes = 16;
constexpr size_t kMaxUndeclaredSdpBytes = 64 << 10;
constexpr size_t kFrameHeaderBytes = 4;
// The smallest RTCP packet. After garbage, a shorter frame counts as garbage too.
constexpr size_t kMinFrameBytes = 8;
// After garbage, a longer request line counts as garbage too.
constexpr size_t kMaxRequestLineAfterGarbage = 1024;

constexpr std::string_view kAnswerStart = "RTSP/1.";
constexpr std::string_view kMethods[] = {"OPTIONS ",  "ANNOUNCE ", "SET_PARAMETER ", "GET_PARAMETER ",
                                         "REDIRECT ", "DESCRIBE ", "SETUP ",         "PLAY ",
                                         "PAUSE ",    "TEARDOWN ", "RECORD "};

enum class Start { kNone, kPartial, kAnswer, kRequest };

// Whether the text begins like an answer or a request. kPartial: the text ends before that can be decided.
Start StartOf(std::string_view text) {
  bool partial = false;
  const auto matches = [&](std::string_view start) {
    if (StartsWith(text, start)) return true;
    partial = partial || (text.size() < start.size() && StartsWith(start, text));
    return false;
  };
  if (matches(kAnswerStart)) return Start::kAnswer;
  for (const std::string_view method : kMethods) {
    if (matches(method)) return Start::kRequest;
  }
  return partial ? Start::kPartial : Start::kNone;
}

// Whether an item can begin with this byte, or with a line end before it.
bool CanBeginItem(uint8_t byte) {
  return byte == '$' || byte == '\r' || byte == '\n' ||
         (byte < 0x80 && std::strchr("ROASGDPT", byte) != nullptr && byte != 0);
}

enum class Tristate { kNo, kYes, kUnknown };

// Whether the text begins like a header line: a name and a colon. kUnknown: the text ends before that can be decided.
Tristate LooksLikeHeader(std::string_view text) {
  for (size_t i = 0; i < text.size() && i <= kMaxHeaderNameBytes; ++i) {
    const char c = text[i];
    if (c == ':') return i > 0 ? Tristate::kYes : Tristate::kNo;
    if (!IsLetter(c) && (i == 0 || (!IsDigit(c) && c != '-' && c != '_'))) return Tristate::kNo;
  }
  return text.size() > kMaxHeaderNameBytes ? Tristate::kNo : Tristate::kUnknown;
}

// Reads "RTSP/1.0 200 OK". Cameras leave the text out, or write several blanks.
bool ParseStatusLine(std::string_view line, Message* message) {
  TakeWord(line);
  const auto status = LeadingNumber(TakeWord(line), 999);
  if (!status || *status < 100) return false;
  message->status = static_cast<int>(*status);
  message->reason = std::string(Trim(line));
  return true;
}

bool ParseRequestLine(std::string_view line, Message* message) {
  const std::string_view method = TakeWord(line);
  const std::string_view uri = TakeWord(line);
  if (uri.empty() || !StartsWith(TakeWord(line), "RTSP/")) return false;
  message->is_request = true;
  message->method = std::string(method);
  message->uri = std::string(uri);
  return true;
}

// Unfolds the header lines. Lines without a colon are ignored.
Headers ParseHeaderLines(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> fields;
  while (!text.empty()) {
    const std::string_view line = TakeUntil(text, '\n');
    const std::string_view content = Trim(line);
    if (content.empty()) continue;
    if (IsBlank(line.front()) && !fields.empty()) {
      fields.back().second.append(fields.back().second.empty() ? "" : " ").append(content);
      continue;
    }
    const size_t colon = content.find(':');
    if (colon == std::string_view::npos || colon == 0) continue;
    fields.emplace_back(Trim(content.substr(0, colon)), Trim(content.substr(colon + 1)));
  }
  Headers headers;
  for (auto& [name, value] : fields) headers.Add(std::move(name), std::move(value));
  return headers;
}

// Whether a description must follow, as in the answer to DESCRIBE.
bool AnnouncesSdp(const Message& message) {
  if (!message.is_request && (message.status != 200 || message.headers.Has("Session"))) return false;
  return Lower(message.headers.Get("Content-Type")).find("sdp") != std::string::npos;
}

// Whether an empty line ends the head. Some cameras put an empty line between two header lines; Luma puts a line of
// blanks there.
Tristate IsEndOfHead(std::string_view line, std::string_view after, bool has_length) {
  const bool has_blanks = !line.empty() && IsBlank(line.front());
  if (has_blanks) {
    // A folded line continues the head, unless the next item follows.
    if (after.empty()) return Tristate::kUnknown;
    const Start start = StartOf(after);
    if (start == Start::kPartial) return Tristate::kUnknown;
    return after.front() == '$' || start != Start::kNone ? Tristate::kYes : Tristate::kNo;
  }
  if (has_length || after.empty()) return Tristate::kYes;
  // The rest of a header line comes with the next TCP segment at the latest, so a name without its colon waits for it.
  switch (LooksLikeHeader(after)) {
    case Tristate::kYes:
      return Tristate::kNo;
    case Tristate::kUnknown:
      return Tristate::kUnknown;
    case Tristate::kNo:
      break;
  }
  return Tristate::kYes;
}

StreamParser::Item TooLarge(size_t consumed, std::string problem) {
  StreamParser::Item item;
  item.kind = StreamParser::Kind::kTooLarge;
  item.consumed = consumed;
  item.problem = std::move(problem);
  return item;
}

std::string TooManyBytes(const char* what, size_t max) {
  return std::string(what) + " is longer than " + std::to_string(max) + " bytes.";
}

std::string WithoutLineEnds(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    if (c == '\r' || c == '\n' || c == '\0') c = ' ';
  }
  return line;
}

}  // namespace

std::string_view Headers::Get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return {};
}

bool Headers::Has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const auto& field) { return EqualsIgnoringCase(field.first, name); });
}

std::vector<std::string_view> Headers::All(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [key, value] : fields_) {
    if (EqualsIgnoringCase(key, name)) values.push_back(value);
  }
  return values;
}

int64_t Message::cseq() const { return LeadingNumber(headers.Get("CSeq"), kMaxCseq).value_or(-1); }

void StreamParser::SetChannels(const std::vector<int>& channels) {
  any_channel_ = false;
  channels_.fill(false);
  for (const int channel : channels) {
    if (channel >= 0 && channel < static_cast<int>(channels_.size())) channels_[static_cast<size_t>(channel)] = true;
  }
}

StreamParser::Item StreamParser::Next(const uint8_t* data, size_t size) {
  if (size < needed_) return Item();
  size_t line_ends = 0;
  while (line_ends < size && (data[line_ends] == '\r' || data[line_ends] == '\n')) ++line_ends;
  if (line_ends > kMaxLineEndBytes) {
    Item item;
    item.kind = Kind::kGarbage;
    item.consumed = line_ends;
    return item;
  }
  if (line_ends == size) return Item();

  needed_ = 0;
  Item item = NextItem(data + line_ends, size - line_ends);
  if (item.kind == Kind::kNeedMore) {
    if (needed_ > 0) needed_ += line_ends;
    return item;
  }
  item.consumed += line_ends;
  scan_ = Scan();
  in_garbage_ = item.kind == Kind::kGarbage;
  return item;
}

StreamParser::Item StreamParser::NextItem(const uint8_t* data, size_t size) {
  if (data[0] == '$') return NextFrame(data, size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  switch (StartOf(text)) {
    case Start::kPartial:
      return Item();
    case Start::kNone:
      return Garbage(data, size);
    case Start::kRequest:
      if (in_garbage_ && text.substr(0, kMaxRequestLineAfterGarbage).find('\n') == std::string_view::npos) {
        return size < kMaxRequestLineAfterGarbage ? Item() : Garbage(data, size);
      }
      return NextMessage(data, size);
    case Start::kAnswer:
      break;
  }
  return NextMessage(data, size);
}

StreamParser::Item StreamParser::NextFrame(const uint8_t* data, size_t size) {
  if (size < kFrameHeaderBytes) return Item();
  if (in_garbage_ && !IsPlausibleFrame(data, size)) return Garbage(data, size);
  const size_t length = static_cast<size_t>(data[2]) << 8 | data[3];
  if (size < kFrameHeaderBytes + length) {
    needed_ = kFrameHeaderBytes + length;
    return Item();
  }
  Item item;
  item.kind = Kind::kInterleaved;
  item.consumed = kFrameHeaderBytes + length;
  item.channel = data[1];
  item.data = data + kFrameHeaderBytes;
  item.size = length;
  return item;
}

bool StreamParser::IsPlausibleFrame(const uint8_t* data, size_t size) const {
  if (size > 1 && !any_channel_ && !channels_[data[1]]) return false;
  if (size < kFrameHeaderBytes) return true;
  const size_t length = static_cast<size_t>(data[2]) << 8 | data[3];
  if (length < kMinFrameBytes) return false;
  // RTP and RTCP begin with their version, which is 2.
  if (size > kFrameHeaderBytes && data[kFrameHeaderBytes] >> 6 != 2) return false;
  const size_t end = kFrameHeaderBytes + length;
  return end >= size || CanBeginItem(data[end]);
}

StreamParser::Item StreamParser::Garbage(const uint8_t* data, size_t size) const {
  Item item;
  item.kind = Kind::kGarbage;
  item.consumed = size;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (size_t i = 1; i < size; ++i) {
    if (!CanBeginItem(data[i]) || data[i] == '\r' || data[i] == '\n') continue;
    if (data[i] == '$' ? IsPlausibleFrame(data + i, size - i) : StartOf(text.substr(i)) != Start::kNone) {
      item.consumed = i;
      break;
    }
  }
  if (StartsWith(text, "HTTP/")) item.problem = "The answer is HTTP and not RTSP.";
  return item;
}

// Moves through the lines of a message's head until its end. The position is kept between calls, so that each line is
// parsed only once.
StreamParser::HeadEnd StreamParser::FindHeadEnd(std::string_view text) {
  while (true) {
    const std::string_view rest = text.substr(scan_.line_begin);
    // A frame or an answer inside a head: the camera left out the end of the head.
    if (scan_.lines > 0 && (StartsWith(rest, "$") || StartsWith(rest, kAnswerStart))) {
      scan_.next = scan_.line_begin;
      return HeadEnd::kFound;
    }
    const size_t line_end = rest.find('\n');
    if (line_end == std::string_view::npos) {
      if (rest.size() > kMaxLineBytes) return HeadEnd::kLineTooLong;
      return text.size() > kMaxHeaderBytes ? HeadEnd::kTooLong : HeadEnd::kUnknown;
    }
    if (line_end > kMaxLineBytes) return HeadEnd::kLineTooLong;
    const std::string_view line = rest.substr(0, line_end);
    const std::string_view after = rest.substr(line_end + 1);
    if (Trim(line).empty() && scan_.lines > 0) {
      const Tristate ends = IsEndOfHead(line, after, scan_.has_length);
      if (ends == Tristate::kUnknown) return HeadEnd::kUnknown;
      if (ends == Tristate::kYes) {
        scan_.next = scan_.line_begin + line_end + 1;
        return HeadEnd::kFound;
      }
    }
    if (StartsWithIgnoringCase(line, "Content-Length")) scan_.has_length = true;
    scan_.line_begin += line_end + 1;
    if (scan_.line_begin > kMaxHeaderBytes) return HeadEnd::kTooLong;
    if (++scan_.lines > kMaxHeaderLines + 1) return HeadEnd::kTooManyLines;
  }
}

// Moves scan_.sdp_begin to the end of a description whose length the camera does not say. It ends where a line is not
// one of SDP's ("x=..."), or where the received bytes end with a whole line and at least one "m=" line has come: a
// camera sends a description in one piece. False: more bytes are needed.
bool StreamParser::FindSdpEnd(std::string_view text) {
  scan_.in_sdp = true;
  while (scan_.sdp_begin < text.size()) {
    const std::string_view rest = text.substr(scan_.sdp_begin);
    const size_t line_end = rest.find('\n');
    const std::string_view line = Trim(rest.substr(0, line_end));
    if (!line.empty() && !IsLetter(line[0])) return true;
    if (line.size() > 1 && line[1] != '=') return true;
    if (line_end == std::string_view::npos) return false;
    scan_.has_media = scan_.has_media || StartsWith(line, "m=");
    scan_.sdp_begin += line_end + 1;
  }
  return scan_.has_media;
}

StreamParser::Item StreamParser::NextMessage(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const bool waits = scan_.in_sdp && size - scan_.next <= kMaxUndeclaredSdpBytes;
  if (waits && !FindSdpEnd(text.substr(scan_.next))) return Item();
  switch (FindHeadEnd(text)) {
    case HeadEnd::kUnknown:
      return Item();
    case HeadEnd::kLineTooLong:
      return TooLarge(size, TooManyBytes("A header line", kMaxLineBytes));
    case HeadEnd::kTooLong:
      return TooLarge(size, TooManyBytes("The header of a message", kMaxHeaderBytes));
    case HeadEnd::kTooManyLines:
      return TooLarge(size, "A message has more than " + std::to_string(kMaxHeaderLines) + " header lines.");
    case HeadEnd::kFound:
      break;
  }

  Item item;
  std::string_view head = text.substr(0, scan_.next);
  const std::string_view first_line = Trim(TakeUntil(head, '\n'));
  const bool is_answer = StartsWith(first_line, kAnswerStart);
  if (is_answer ? !ParseStatusLine(first_line, &item.message) : !ParseRequestLine(first_line, &item.message)) {
    return Garbage(data, size);
  }
  item.message.headers = ParseHeaderLines(head);
  item.kind = Kind::kMessage;
  AddBody(text.substr(scan_.next), &item);
  if (item.kind == Kind::kTooLarge) item.consumed = size;
  return item;
}

// Takes the body, or turns the item into kNeedMore or kTooLarge. A Content-Length that is not a number counts as
// missing.
void StreamParser::AddBody(std::string_view text, Item* item) {
  Message& message = item->message;
  size_t length = 0;
  const std::string_view declared = message.headers.Get("Content-Length");
  if (!declared.empty() && IsDigit(declared.front())) {
    const auto number = LeadingNumber(declared, kMaxBodyBytes);
    if (!number) {
      *item = TooLarge(0, TooManyBytes("The body of a message", kMaxBodyBytes));
      return;
    }
    length = static_cast<size_t>(*number);
  } else if (AnnouncesSdp(message) || StartsWith(text, "v=0")) {
    const bool found = FindSdpEnd(text);
    if ((found ? scan_.sdp_begin : text.size()) > kMaxUndeclaredSdpBytes) {
      *item = TooLarge(0, TooManyBytes("A description without Content-Length", kMaxUndeclaredSdpBytes));
      return;
    }
    if (!found) {
      *item = Item();
      return;
    }
    length = scan_.sdp_begin;
  }
  if (text.size() < length) {
    needed_ = scan_.next + length;
    *item = Item();
    return;
  }
  message.body = std::string(text.substr(0, length));
  item->consumed = scan_.next + length;
}

std::string Serialize(const Message& message, int64_t cseq) {
  std::string text;
  if (message.is_request) {
    text = WithoutLineEnds(message.method) + " " + WithoutLineEnds(message.uri) + " RTSP/1.0\r\n";
  } else {
    text = "RTSP/1.0 " + std::to_string(message.status) + " " + WithoutLineEnds(message.reason) + "\r\n";
  }
  text += "CSeq: " + std::to_string(cseq) + "\r\n";
  for (const auto& [name, value] : message.headers.fields()) {
    if (EqualsIgnoringCase(name, "CSeq") || EqualsIgnoringCase(name, "Content-Length")) continue;
    text += WithoutLineEnds(name) + ": " + WithoutLineEnds(value) + "\r\n";
  }
  if (!message.body.empty()) text += "Content-Length: " + std::to_string(message.body.size()) + "\r\n";
  return text + "\r\n" + message.body;
}

}  // namespace chrys::rtsp
