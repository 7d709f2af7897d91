// Fuzz target: the bytes of a connection, in pieces. No item may reach outside the buffer, and the parser must always
// make progress.
#include "rtsp/message.h"
#include "rtsp/transport_header.h"
#include "rtsp/url.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

using namespace chrys::rtsp;

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void UseMessage(const Message& message, const std::string& url) {
  Check(message.body.size() <= kMaxBodyBytes);
  Check(message.headers.fields().size() <= kMaxHeaderLines);
  Serialize(message, message.cseq());
  ParseTransport(message.headers.Get("Transport"));
  ParseSession(message.headers.Get("Session"));
  ParseUrl(message.headers.Get("Location"));
  const std::string base = BaseUrl(url, message.headers.Get("Content-Base"), message.headers.Get("Content-Location"));
  const std::string joined = JoinControl(base, message.body);
  Check(std::none_of(joined.begin(), joined.end(), [](unsigned char c) { return c <= 0x20 || c >= 0x7f; }));
}

}  // namespace

// The first byte is the size of the pieces; the second chooses whether the channels are known.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = data[0] == 0 ? size : data[0];
  StreamParser parser;
  if (data[1] & 1) parser.SetChannels({0, 1, 300, -1});
  std::vector<uint8_t> buffer;
  for (size_t sent = 2; sent < size;) {
    const size_t count = std::min(piece, size - sent);
    buffer.insert(buffer.end(), data + sent, data + sent + count);
    sent += count;
    while (!buffer.empty()) {
      // A copy of the exact size, so that the sanitizer sees each read beyond its end.
      const std::vector<uint8_t> copy(buffer);
      const StreamParser::Item item = parser.Next(copy.data(), copy.size());
      if (item.kind == StreamParser::Kind::kNeedMore) {
        Check(item.consumed == 0);
        break;
      }
      Check(item.consumed > 0 && item.consumed <= copy.size());
      if (item.kind == StreamParser::Kind::kTooLarge) return 0;
      if (item.kind == StreamParser::Kind::kInterleaved) {
        Check(item.data >= copy.data() && item.data + item.size <= copy.data() + item.consumed);
      }
      if (item.kind == StreamParser::Kind::kMessage) UseMessage(item.message, "rtsp://camera:554/live?a=b");
      buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(item.consumed));
    }
  }
  return 0;
}
