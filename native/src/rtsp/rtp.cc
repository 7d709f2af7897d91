#include "rtsp/rtp.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace chrys::rtsp {

namespace {

constexpr size_t kHeaderBytes = 12;
// RFC 3550, A.1: a packet this far ahead or less means that packets were lost; one this far behind or less is late.
constexpr uint16_t kMaxDropout = 3'000;
constexpr uint16_t kMaxMisorder = 100;
// After this many packets out of order in a row, the sequence numbers mean nothing: some cameras never change them.
constexpr int kMaxOddInARow = 16;
// Packets of the previous source are dropped until the current one has been silent for this long.
constexpr int64_t kSilentUs = 2'000'000;
// An SSRC counts as a source after this many packets.
constexpr int64_t kMinPackets = 2;
// A longer pause does not count as jitter.
constexpr int64_t kMaxJitterGapUs = 60'000'000;

}  // namespace

bool ParseRtp(const uint8_t* data, size_t size, RtpPacket* packet) {
  if (size < kHeaderBytes || data[0] >> 6 != 2) return false;
  *packet = RtpPacket();
  size_t begin = kHeaderBytes + 4 * static_cast<size_t>(data[0] & 0x0F);
  if ((data[0] & 0x10) != 0) {
    if (begin + 4 > size) return false;
    packet->extension_profile = static_cast<uint16_t>(data[begin] << 8 | data[begin + 1]);
    packet->extension = data + begin + 4;
    packet->extension_size = 4 * (static_cast<size_t>(data[begin + 2]) << 8 | data[begin + 3]);
    begin += 4 + 4 * (static_cast<size_t>(data[begin + 2]) << 8 | data[begin + 3]);
  }
  if (begin > size) return false;
  size_t end = size;
  if ((data[0] & 0x20) != 0 && end > begin) {
    // Some devices set the padding bit with a count of 0, which is wrong: there is no padding then.
    const size_t padding = data[size - 1];
    if (padding > end - begin) return false;
    end -= padding;
  }
  packet->payload_type = data[1] & 0x7F;
  packet->marker = (data[1] & 0x80) != 0;
  packet->sequence = static_cast<uint16_t>(data[2] << 8 | data[3]);
  packet->timestamp = static_cast<uint32_t>(data[4]) << 24 | static_cast<uint32_t>(data[5]) << 16 |
                      static_cast<uint32_t>(data[6]) << 8 | data[7];
  packet->ssrc = static_cast<uint32_t>(data[8]) << 24 | static_cast<uint32_t>(data[9]) << 16 |
                 static_cast<uint32_t>(data[10]) << 8 | data[11];
  packet->payload = data + begin;
  packet->size = end - begin;
  return true;
}

void RtpReceiver::Begin(const RtpPacket& packet, int64_t arrival_us) {
  any_ = true;
  ssrc_ = packet.ssrc;
  highest_ = packet.sequence;
  cycles_ = 0;
  ++received_;
  last_timestamp_ = packet.timestamp;
  last_arrival_us_ = arrival_us;
}

RtpReceiver::Seen RtpReceiver::Restart(const RtpPacket& packet, int64_t arrival_us) {
  if (packet.ssrc != ssrc_) {
    has_other_ = true;
    other_ssrc_ = ssrc_;
    received_before_switch_ = received_;
  }
  Begin(packet, arrival_us);
  Seen seen;
  seen.restarted = true;
  return seen;
}

void RtpReceiver::Advance(const RtpPacket& packet, int64_t arrival_us) {
  if (packet.sequence < highest_) cycles_ += 0x1'0000;
  highest_ = packet.sequence;
  ++received_;
  // RFC 3550, A.8. Uses differences instead of transit times: they do not overflow, and a wrap of the timestamp is not
  // a jump.
  const int64_t gap_us = std::clamp<int64_t>(arrival_us - last_arrival_us_, 0, kMaxJitterGapUs);
  const double expected = static_cast<int32_t>(packet.timestamp - last_timestamp_);
  const double difference = std::abs(static_cast<double>(gap_us) * clock_rate_ * 1e-6 - expected);
  jitter_ += (difference - jitter_) / 16;
  last_timestamp_ = packet.timestamp;
  last_arrival_us_ = arrival_us;
}

RtpReceiver::Seen RtpReceiver::Note(const RtpPacket& packet, int64_t arrival_us) {
  Seen seen;
  if (!any_) {
    Begin(packet, arrival_us);
    return seen;
  }
  const auto ahead = static_cast<uint16_t>(packet.sequence - highest_ - 1);
  if (ahead == 0) {
    // The next number continues the stream, whatever SSRC the camera writes.
    ssrc_ = packet.ssrc;
    odd_in_a_row_ = 0;
    Advance(packet, arrival_us);
    return seen;
  }
  if (packet.ssrc != ssrc_) {
    // Two sources on one channel (some servers continue to send for a dead session): the first one is kept while it
    // sends, because switching back and forth would break every picture. A newer source replaces it if its first two
    // packets come together. One stray packet is not a source.
    const bool known = has_other_ && packet.ssrc == other_ssrc_;
    const bool stray = received_ - received_before_switch_ < kMinPackets;
    if (known && !stray && arrival_us - last_arrival_us_ < kSilentUs) {
      seen.duplicate = true;
      return seen;
    }
    seen = Restart(packet, arrival_us);
    if (known) received_before_switch_ = received_ - kMinPackets;  // has proved itself before
    return seen;
  }
  if (odd_in_a_row_ >= kMaxOddInARow) {
    Advance(packet, arrival_us);
    return seen;
  }
  if (ahead < kMaxDropout) {
    seen.lost = ahead;
    lost_ += ahead;
    Advance(packet, arrival_us);
    return seen;
  }
  const auto behind = static_cast<uint16_t>(highest_ - packet.sequence);
  const bool follows_late = odd_in_a_row_ > 0 && packet.sequence == late_next_;
  late_next_ = static_cast<uint16_t>(packet.sequence + 1);
  ++odd_in_a_row_;
  if (behind <= kMaxMisorder && !follows_late) {
    seen.duplicate = true;
    return seen;
  }
  return Restart(packet, arrival_us);
}

