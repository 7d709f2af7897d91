// Fuzz target: RTP header, reorder buffer, loss counter and RTCP.
// The input is a list of datagrams. Each follows 3 bytes: a pause in milliseconds, and the size with its most
// significant byte first.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rtsp/rtcp.h"
#include "rtsp/rtp.h"

using namespace chrys::rtsp;

namespace {

constexpr int kClockRate = 90'000;

volatile uint32_t sink = 0;

void Require(bool holds) {
  if (!holds) std::abort();
}

// Reads every byte, so that the sanitizer sees a wrong view.
void Touch(const uint8_t* data, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; ++i) sum += data[i];
  sink = sink + sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ReorderBuffer buffer;
  RtpReceiver ordered(kClockRate);
  RtpReceiver direct(kClockRate);
  int64_t now_us = 1'000'000;
  size_t pushed = 0;
  size_t handed_on = 0;
  std::vector<RtpPacket> ready;
  const auto take = [&] {
    for (const RtpPacket& packet : ready) {
      Touch(packet.payload, packet.size);
      const auto seen = ordered.Note(packet, now_us);
      Require(seen.lost >= 0 && !(seen.duplicate && seen.restarted));
    }
    handed_on += ready.size();
    Require(handed_on <= pushed);
    ready.clear();
  };
  while (size >= 3) {
    now_us += data[0] * 1'000;
    const size_t stated = static_cast<size_t>(data[1]) << 8 | data[2];
    data += 3;
    size -= 3;
    const size_t length = stated < size ? stated : size;
    // A copy of the exact size, so that the sanitizer sees each read beyond its end.
    const std::vector<uint8_t> datagram(data, data + length);
    data += length;
    size -= length;

    if (const auto deadline_us = buffer.Deadline(); deadline_us && *deadline_us <= now_us) {
      buffer.Expire(now_us, &ready);
      take();
      const auto next_us = buffer.Deadline();
      Require(!next_us || *next_us > now_us);
    }
    if (IsRtcp(datagram.data(), datagram.size())) {
      for (const SenderReport& report : ParseRtcp(datagram.data(), datagram.size()).reports) NtpToUs(report.ntp);
      continue;
    }
    ParseRtcp(datagram.data(), datagram.size());
    RtpPacket packet;
    if (ParseRtp(datagram.data(), datagram.size(), &packet)) {
      ++pushed;
      Touch(packet.payload, packet.size);
      direct.Note(packet, now_us);
    }
    buffer.Push(datagram.data(), datagram.size(), now_us, &ready);
    take();
    const auto deadline_us = buffer.Deadline();
    Require(!deadline_us || (*deadline_us > now_us && *deadline_us <= now_us + ReorderBuffer::kMaxWaitUs));
  }
  buffer.Expire(now_us + ReorderBuffer::kMaxWaitUs, &ready);
  take();
  Require(!buffer.Deadline());
  ReceptionReport report;
  report.ssrc = ordered.ssrc();
  report.fraction_lost = ordered.TakeFractionLost();
  report.lost = static_cast<int32_t>(direct.lost_total());
  report.extended_highest = ordered.extended_highest();
  report.jitter = ordered.jitter();
  const auto bytes = BuildReceiverReport(1, "fuzz", report);
  Require(IsRtcp(bytes.data(), bytes.size()));
  return 0;
}
