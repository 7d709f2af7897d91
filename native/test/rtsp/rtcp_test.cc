// Reading sender reports and writing receiver reports: `rtcp_test`.
#include "rtsp/rtcp.h"

#include <doctest/doctest.h>

#include <vector>

using namespace chrys;
using namespace chrys::rtsp;

namespace {

const std::vector<uint8_t> kReport{0x80, 200, 0,    6,    0x11, 0x22, 0x33, 0x44, 0xE0, 0x00, 0x00, 0x01, 0x80, 0,
                                   0,    0,   0xAB, 0xCD, 0xEF, 0x01, 0,    0,    0,    9,    0,    0,    0,    99};

TEST_CASE("sender report and goodbye of a compound packet are read") {
  std::vector<uint8_t> bytes = kReport;
  const std::vector<uint8_t> description{0x81, 202, 0, 2, 0x11, 0x22, 0x33, 0x44, 1, 1, 'a', 0};
  const std::vector<uint8_t> goodbye{0x82, 203, 0, 2, 0x11, 0x22, 0x33, 0x44, 0, 0, 0, 5};
  bytes.insert(bytes.end(), description.begin(), description.end());
  bytes.insert(bytes.end(), goodbye.begin(), goodbye.end());
  const RtcpPackets packets = ParseRtcp(bytes.data(), bytes.size());
  CHECK(packets.reports.size() == 1);
  CHECK(packets.reports[0].ssrc == 0x11223344);
  CHECK(packets.reports[0].ntp == 0xE0000001'80000000);
  CHECK(packets.reports[0].rtp_time == 0xABCDEF01);
  CHECK((packets.goodbyes == std::vector<uint32_t>{0x11223344, 5}));
}

TEST_CASE("short and wrong packets are read as far as possible") {
  std::vector<uint8_t> bytes = kReport;
  bytes[3] = 40;  // longer than the packet
  CHECK(ParseRtcp(bytes.data(), bytes.size()).reports.size() == 1);
  for (size_t size = 0; size < 20; ++size) {
    const std::vector<uint8_t> cut(kReport.begin(), kReport.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(ParseRtcp(cut.data(), cut.size()).reports.empty());
  }
  const std::vector<uint8_t> short_goodbye{0x9F, 203, 0, 1, 0, 0, 0, 7};  // says 31 SSRCs
  CHECK(ParseRtcp(short_goodbye.data(), short_goodbye.size()).goodbyes == std::vector<uint32_t>{7});
}

TEST_CASE("the contents of one packet are bounded") {
  std::vector<uint8_t> bytes;
  for (int i = 0; i < 1000; ++i) bytes.insert(bytes.end(), kReport.begin(), kReport.end());
  CHECK(ParseRtcp(bytes.data(), bytes.size()).reports.size() == 16);
}

TEST_CASE("RTCP is distinguished from RTP") {
  CHECK(IsRtcp(kReport.data(), kReport.size()));
  std::vector<uint8_t> rtp = kReport;
  rtp[1] = 0x80 | 96;
  CHECK(!IsRtcp(rtp.data(), rtp.size()));
  rtp[1] = 200;
  rtp[2] = 0x40;  // sequence number of an RTP packet with payload type 72
  CHECK(!IsRtcp(rtp.data(), rtp.size()));
  CHECK(!IsRtcp(kReport.data(), 3));
}

TEST_CASE("NTP time is converted") {
  CHECK(NtpToUs(uint64_t{2'208'988'800} << 32) == 0);
  CHECK(NtpToUs((uint64_t{2'208'988'800 + 1'700'000'000} << 32) | 0x8000'0000) == 1'700'000'000'500'000);
  CHECK(NtpToUs(0) == -2'208'988'800'000'000);
}

TEST_CASE("receiver reports are built") {
  ReceptionReport report;
  report.ssrc = 0x01020304;
  report.fraction_lost = 7;
  report.lost = -1;
  report.extended_highest = 0x00015678;
  report.jitter = 9;
  report.last_report = 0xAABBCCDD;
  report.since_last_report = 65'536;
  const std::vector<uint8_t> expected{0x81, 201,  0,    7,    0x0A, 0x0B, 0x0C, 0x0D,  // header, own SSRC
                                      1,    2,    3,    4,    7,    0xFF, 0xFF, 0xFF,  // SSRC, lost
                                      0,    1,    0x56, 0x78, 0,    0,    0,    9,     // highest number, jitter
                                      0xAA, 0xBB, 0xCC, 0xDD, 0,    1,    0,    0,     // last report
                                      0x81, 202,  0,    3,    0x0A, 0x0B, 0x0C, 0x0D, 1, 3, 'a', 'b', 'c', 0, 0, 0};
  CHECK(BuildReceiverReport(0x0A0B0C0D, "abc", report) == expected);
  const auto empty = BuildReceiverReport(1, "ab", {});
  CHECK(empty.size() == 8 + 4 + 12);
  CHECK(empty[0] == 0x80);
  CHECK(empty[3] == 1);
  for (size_t length = 0; length < 300; ++length) {
    const auto bytes = BuildReceiverReport(1, std::string(length, 'x'), report);
    CHECK(bytes.size() % 4 == 0);
    CHECK(bytes.back() == 0);
    CHECK(bytes.size() == 32 + 4 + 4 * static_cast<size_t>(bytes[34] << 8 | bytes[35]));
  }
}

}  // namespace
