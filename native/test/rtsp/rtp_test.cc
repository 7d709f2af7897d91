// RTP header, loss and order: `rtp_test`.
#include "rtsp/rtp.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace chrys;
using namespace chrys::rtsp;

namespace {

constexpr int kClockRate = 90'000;

std::vector<uint8_t> Bytes(uint16_t sequence, uint32_t ssrc = 1, const std::string& payload = "data") {
  std::vector<uint8_t> bytes{0x80, 96, static_cast<uint8_t>(sequence >> 8), static_cast<uint8_t>(sequence), 0, 0, 0, 0,
                             0,    0,  static_cast<uint8_t>(ssrc >> 8),     static_cast<uint8_t>(ssrc)};
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

RtpPacket Packet(int sequence, uint32_t ssrc = 1, uint32_t timestamp = 0) {
  RtpPacket packet;
  packet.sequence = static_cast<uint16_t>(sequence);
  packet.ssrc = ssrc;
  packet.timestamp = timestamp;
  return packet;
}

TEST_CASE("the header is parsed") {
  std::vector<uint8_t> bytes = Bytes(0xABCD, 7);
  bytes[1] = 0x80 | 97;
  bytes[4] = 0xFE;
  RtpPacket packet;
  CHECK(ParseRtp(bytes.data(), bytes.size(), &packet));
  CHECK(packet.payload_type == 97);
  CHECK(packet.marker);
  CHECK(packet.sequence == 0xABCD);
  CHECK(packet.ssrc == 7);
  CHECK(packet.timestamp == 0xFE000000);
  CHECK(packet.payload == bytes.data() + 12);
  CHECK(packet.size == 4);
}

TEST_CASE("contributing sources, extension and padding are skipped") {
  std::vector<uint8_t> bytes = Bytes(1, 1, "");
  bytes[0] = 0x80 | 0x20 | 0x10 | 2;
  const std::string rest("aaaabbbb\xBE\xDE\x00\x01xxxxDATA\x00\x00\x03", 23);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  RtpPacket packet;
  CHECK(ParseRtp(bytes.data(), bytes.size(), &packet));
  CHECK(std::string(packet.payload, packet.payload + packet.size) == "DATA");
  for (size_t size = 0; size < 28; ++size) CHECK(!ParseRtp(bytes.data(), size, &packet));
  bytes.back() = 8;  // more padding than payload
  CHECK(!ParseRtp(bytes.data(), bytes.size(), &packet));
  bytes.back() = 0;  // wrong, but sent
  REQUIRE(ParseRtp(bytes.data(), bytes.size(), &packet));
  CHECK(packet.size == 7);
  bytes[0] = 0x40;
  CHECK(!ParseRtp(bytes.data(), bytes.size(), &packet));
}

TEST_CASE("loss is counted") {
  RtpReceiver receiver(kClockRate);
  CHECK(!receiver.any());
  CHECK(receiver.Note(Packet(65'534), 0).lost == 0);
  CHECK(receiver.Note(Packet(65'535), 0).lost == 0);
  const auto seen = receiver.Note(Packet(2), 0);
  CHECK(seen.lost == 2);
  CHECK(!seen.restarted);
  CHECK(!seen.duplicate);
  CHECK(receiver.extended_highest() == 0x10002);
  CHECK(receiver.lost_total() == 2);
  CHECK(receiver.TakeFractionLost() == 2 * 256 / 5);
  CHECK(receiver.TakeFractionLost() == 0);
}

TEST_CASE("duplicates and late packets are dropped") {
  RtpReceiver receiver(kClockRate);
  for (int i = 1; i <= 10; ++i) receiver.Note(Packet(i), 0);
  CHECK(receiver.Note(Packet(10), 0).duplicate);
  CHECK(receiver.Note(Packet(4), 0).duplicate);
  const auto seen = receiver.Note(Packet(11), 0);
  CHECK(!seen.duplicate);
  CHECK(seen.lost == 0);
  CHECK(!seen.restarted);
}

TEST_CASE("a number far away restarts at once, one nearby after two packets") {
  RtpReceiver receiver(kClockRate);
  for (int i = 60; i <= 70; ++i) receiver.Note(Packet(i), 0);
  const auto far = receiver.Note(Packet(30'000), 0);
  CHECK(far.restarted);
  CHECK(far.lost == 0);
  CHECK(!receiver.Note(Packet(30'001), 0).restarted);
  CHECK(receiver.Note(Packet(29'990), 0).duplicate);
  CHECK(receiver.Note(Packet(29'991), 0).restarted);
  CHECK(!receiver.Note(Packet(29'992), 0).restarted);
  CHECK(receiver.lost_total() == 0);
}

TEST_CASE("numbers that mean nothing are ignored") {
  RtpReceiver constant(kClockRate);
  RtpReceiver falling(kClockRate);
  RtpReceiver random(kClockRate);
  uint32_t state = 1;
  for (int i = 0; i < 1000; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    const bool settled = i > 40;
    const RtpReceiver::Seen all[] = {constant.Note(Packet(7), 0), falling.Note(Packet(50'000 - i), 0),
                                     random.Note(Packet(static_cast<int>(state >> 16)), 0)};
    for (const auto& seen : all) CHECK((!settled || (!seen.duplicate && !seen.restarted && seen.lost == 0)));
  }
}

TEST_CASE("a new source is followed") {
  RtpReceiver receiver(kClockRate);
  for (int i = 0; i < 10; ++i) receiver.Note(Packet(i, 1), 0);
  CHECK(receiver.Note(Packet(5'000, 2), 0).restarted);
  CHECK(receiver.ssrc() == 2);
  CHECK(!receiver.Note(Packet(5'001, 2), 0).restarted);
}

TEST_CASE("the next number is taken with any SSRC") {
  RtpReceiver receiver(kClockRate);
  for (int i = 0; i < 100; ++i) {
    const auto seen = receiver.Note(Packet(i, static_cast<uint32_t>(i * 77)), 0);
    CHECK(!seen.restarted);
    CHECK(!seen.duplicate);
    CHECK(seen.lost == 0);
  }
}

// Old live555 sends the packets of a dead session on the new connection.
TEST_CASE("one of two sources on a channel is kept") {
  RtpReceiver receiver(kClockRate);
  int64_t now_us = 0;
  int restarts = 0;
  int taken = 0;
  for (int i = 0; i < 300; ++i, now_us += 10'000) {
    for (const uint32_t ssrc : {1u, 2u}) {
      const auto seen = receiver.Note(Packet(i + static_cast<int>(ssrc) * 20'000, ssrc), now_us);
      if (seen.restarted) ++restarts;
      if (!seen.duplicate) ++taken;
      CHECK(seen.lost == 0);
    }
  }
  CHECK(restarts <= 2);
  CHECK(taken >= 300);
  CHECK(taken <= 302);
  const uint32_t other = receiver.ssrc() == 1 ? 2 : 1;
  CHECK(receiver.Note(Packet(2'000 + static_cast<int>(other) * 20'000, other), now_us + 3'000'000).restarted);
}

TEST_CASE("one stray packet of another source is ignored") {
  RtpReceiver receiver(kClockRate);
  for (int i = 0; i < 10; ++i) receiver.Note(Packet(i, 1), 0);
  receiver.Note(Packet(30'000, 2), 0);
  CHECK(receiver.Note(Packet(10, 1), 0).restarted);
  CHECK(receiver.Note(Packet(30'001, 2), 0).duplicate);
  for (int i = 11; i < 20; ++i) CHECK(!receiver.Note(Packet(i, 1), 0).duplicate);
}

TEST_CASE("jitter is measured") {
  RtpReceiver steady(kClockRate);
  RtpReceiver shaky(kClockRate);
  for (int i = 0; i < 200; ++i) {
    const uint32_t timestamp = 0xFFFFFF00u + static_cast<uint32_t>(i) * 3'600;  // wraps
    steady.Note(Packet(i, 1, timestamp), i * 40'000);
    shaky.Note(Packet(i, 1, timestamp), i * 40'000 + i % 2 * 10'000);
  }
  CHECK(steady.jitter() == 0);
  CHECK(shaky.jitter() > 880);
  CHECK(shaky.jitter() < 910);  // 10 ms
}

// The sequence numbers that a reorder buffer passes on.
struct Order {
  ReorderBuffer buffer;
  std::vector<RtpPacket> ready;
  std::vector<int> numbers;
  void Take() {
    for (const RtpPacket& packet : ready) {
      numbers.push_back(packet.sequence);
      CHECK(std::string(packet.payload, packet.payload + packet.size) == std::to_string(packet.sequence));
    }
    ready.clear();
  }
  void Push(int sequence, int64_t now_us = 0, uint32_t ssrc = 1) {
    const auto number = static_cast<uint16_t>(sequence);
    const auto bytes = Bytes(number, ssrc, std::to_string(number));
    buffer.Push(bytes.data(), bytes.size(), now_us, &ready);
    Take();
  }
  void Expire(int64_t now_us) {
    buffer.Expire(now_us, &ready);
    Take();
  }
};

using Numbers = std::vector<int>;

TEST_CASE("packets in order are not copied") {
  ReorderBuffer buffer;
  std::vector<RtpPacket> ready;
  for (const uint16_t sequence : {65'534, 65'535, 0, 1}) {
    const auto bytes = Bytes(sequence);
    ready.clear();
    buffer.Push(bytes.data(), bytes.size(), 0, &ready);
    REQUIRE(ready.size() == 1);
    CHECK(ready[0].payload == bytes.data() + 12);
  }
  CHECK(!buffer.Deadline());
}

TEST_CASE("packets are put in order and duplicates dropped") {
  Order order;
  for (const int sequence : {65'534, 65'534, 1, 0, 1, 65'535, 0, 2, 65'530}) order.Push(sequence);
  CHECK((order.numbers == Numbers{65'534, 65'535, 0, 1, 2}));
}

TEST_CASE("a gap is waited for 30 ms") {
  Order order;
  order.Push(1, 0);
  order.Push(4, 10'000);
  order.Push(3, 20'000);
  order.Push(6, 35'000);
  CHECK(order.buffer.Deadline() == 40'000);
  order.Expire(39'999);
  CHECK((order.numbers == Numbers{1}));
  order.Expire(40'000);
  CHECK((order.numbers == Numbers{1, 3, 4}));
  CHECK(order.buffer.Deadline() == 65'000);
  order.Push(2, 41'000);
  order.Push(7, 66'000);  // the deadline is kept without Expire as well
  CHECK((order.numbers == Numbers{1, 3, 4, 6, 7}));
  CHECK(!order.buffer.Deadline());
}

TEST_CASE("a gap is waited for 128 packets") {
  Order order;
  order.Push(1);
  for (int i = 0; i < 127; ++i) order.Push(3 + i);
  CHECK(order.numbers.size() == 1);
  order.Push(130);
  CHECK(order.numbers.size() == 129);
  CHECK(order.numbers.back() == 130);
}

TEST_CASE("two packets far away restart without loss") {
  Order order;
  order.Push(1);
  order.Push(3);
  order.Push(40'000);
  order.Push(40'001);
  order.Push(40'002);
  CHECK((order.numbers == Numbers{1, 3, 40'000, 40'001, 40'002}));
}

TEST_CASE("one packet far away is dropped") {
  Order order;
  for (const int sequence : {1, 40'000, 2, 40'001, 3}) order.Push(sequence);
  CHECK((order.numbers == Numbers{1, 2, 3}));
}

TEST_CASE("another source restarts") {
  Order order;
  order.Push(1);
  order.Push(3);
  order.Push(500, 0, 2);
  order.Push(501, 0, 2);
  CHECK((order.numbers == Numbers{1, 3, 500, 501}));
}

TEST_CASE("a short way back restarts") {
  Order order;
  for (int i = 0; i < 50; ++i) order.Push(i);
  for (int i = 0; i < 60; ++i) order.Push(i);
  CHECK(order.numbers.back() == 59);
  CHECK(order.numbers.size() >= 50 + 60 - 17);
}

TEST_CASE("what is not RTP is ignored") {
  ReorderBuffer buffer;
  std::vector<RtpPacket> ready;
  const std::vector<uint8_t> bytes(5, 0x80);
  buffer.Push(bytes.data(), bytes.size(), 0, &ready);
  CHECK(ready.empty());
}

}  // namespace
