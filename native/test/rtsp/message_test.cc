// The parser of a connection's bytes, with correct and incorrect cameras: `message_test`.
#include "rtsp/message.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace chrys;
using namespace chrys::rtsp;

namespace {

using Kind = StreamParser::Kind;
using Item = StreamParser::Item;

// An interleaved frame with an RTP packet of `size` bytes in it.
std::string Frame(int channel, size_t size = 24, char fill = 1) {
  std::string frame{'$', static_cast<char>(channel), static_cast<char>(size >> 8), static_cast<char>(size & 255)};
  frame += '\x80';
  return frame + std::string(size - 1, fill);
}

// All items of the bytes, as if they came in pieces of `piece` bytes. Stops at kTooLarge.
std::vector<Item> Parse(StreamParser& parser, const std::string& bytes, size_t piece = std::string::npos) {
  std::vector<Item> items;
  std::string buffer;
  for (size_t sent = 0; sent < bytes.size();) {
    buffer += bytes.substr(sent, piece);
    sent += std::min(piece, bytes.size() - sent);
    while (!buffer.empty()) {
      Item item = parser.Next(reinterpret_cast<const uint8_t*>(buffer.data()), buffer.size());
      if (item.kind == Kind::kNeedMore) break;
      CHECK(item.consumed > 0);
      CHECK(item.consumed <= buffer.size());
      buffer.erase(0, item.consumed);
      item.data = nullptr;
      items.push_back(item);
      if (item.kind == Kind::kTooLarge) return items;
    }
  }
  return items;
}

std::vector<Item> Parse(const std::string& bytes, size_t piece = std::string::npos) {
  StreamParser parser;
  return Parse(parser, bytes, piece);
}

// The items without garbage.
std::vector<Item> Useful(const std::vector<Item>& items) {
  std::vector<Item> useful;
  for (const Item& item : items) {
    if (item.kind != Kind::kGarbage) useful.push_back(item);
  }
  return useful;
}

bool IsAnswer(const Item& item, int status, int64_t cseq) {
  return item.kind == Kind::kMessage && !item.message.is_request && item.message.status == status &&
         item.message.cseq() == cseq;
}

bool IsFrame(const Item& item, int channel, size_t size) {
  return item.kind == Kind::kInterleaved && item.channel == channel && item.size == size;
}

TEST_CASE("an answer is read in pieces of any size") {
  const std::string bytes =
      "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n" + Frame(0) +
      "RTSP/1.0 401 Unauthorized\r\nCSeq: 3\r\nWWW-Authenticate: Digest realm=\"a\"\r\nwww-authenticate: Basic\r\n\r\n";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{64}, bytes.size()}) {
    const auto items = Parse(bytes, piece);
    CHECK(items.size() == 3);
    if (items.size() != 3) return;
    CHECK(IsAnswer(items[0], 200, 2));
    CHECK(items[0].message.body == "v=0\r\n");
    CHECK(items[0].message.reason == "OK");
    CHECK(IsFrame(items[1], 0, 24));
    CHECK(IsAnswer(items[2], 401, 3));
    CHECK(items[2].message.headers.All("WWW-Authenticate").size() == 2);
  }
}

TEST_CASE("odd status lines are accepted") {
  for (const char* line : {"RTSP/1.0 453", "RTSP/1.0 453 ", "RTSP/1.0  453  Not Enough Bandwidth"}) {
    const auto items = Parse(std::string(line) + "\r\n\r\n");
    REQUIRE(items.size() == 1);
    CHECK(IsAnswer(items[0], 453, -1));
  }
}

TEST_CASE("LF alone ends a line") {
  const auto items = Parse("RTSP/1.0 200 OK\nCSeq: 2\nContent-Length: 4\n\nv=0\n" + Frame(1));
  REQUIRE(items.size() == 2);
  CHECK(IsAnswer(items[0], 200, 2));
  CHECK(items[0].message.body == "v=0\n");
}

TEST_CASE("values are trimmed (Longse)") {
  const auto items = Parse("RTSP/1.0 401 Unauthorized\r\nCSeq: 1 \r\nServer:\r\n\r\n");
  REQUIRE(items.size() == 1);
  CHECK(IsAnswer(items[0], 401, 1));
  CHECK(items[0].message.headers.Has("server"));
  CHECK(items[0].message.headers.Get("server").empty());
}

TEST_CASE("folded headers are unfolded") {
  const auto items = Parse("RTSP/1.0 200 OK\r\nCSeq: 4\r\nRTP-Info: url=a;seq=1,\r\n\turl=b;seq=2\r\n\r\n");
  REQUIRE(items.size() == 1);
  CHECK(items[0].message.headers.Get("RTP-Info") == "url=a;seq=1, url=b;seq=2");
}

