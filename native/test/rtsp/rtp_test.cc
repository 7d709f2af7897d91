// RTP header, loss and order: `rtp_test`.
#include "rtsp/rtp.h"

#include <cstdio>
#include <string>
#include <vector>

#include "expect.h"

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

void ParsesHeader() {
  std::vector<uint8_t> bytes = Bytes(0xABCD, 7);
  bytes[1] = 0x80 | 97;
  bytes[4] = 0xFE;
  RtpPacket packet;
  EXPECT(ParseRtp(bytes.data(), bytes.size(), &packet));
  EXPECT(packet.payload_type == 97 && packet.marker && packet.sequence == 0xABCD && packet.ssrc == 7);
  EXPECT(packet.timestamp == 0xFE000000);
  EXPECT(packet.payload == bytes.data() + 12 && packet.size == 4);
}

void SkipsSourcesExtensionAndPadding() {
  std::vector<uint8_t> bytes = Bytes(1, 1, "");
  bytes[0] = 0x80 | 0x20 | 0x10 | 2;
  const std::string rest("aaaabbbb\xBE\xDE\x00\x01xxxxDATA\x00\x00\x03", 23);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  RtpPacket packet;
  EXPECT(ParseRtp(bytes.data(), bytes.size(), &packet));
  EXPECT(std::string(packet.payload, packet.payload + packet.size) == "DATA");
  for (size_t size = 0; size < 28; ++size) EXPECT(!ParseRtp(bytes.data(), size, &packet));
  bytes.back() = 8;  // more padding than payload
  EXPECT(!ParseRtp(bytes.data(), bytes.size(), &packet));
  bytes.back() = 0;  // wrong, but sent
  EXPECT(ParseRtp(bytes.data(), bytes.size(), &packet) && packet.size == 7);
  bytes[0] = 0x40;
  EXPECT(!ParseRtp(bytes.data(), bytes.size(), &packet));
}

