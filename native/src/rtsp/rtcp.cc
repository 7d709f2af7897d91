#include "rtsp/rtcp.h"

#include <algorithm>

namespace chrys::rtsp {

namespace {

constexpr uint8_t kVersion = 2;
constexpr uint8_t kSenderReport = 200;
constexpr uint8_t kReceiverReport = 201;
constexpr uint8_t kSourceDescription = 202;
constexpr uint8_t kGoodbye = 203;
constexpr uint8_t kLastType = 207;  // extended reports, RFC 3611
constexpr uint8_t kCname = 1;
constexpr size_t kMaxCname = 255;
// More reports or SSRCs than these in one compound packet are ignored.
constexpr size_t kMaxReports = 16;
constexpr size_t kMaxGoodbyes = 64;
// Header, SSRC, NTP and RTP time. The packet and byte counts after them are not used.
constexpr size_t kSenderReportBytes = 20;
constexpr int64_t kSecondsFrom1900To1970 = 2'208'988'800;

uint32_t Read32(const uint8_t* data) {
  return static_cast<uint32_t>(data[0]) << 24 | static_cast<uint32_t>(data[1]) << 16 |
         static_cast<uint32_t>(data[2]) << 8 | data[3];
}

void Append16(std::vector<uint8_t>* bytes, uint32_t value) {
  bytes->push_back(static_cast<uint8_t>(value >> 8));
  bytes->push_back(static_cast<uint8_t>(value));
}

void Append32(std::vector<uint8_t>* bytes, uint32_t value) {
  Append16(bytes, value >> 16);
  Append16(bytes, value & 0xFFFF);
}

}  // namespace

bool IsRtcp(const uint8_t* data, size_t size) {
  if (size < 4 || data[0] >> 6 != kVersion) return false;
  if (data[1] < kSenderReport || data[1] > kLastType) return false;
  // The length distinguishes RTCP from RTP with a marker and a payload type of 72 to 79.
  const size_t words = static_cast<size_t>(data[2]) << 8 | data[3];
  return (words + 1) * 4 <= size;
}

RtcpPackets ParseRtcp(const uint8_t* data, size_t size) {
  RtcpPackets packets;
  while (size >= 4 && data[0] >> 6 == kVersion) {
    const size_t count = data[0] & 0x1F;
    const uint8_t type = data[1];
    const size_t words = static_cast<size_t>(data[2]) << 8 | data[3];
    // A packet that is cut off is read as far as possible.
    const size_t length = std::min((words + 1) * 4, size);
    if (type == kSenderReport && length >= kSenderReportBytes && packets.reports.size() < kMaxReports) {
      SenderReport report;
      report.ssrc = Read32(data + 4);
      report.ntp = static_cast<uint64_t>(Read32(data + 8)) << 32 | Read32(data + 12);
      report.rtp_time = Read32(data + 16);
      packets.reports.push_back(report);
    } else if (type == kGoodbye) {
      for (size_t i = 0; i < count && 8 + 4 * i <= length && packets.goodbyes.size() < kMaxGoodbyes; ++i) {
        packets.goodbyes.push_back(Read32(data + 4 + 4 * i));
      }
    }
    data += length;
    size -= length;
  }
  return packets;
}

int64_t NtpToUs(uint64_t ntp) {
  const int64_t seconds = static_cast<int64_t>(ntp >> 32) - kSecondsFrom1900To1970;
  const uint64_t fraction_us = ((ntp & 0xFFFF'FFFF) * 1'000'000) >> 32;
  return seconds * 1'000'000 + static_cast<int64_t>(fraction_us);
}

std::vector<uint8_t> BuildReceiverReport(uint32_t own_ssrc, const std::string& cname, const ReceptionReport& report) {
  // Before the first RTP packet there is nothing to report. RFC 3550, 6.4.2 demands an empty report then.
  const bool empty = report.ssrc == 0 && report.extended_highest == 0;
  std::vector<uint8_t> bytes;
  bytes.push_back(static_cast<uint8_t>(kVersion << 6 | (empty ? 0 : 1)));
  bytes.push_back(kReceiverReport);
  Append16(&bytes, empty ? 1 : 7);
  Append32(&bytes, own_ssrc);
  if (!empty) {
    Append32(&bytes, report.ssrc);
    const int32_t lost = std::clamp(report.lost, -0x80'0000, 0x7F'FFFF);  // 24 bits, signed
    Append32(&bytes, static_cast<uint32_t>(report.fraction_lost) << 24 | (static_cast<uint32_t>(lost) & 0xFF'FFFF));
    Append32(&bytes, report.extended_highest);
    Append32(&bytes, report.jitter);
    Append32(&bytes, report.last_report);
    Append32(&bytes, report.since_last_report);
  }

  const size_t name_size = std::min(cname.size(), kMaxCname);
  // SSRC, item type, item length, name, then 1 to 4 zero bytes up to a multiple of 4 bytes.
  const size_t chunk_size = (4 + 2 + name_size) / 4 * 4 + 4;
  bytes.push_back(static_cast<uint8_t>(kVersion << 6 | 1));
  bytes.push_back(kSourceDescription);
  Append16(&bytes, static_cast<uint32_t>(chunk_size / 4));
  const size_t end = bytes.size() + chunk_size;
  Append32(&bytes, own_ssrc);
  bytes.push_back(kCname);
  bytes.push_back(static_cast<uint8_t>(name_size));
  bytes.insert(bytes.end(), cname.begin(), cname.begin() + static_cast<std::ptrdiff_t>(name_size));
  bytes.resize(end, 0);
  return bytes;
}

}  // namespace chrys::rtsp