uint32_t RtpReceiver::extended_highest() const { return cycles_ + highest_; }

uint32_t RtpReceiver::jitter() const { return static_cast<uint32_t>(std::min(jitter_, 4294967295.0)); }

uint8_t RtpReceiver::TakeFractionLost() {
  const int64_t lost = lost_ - reported_lost_;
  const int64_t expected = received_ - reported_received_ + lost;
  reported_lost_ = lost_;
  reported_received_ = received_;
  return expected > 0 ? static_cast<uint8_t>(std::min<int64_t>(lost * 256 / expected, 255)) : uint8_t{0};
}

ReorderBuffer::Waiting ReorderBuffer::Keep(const uint8_t* data, size_t size, const RtpPacket& packet, int64_t now_us) {
  Waiting waiting{std::vector<uint8_t>(data, data + size), packet, now_us};
  waiting.packet.payload = waiting.bytes.data() + (packet.payload - data);
  if (packet.extension != nullptr) waiting.packet.extension = waiting.bytes.data() + (packet.extension - data);
  return waiting;
}

void ReorderBuffer::HandOn(const RtpPacket& packet, std::vector<RtpPacket>* ready) {
  ready->push_back(packet);
  any_ = true;
  ssrc_ = packet.ssrc;
  next_ = static_cast<uint16_t>(packet.sequence + 1);
}

void ReorderBuffer::HandOnWaiting(Waiting* waiting, std::vector<RtpPacket>* ready) {
  handed_out_.push_back(std::move(*waiting));  // moving a vector leaves its bytes where they are
  HandOn(handed_out_.back().packet, ready);
}

void ReorderBuffer::HandOnRun(std::vector<RtpPacket>* ready) {
  while (!waiting_.empty() && waiting_.front().packet.sequence == next_) {
    HandOnWaiting(&waiting_.front(), ready);
    waiting_.pop_front();
  }
  oldest_us_ = INT64_MAX;
  for (const Waiting& waiting : waiting_) oldest_us_ = std::min(oldest_us_, waiting.arrived_us);
}

void ReorderBuffer::HandOnAll(std::vector<RtpPacket>* ready) {
  while (!waiting_.empty()) {
    HandOnWaiting(&waiting_.front(), ready);
    waiting_.pop_front();
  }
}

void ReorderBuffer::Wait(Waiting waiting, std::vector<RtpPacket>* ready) {
  const uint16_t sequence = waiting.packet.sequence;
  auto place = waiting_.end();
  while (place != waiting_.begin()) {
    const auto distance = static_cast<int16_t>(sequence - std::prev(place)->packet.sequence);
    if (distance == 0) return;  // a duplicate
    if (distance > 0) break;
    --place;
  }
  oldest_us_ = waiting_.empty() ? waiting.arrived_us : std::min(oldest_us_, waiting.arrived_us);
  waiting_.insert(place, std::move(waiting));
  if (waiting_.size() < kMaxPackets) return;
  next_ = waiting_.front().packet.sequence;
  HandOnRun(ready);
}

void ReorderBuffer::SkipOldGaps(int64_t now_us, std::vector<RtpPacket>* ready) {
  while (!waiting_.empty() && now_us - oldest_us_ >= kMaxWaitUs) {
    next_ = waiting_.front().packet.sequence;
    HandOnRun(ready);
  }
}

void ReorderBuffer::Push(const uint8_t* data, size_t size, int64_t now_us, std::vector<RtpPacket>* ready) {
  handed_out_.clear();
  RtpPacket packet;
  if (!ParseRtp(data, size, &packet)) return;
  const auto ahead = static_cast<uint16_t>(packet.sequence - next_);
  if (!any_ || ahead == 0) {
    HandOn(packet, ready);
    odd_in_a_row_ = 0;
    if (far_) far_.reset();
    if (waiting_.empty()) return;
    HandOnRun(ready);
  } else if (packet.ssrc != ssrc_ || odd_in_a_row_ >= kMaxOddInARow) {
    HandOnAll(ready);
    HandOn(packet, ready);
  } else if (ahead < kMaxDropout) {
    Wait(Keep(data, size, packet, now_us), ready);
  } else {
    ++odd_in_a_row_;
    const auto behind = static_cast<uint16_t>(next_ - packet.sequence);
    if (far_ && packet.sequence == static_cast<uint16_t>(far_->packet.sequence + 1)) {
      HandOnAll(ready);
      HandOnWaiting(&*far_, ready);
      HandOn(packet, ready);
      far_.reset();
    } else if (behind > kMaxMisorder) {
      far_ = Keep(data, size, packet, now_us);
    }
  }
  SkipOldGaps(now_us, ready);
}

void ReorderBuffer::Expire(int64_t now_us, std::vector<RtpPacket>* ready) {
  handed_out_.clear();
  SkipOldGaps(now_us, ready);
}

std::optional<int64_t> ReorderBuffer::Deadline() const {
  if (waiting_.empty()) return std::nullopt;
  return oldest_us_ + kMaxWaitUs;
}

}  // namespace chrys::rtsp