TEST_CASE("reading continues after a line of blanks (Luma)") {
  const std::string bytes =
      "RTSP/1.0 200 OK\r\nCSeq: 6\r\nSession: 821724453759789\r\n \r\nRTP-Info: url=a;seq=56350\r\n\r\n" + Frame(3);
  for (const size_t piece : {size_t{1}, bytes.size()}) {
    const auto items = Parse(bytes, piece);
    REQUIRE(items.size() == 2);
    CHECK(IsAnswer(items[0], 200, 6));
    CHECK(IsFrame(items[1], 3, 24));
    CHECK(items[0].message.headers.Get("RTP-Info") == "url=a;seq=56350");
    CHECK(items[0].message.headers.Get("Session") == "821724453759789");
  }
  const auto ended = Parse("RTSP/1.0 200 OK\r\nCSeq: 6\r\n \r\n" + Frame(3));
  REQUIRE(ended.size() == 2);
  CHECK(IsFrame(ended[1], 3, 24));
}

TEST_CASE("reading continues after an empty line") {
  const auto items = Parse("RTSP/1.0 200 OK\r\nCSeq: 6\r\n\r\nContent-Length: 3\r\n\r\nabc" + Frame(3));
  REQUIRE(items.size() == 2);
  CHECK(IsAnswer(items[0], 200, 6));
  CHECK(items[0].message.body == "abc");
}

TEST_CASE("the next item is not taken for a header") {
  const std::string answer = "RTSP/1.0 200 OK\r\nCSeq: 6\r\n\r\n";
  const auto answers = Parse(answer + answer);
  REQUIRE(answers.size() == 2);
  CHECK(IsAnswer(answers[0], 200, 6));
  CHECK(IsAnswer(answers[1], 200, 6));
  const auto request = Parse(answer + "OPTIONS rtsp://client/ RTSP/1.0\r\nCSeq: 1\r\n\r\n");
  REQUIRE(request.size() == 2);
  CHECK(request[1].message.is_request);
  CHECK(request[1].message.method == "OPTIONS");
  CHECK(request[1].message.uri == "rtsp://client/");
  CHECK(request[1].message.cseq() == 1);
  // A body that looks like a header line, after a Content-Length.
  const auto body = Parse("RTSP/1.0 200 OK\r\nContent-Length: 6\r\n\r\na: b\r\n");
  REQUIRE(body.size() == 1);
  CHECK(body[0].message.body == "a: b\r\n");
}

TEST_CASE("a head that the camera cut short ends") {
  const auto frame = Parse("RTSP/1.0 400 Bad Request\r\nCSeq: 6\r\n" + Frame(2));
  REQUIRE(frame.size() == 2);
  CHECK(IsAnswer(frame[0], 400, 6));
  CHECK(IsFrame(frame[1], 2, 24));
  const auto answer = Parse("RTSP/1.0 400 Bad Request\r\nCSeq: 6\r\nRTSP/1.0 200 OK\r\nCSeq: 7\r\n\r\n");
  REQUIRE(answer.size() == 2);
  CHECK(IsAnswer(answer[0], 400, 6));
  CHECK(IsAnswer(answer[1], 200, 7));
}

TEST_CASE("error answers between frames are read") {
  const auto items = Parse(Frame(0) + Frame(1) + "RTSP/1.0 501 Not Implemented\r\n\r\n" + Frame(0), 5);
  REQUIRE(items.size() == 4);
  CHECK(IsAnswer(items[2], 501, -1));
  CHECK(IsFrame(items[3], 0, 24));
}

TEST_CASE("line ends between items are skipped") {
  const auto items = Parse("\r\n" + Frame(0) + "\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 9\r\n\r\n\r\n" + Frame(1), 3);
  REQUIRE(items.size() == 3);
  CHECK(IsFrame(items[0], 0, 24));
  CHECK(IsAnswer(items[1], 200, 9));
  CHECK(IsFrame(items[2], 1, 24));
}

TEST_CASE("the next frame is found after garbage") {
  StreamParser parser;
  parser.SetChannels({0, 1});
  // Dollar signs with other channels, with impossible lengths or without the version of RTP are skipped.
  const std::string garbage = std::string("\0\x7f", 2) + "$\x09" + Frame(7).substr(2) +
                              std::string("$\0\0\1$\0\0\x20", 8) + std::string("\x01zz", 3);
  for (const size_t piece : {size_t{1}, size_t{10}, std::string::npos}) {
    const auto items = Useful(Parse(parser, garbage + Frame(0, 1400) + Frame(1), piece));
    REQUIRE(items.size() == 2);
    CHECK(IsFrame(items[0], 0, 1400));
    CHECK(IsFrame(items[1], 1, 24));
  }
}

TEST_CASE("what follows a frame after garbage is checked") {
  StreamParser parser;
  parser.SetChannels({0});
  // The first dollar sign is followed by 24 bytes that do not end where an item begins.
  const std::string wrong = Frame(0).substr(0, 20);
  const auto items = Useful(Parse(parser, "\x01\x02" + wrong + Frame(0) + Frame(0)));
  REQUIRE(items.size() == 2);
  CHECK(IsFrame(items[0], 0, 24));
}