void CountsLoss() {
  RtpReceiver receiver(kClockRate);
  EXPECT(!receiver.any());
  EXPECT(receiver.Note(Packet(65'534), 0).lost == 0);
  EXPECT(receiver.Note(Packet(65'535), 0).lost == 0);
  const auto seen = receiver.Note(Packet(2), 0);
  EXPECT(seen.lost == 2 && !seen.restarted && !seen.duplicate);
  EXPECT(receiver.extended_highest() == 0x10002);
  EXPECT(receiver.lost_total() == 2);
  EXPECT(receiver.TakeFractionLost() == 2 * 256 / 5);
  EXPECT(receiver.TakeFractionLost() == 0);
}

void DropsDuplicatesAndLatePackets() {
  RtpReceiver receiver(kClockRate);
  for (int i = 1; i <= 10; ++i) receiver.Note(Packet(i), 0);
  EXPECT(receiver.Note(Packet(10), 0).duplicate);
  EXPECT(receiver.Note(Packet(4), 0).duplicate);
  const auto seen = receiver.Note(Packet(11), 0);
  EXPECT(!seen.duplicate && seen.lost == 0 && !seen.restarted);
}

void RestartsFarAwayAtOnceAndNearbyAfterTwoPackets() {
  RtpReceiver receiver(kClockRate);
  for (int i = 60; i <= 70; ++i) receiver.Note(Packet(i), 0);
  const auto far = receiver.Note(Packet(30'000), 0);
  EXPECT(far.restarted && far.lost == 0);
  EXPECT(!receiver.Note(Packet(30'001), 0).restarted);
  EXPECT(receiver.Note(Packet(29'990), 0).duplicate);
  EXPECT(receiver.Note(Packet(29'991), 0).restarted);
  EXPECT(!receiver.Note(Packet(29'992), 0).restarted);
  EXPECT(receiver.lost_total() == 0);
}

void IgnoresNumbersThatMeanNothing() {
  RtpReceiver constant(kClockRate);
  RtpReceiver falling(kClockRate);
  RtpReceiver random(kClockRate);
  uint32_t state = 1;
  for (int i = 0; i < 1000; ++i) {
    state = state * 1'664'525 + 1'013'904'223;
    const bool settled = i > 40;
    const RtpReceiver::Seen all[] = {constant.Note(Packet(7), 0), falling.Note(Packet(50'000 - i), 0),
                                     random.Note(Packet(static_cast<int>(state >> 16)), 0)};
    for (const auto& seen : all) EXPECT(!settled || (!seen.duplicate && !seen.restarted && seen.lost == 0));
  }
}

void FollowsANewSource() {
  RtpReceiver receiver(kClockRate);
  for (int i = 0; i < 10; ++i) receiver.Note(Packet(i, 1), 0);
  EXPECT(receiver.Note(Packet(5'000, 2), 0).restarted);
  EXPECT(receiver.ssrc() == 2);
  EXPECT(!receiver.Note(Packet(5'001, 2), 0).restarted);
}

void TakesTheNextNumberWithAnySsrc() {
  RtpReceiver receiver(kClockRate);
  for (int i = 0; i < 100; ++i) {
    const auto seen = receiver.Note(Packet(i, static_cast<uint32_t>(i * 77)), 0);
    EXPECT(!seen.restarted && !seen.duplicate && seen.lost == 0);
  }
}

// Old live555 sends the packets of a dead session on the new connection.
void KeepsOneOfTwoSourcesOnOneChannel() {
  RtpReceiver receiver(kClockRate);
  int64_t now_us = 0;
  int restarts = 0;
  int taken = 0;
  for (int i = 0; i < 300; ++i, now_us += 10'000) {
    for (const uint32_t ssrc : {1u, 2u}) {
      const auto seen = receiver.Note(Packet(i + static_cast<int>(ssrc) * 20'000, ssrc), now_us);
      if (seen.restarted) ++restarts;
      if (!seen.duplicate) ++taken;
      EXPECT(seen.lost == 0);
    }
  }
  EXPECT(restarts <= 2);
  EXPECT(taken >= 300 && taken <= 302);
  const uint32_t other = receiver.ssrc() == 1 ? 2 : 1;
  EXPECT(receiver.Note(Packet(2'000 + static_cast<int>(other) * 20'000, other), now_us + 3'000'000).restarted);
}

void IgnoresOneStrayPacketOfAnotherSource() {
  RtpReceiver receiver(kClockRate);
  for (int i = 0; i < 10; ++i) receiver.Note(Packet(i, 1), 0);
  receiver.Note(Packet(30'000, 2), 0);
  EXPECT(receiver.Note(Packet(10, 1), 0).restarted);
  EXPECT(receiver.Note(Packet(30'001, 2), 0).duplicate);
  for (int i = 11; i < 20; ++i) EXPECT(!receiver.Note(Packet(i, 1), 0).duplicate);
}

void MeasuresJitter() {
  RtpReceiver steady(kClockRate);
  RtpReceiver shaky(kClockRate);
  for (int i = 0; i < 200; ++i) {
    const uint32_t timestamp = 0xFFFFFF00u + static_cast<uint32_t>(i) * 3'600;  // wraps
    steady.Note(Packet(i, 1, timestamp), i * 40'000);
    shaky.Note(Packet(i, 1, timestamp), i * 40'000 + i % 2 * 10'000);
  }
  EXPECT(steady.jitter() == 0);
  EXPECT(shaky.jitter() > 880 && shaky.jitter() < 910);  // 10 ms
}

// What a reorder buffer gives out, as sequence numbers.
struct Order {
  ReorderBuffer buffer;
  std::vector<RtpPacket> ready;
  std::vector<int> numbers;
  void Take() {
    for (const RtpPacket& packet : ready) {
      numbers.push_back(packet.sequence);
      EXPECT(std::string(packet.payload, packet.payload + packet.size) == std::to_string(packet.sequence));
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

void HandsOnInOrderWithoutCopy() {
  ReorderBuffer buffer;
  std::vector<RtpPacket> ready;
  for (const uint16_t sequence : {65'534, 65'535, 0, 1}) {
    const auto bytes = Bytes(sequence);
    ready.clear();
    buffer.Push(bytes.data(), bytes.size(), 0, &ready);
    EXPECT(ready.size() == 1 && ready[0].payload == bytes.data() + 12);
  }
  EXPECT(!buffer.Deadline());
}

void PutsPacketsInOrderAndDropsDuplicates() {
  Order order;
  for (const int sequence : {65'534, 65'534, 1, 0, 1, 65'535, 0, 2, 65'530}) order.Push(sequence);
  EXPECT((order.numbers == Numbers{65'534, 65'535, 0, 1, 2}));
}

void WaitsBehindAGapFor30Ms() {
  Order order;
  order.Push(1, 0);
  order.Push(4, 10'000);
  order.Push(3, 20'000);
  order.Push(6, 35'000);
  EXPECT(order.buffer.Deadline() == 40'000);
  order.Expire(39'999);
  EXPECT((order.numbers == Numbers{1}));
  order.Expire(40'000);
  EXPECT((order.numbers == Numbers{1, 3, 4}));
  EXPECT(order.buffer.Deadline() == 65'000);
  order.Push(2, 41'000);
  order.Push(7, 66'000);  // the deadline is kept without Expire as well
  EXPECT((order.numbers == Numbers{1, 3, 4, 6, 7}));
  EXPECT(!order.buffer.Deadline());
}

void WaitsBehindAGapFor128Packets() {
  Order order;
  order.Push(1);
  for (int i = 0; i < 127; ++i) order.Push(3 + i);
  EXPECT(order.numbers.size() == 1);
  order.Push(130);
  EXPECT(order.numbers.size() == 129);
  EXPECT(order.numbers.back() == 130);
}

void RestartsWithoutLossAfterTwoPacketsFarAway() {
  Order order;
  order.Push(1);
  order.Push(3);
  order.Push(40'000);
  order.Push(40'001);
  order.Push(40'002);
  EXPECT((order.numbers == Numbers{1, 3, 40'000, 40'001, 40'002}));
}

void DropsOnePacketFarAway() {
  Order order;
  for (const int sequence : {1, 40'000, 2, 40'001, 3}) order.Push(sequence);
  EXPECT((order.numbers == Numbers{1, 2, 3}));
}

void RestartsAtAnotherSource() {
  Order order;
  order.Push(1);
  order.Push(3);
  order.Push(500, 0, 2);
  order.Push(501, 0, 2);
  EXPECT((order.numbers == Numbers{1, 3, 500, 501}));
}

void RestartsAShortWayBack() {
  Order order;
  for (int i = 0; i < 50; ++i) order.Push(i);
  for (int i = 0; i < 60; ++i) order.Push(i);
  EXPECT(order.numbers.back() == 59);
  EXPECT(order.numbers.size() >= 50 + 60 - 17);
}

void IgnoresWhatIsNoRtp() {
  ReorderBuffer buffer;
  std::vector<RtpPacket> ready;
  const std::vector<uint8_t> bytes(5, 0x80);
  buffer.Push(bytes.data(), bytes.size(), 0, &ready);
  EXPECT(ready.empty());
}

}  // namespace

int main() {
  ParsesHeader();
  SkipsSourcesExtensionAndPadding();
  CountsLoss();
  DropsDuplicatesAndLatePackets();
  RestartsFarAwayAtOnceAndNearbyAfterTwoPackets();
  IgnoresNumbersThatMeanNothing();
  FollowsANewSource();
  TakesTheNextNumberWithAnySsrc();
  KeepsOneOfTwoSourcesOnOneChannel();
  IgnoresOneStrayPacketOfAnotherSource();
  MeasuresJitter();
  HandsOnInOrderWithoutCopy();
  PutsPacketsInOrderAndDropsDuplicates();
  WaitsBehindAGapFor30Ms();
  WaitsBehindAGapFor128Packets();
  RestartsWithoutLossAfterTwoPacketsFarAway();
  DropsOnePacketFarAway();
  RestartsAtAnotherSource();
  RestartsAShortWayBack();
  IgnoresWhatIsNoRtp();
  if (failures == 0) std::printf("rtp: passed\n");
  return failures == 0 ? 0 : 1;
}
