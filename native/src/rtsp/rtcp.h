// RTCP (RFC 3550, section 6): reads sender reports and BYE, writes receiver reports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace chrys::rtsp {

struct SenderReport {
  uint32_t ssrc = 0;
  uint64_t ntp = 0;  // 32.32 seconds since 1900
  uint32_t rtp_time = 0;
};

struct RtcpPackets {
  std::vector<SenderReport> reports;
  std::vector<uint32_t> goodbyes;  // SSRCs
};

// Whether a packet on an RTP channel is RTCP instead (RFC 5761): some cameras mix them.
bool IsRtcp(const uint8_t* data, size_t size);

// Reads the known parts of a compound packet, and ignores the rest.
RtcpPackets ParseRtcp(const uint8_t* data, size_t size);

// Microseconds since 1970 of an NTP time; negative before 1970.
int64_t NtpToUs(uint64_t ntp);

struct ReceptionReport {
  uint32_t ssrc = 0;  // of the sender
  uint8_t fraction_lost = 0;
  int32_t lost = 0;
  uint32_t extended_highest = 0;
  uint32_t jitter = 0;
  uint32_t last_report = 0;        // middle 32 bits of the last sender report's NTP time, 0 = none
  uint32_t since_last_report = 0;  // 1/65536 s
};

// A compound packet: receiver report and SDES with a CNAME.
std::vector<uint8_t> BuildReceiverReport(uint32_t own_ssrc, const std::string& cname, const ReceptionReport& report);

}  // namespace chrys::rtsp