TEST_CASE("messages are found after garbage") {
  const auto answer = Useful(Parse("\x80\x60zzRTSP/1.0 200 OK\r\nCSeq: 5\r\n\r\n", 4));
  REQUIRE(answer.size() == 1);
  CHECK(IsAnswer(answer[0], 200, 5));
  const auto request = Useful(Parse("\x80zzPLAY DESCRIBE\nSET_PARAMETER rtsp://a/ RTSP/1.0\r\nCSeq: 8\r\n\r\n"));
  REQUIRE(request.size() == 1);
  CHECK(request[0].message.method == "SET_PARAMETER");
  CHECK(request[0].message.cseq() == 8);
}

TEST_CASE("frames of unknown channels are taken while in sync") {
  StreamParser parser;
  parser.SetChannels({0, 1});
  const auto items = Parse(parser, Frame(6) + Frame(0));
  REQUIRE(items.size() == 2);
  CHECK(IsFrame(items[0], 6, 24));
  CHECK(IsFrame(items[1], 0, 24));
}

TEST_CASE("an answer of an HTTP server is named") {
  const auto items = Parse("HTTP/1.1 400 Bad Request\r\n\r\n");
  REQUIRE(!items.empty());
  CHECK(items[0].kind == Kind::kGarbage);
  CHECK(items[0].problem.find("HTTP") != std::string::npos);
}

TEST_CASE("a description without Content-Length is read") {
  const std::string head = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Type: application/sdp\r\n\r\n";
  const std::string sdp = "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n";
  const auto whole = Parse(head + sdp);
  REQUIRE(whole.size() == 1);
  CHECK(whole[0].message.body == sdp);
  const auto later = Parse(head + sdp, head.size());
  REQUIRE(later.size() == 1);
  CHECK(later[0].message.body == sdp);
  const auto followed = Parse(head + sdp + "RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n" + Frame(0));
  REQUIRE(followed.size() == 3);
  CHECK(followed[0].message.body == sdp);
  CHECK(IsAnswer(followed[1], 200, 3));
  const auto untyped = Parse("RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n" + sdp);
  REQUIRE(untyped.size() == 1);
  CHECK(untyped[0].message.body == sdp);
  const auto refused = Parse("RTSP/1.0 404 Not Found\r\nContent-Type: application/sdp\r\n\r\n");
  REQUIRE(refused.size() == 1);
  CHECK(IsAnswer(refused[0], 404, -1));
  const auto endless = Parse(head + "m=video\r\na=" + std::string(kMaxBodyBytes, 'a'));
  REQUIRE(!endless.empty());
  CHECK(endless.back().kind == Kind::kTooLarge);
}

TEST_CASE("a Content-Length that is not a number is ignored") {
  const auto items = Parse("RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: -7\r\n\r\n" + Frame(0));
  REQUIRE(items.size() == 2);
  CHECK(IsAnswer(items[0], 200, 2));
  CHECK(IsFrame(items[1], 0, 24));
}

TEST_CASE("every length is bounded") {
  const std::string start = "RTSP/1.0 200 OK\r\n";
  const std::string too_large[] = {
      start + "Content-Length: 262145\r\n\r\n",
      start + "Content-Length: 99999999999999999999999\r\n\r\n",
      start + "A: " + std::string(kMaxLineBytes + 1, 'a'),
      start + "A: " + std::string(kMaxLineBytes + 1, 'a') + "\r\n\r\n",
      [&] {
        std::string lines = start;
        for (size_t i = 0; i <= kMaxHeaderLines; ++i) lines += "A: b\r\n";
        return lines;
      }(),
      [&] {
        std::string bytes = start;
        for (int i = 0; i < 7; ++i) bytes += "A: " + std::string(10'000, 'a') + "\r\n";
        return bytes;
      }(),
  };
  for (const std::string& bytes : too_large) {
    const auto items = Parse(bytes);
    REQUIRE(!items.empty());
    CHECK(items.back().kind == Kind::kTooLarge);
    CHECK(!items.back().problem.empty());
  }
  const auto largest = Parse(start + "Content-Length: 262144\r\n\r\n" + std::string(kMaxBodyBytes, 'a'), 4096);
  REQUIRE(largest.size() == 1);
  CHECK(largest[0].message.body.size() == kMaxBodyBytes);
}

TEST_CASE("garbage is never held back for ever") {
  const auto items = Parse(std::string(100'000, '\x55') + std::string(1000, '\n') + Frame(0), 1000);
  REQUIRE(Useful(items).size() == 1);
  CHECK(IsFrame(items.back(), 0, 24));
}

TEST_CASE("requests and answers are written") {
  Message request;
  request.is_request = true;
  request.method = "SET_PARAMETER";
  request.uri = "rtsp://camera/a";
  request.headers.Add("Session", "1\r\n2");
  request.headers.Add("CSeq", "99");
  request.body = "x: y\r\n";
  CHECK(Serialize(request, 7) ==
        "SET_PARAMETER rtsp://camera/a RTSP/1.0\r\nCSeq: 7\r\nSession: 1  2\r\nContent-Length: 6\r\n\r\nx: y\r\n");
  Message answer;
  answer.status = 200;
  answer.reason = "OK";
  CHECK(Serialize(answer, 3) == "RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n");
}

}  // namespace
