// RTP packets (RFC 3550): the header, loss and order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace chrys::rtsp {

struct RtpPacket {
  uint8_t payload_type = 0;
  bool marker = false;
  uint16_t sequence = 0;
  uint32_t timestamp = 0;
  uint32_t ssrc = 0;
  const uint8_t* payload = nullptr;  // inside the bytes that were parsed
  size_t size = 0;                   // of the payload, without padding
  // The header extension (RFC 3550, 5.3.1), inside the same bytes; nullptr: there is none.
  uint16_t extension_profile = 0;
  const uint8_t* extension = nullptr;
  size_t extension_size = 0;
};

// False: the bytes are not an RTP packet (version, lengths, padding, extension).
bool ParseRtp(const uint8_t* data, size_t size, RtpPacket* packet);

// Counts the loss of one stream by its sequence numbers, and measures what receiver reports need. RFC 3550, A.1, A.3
// and A.8.
class RtpReceiver {
 public:
  explicit RtpReceiver(int clock_rate) : clock_rate_(clock_rate) {}

  struct Seen {
    int lost = 0;            // packets that are missing before this one
    bool restarted = false;  // another source (SSRC) or a new sequence: order and timestamps begin anew
    bool duplicate = false;  // drop it
  };
  // Takes the next packet, in the order in which packets are passed on.
  Seen Note(const RtpPacket& packet, int64_t arrival_us);

  uint32_t ssrc() const { return ssrc_; }
  bool any() const { return any_; }
  uint32_t extended_highest() const;
  uint32_t jitter() const;  // ticks
  int64_t lost_total() const { return lost_; }
  // Fraction of packets lost since the last call, in 1/256.
  uint8_t TakeFractionLost();

 private:
  void Begin(const RtpPacket& packet, int64_t arrival_us);
  Seen Restart(const RtpPacket& packet, int64_t arrival_us);
  void Advance(const RtpPacket& packet, int64_t arrival_us);

  const int clock_rate_;
  bool any_ = false;
  uint32_t ssrc_ = 0;
  bool has_other_ = false;
  uint32_t other_ssrc_ = 0;  // the previous source, whose packets may still come for a while
  int64_t received_before_switch_ = 0;
  uint32_t cycles_ = 0;  // wraps of the sequence number, times 65536
  uint16_t highest_ = 0;
  int64_t received_ = 0;
  int64_t lost_ = 0;
  double jitter_ = 0;
  uint32_t last_timestamp_ = 0;
  int64_t last_arrival_us_ = 0;
  int64_t reported_received_ = 0;
  int64_t reported_lost_ = 0;
  int odd_in_a_row_ = 0;  // packets in a row that are late or far ahead
  uint16_t late_next_ = 0;
};

// Puts the datagrams of one stream in order. Passes on packets in order at once. After a gap, packets wait for at most
// kMaxWaitUs, and at most kMaxPackets packets wait; then the gap counts as lost.
class ReorderBuffer {
 public:
  static constexpr int64_t kMaxWaitUs = 30'000;
  static constexpr size_t kMaxPackets = 128;

  // Takes one datagram (its bytes are copied only when it must wait).
  // Ready packets are appended to `ready`; the views stay valid until the next call of Push or Expire.
  void Push(const uint8_t* data, size_t size, int64_t now_us, std::vector<RtpPacket>* ready);
  // Passes on the packets that have waited for kMaxWaitUs.
  void Expire(int64_t now_us, std::vector<RtpPacket>* ready);
  // When Expire must be called next, monotonic; nullopt: nothing waits.
  std::optional<int64_t> Deadline() const;

 private:
  struct Waiting {
    std::vector<uint8_t> bytes;
    RtpPacket packet;  // its payload is inside `bytes`
    int64_t arrived_us = 0;
  };
  static Waiting Keep(const uint8_t* data, size_t size, const RtpPacket& packet, int64_t now_us);
  void HandOn(const RtpPacket& packet, std::vector<RtpPacket>* ready);
  void Wait(Waiting waiting, std::vector<RtpPacket>* ready);
  void HandOnWaiting(Waiting* waiting, std::vector<RtpPacket>* ready);
  // HandOnRun passes on the waiting packets up to the next gap; HandOnAll passes on all of them.
  void HandOnRun(std::vector<RtpPacket>* ready);
  void HandOnAll(std::vector<RtpPacket>* ready);
  void SkipOldGaps(int64_t now_us, std::vector<RtpPacket>* ready);

  std::deque<Waiting> waiting_;      // by sequence
  int64_t oldest_us_ = 0;            // arrival of the packet that has waited longest
  std::vector<Waiting> handed_out_;  // keeps the bytes of `ready` alive
  // A packet whose number is far from the expected one. The stream restarts there if the next packet continues it.
  std::optional<Waiting> far_;
  bool any_ = false;
  uint16_t next_ = 0;
  uint32_t ssrc_ = 0;
  int odd_in_a_row_ = 0;  // as in RtpReceiver
};

}  // namespace chrys::rtsp
