#include "rtsp/nal_depacketizer.h"

namespace chrys::rtsp {

namespace {

// After this many NAL units in a row that ended with a marker but without an end bit, the marker counts as the end bit.
constexpr int kMarkerIsEnd = 3;

}  // namespace

void NalDepacketizer::Push(const RtpPacket& packet, int lost, int64_t arrival_us) {
  time_ = packet.timestamp;
  lost_ = builder_.BeginPacket(packet.timestamp, arrival_us, lost);
  Read(packet.payload, packet.size);
  marked_open_ = packet.marker && nal_.open();
  // Some cameras set no end bit, and others set the marker on every packet. Until it is known which of these the camera
  // does, the NAL unit stays open.
  if (marked_open_ && marker_ends_ >= kMarkerIsEnd) nal_.End(!fragment_gap_);
  if (packet.marker && !nal_.open()) builder_.Marker();
}

void NalDepacketizer::Restart() {
  nal_.Reset();
  builder_.Restart();
}

// The NAL unit in progress has no last fragment. Without loss it is whole, and the camera sets no end bits.
void NalDepacketizer::CutNal() {
  if (!nal_.open()) return;
  const bool whole = lost_ == 0 && !fragment_gap_ && !builder_.sequence_unreliable();
  if (!whole) builder_.NoteRealLoss();
  if (whole && marked_open_ && marker_ends_ < kMarkerIsEnd) ++marker_ends_;
  nal_.End(whole);
}

void NalDepacketizer::Single(const uint8_t* data, size_t size) {
  CutNal();
  nal_.Whole(data, size);
}

void NalDepacketizer::Aggregate(const uint8_t* data, size_t size, size_t skip_first, size_t skip) {
  CutNal();
  size_t at = skip_first;
  while (at + 2 < size) {
    const size_t length = static_cast<size_t>(data[at]) << 8 | data[at + 1];
    at += 2;
    if (length == 0) break;  // padding
    if (length > size - at) {
      builder_.NoteOrphan();
      break;
    }
    nal_.Whole(data + at, length);
    at += length + skip;
  }
}

void NalDepacketizer::Fragment(bool start, bool end, const uint8_t* header, size_t header_size, const uint8_t* data,
                               size_t size) {
  if (start) {
    CutNal();
    nal_.Begin(header, header_size);
    fragment_time_ = time_;
    fragment_gap_ = false;
  } else if (!nal_.open()) {
    if (marked_open_) marker_ends_ = 0;
    return builder_.NoteOrphan();
  } else {
    if (marked_open_) marker_ends_ = 0;
    if (lost_ > 0) {
      // Over TCP the numbers may be wrong, so everything is kept. Over UDP the rest of the NAL unit is useless.
      if (time_ == fragment_time_) builder_.LossWasInside();
      if (!reliable_ || time_ != fragment_time_) {
        CutNal();
        return builder_.NoteOrphan();
      }
      fragment_gap_ = true;
    }
  }
  nal_.Append(data, size);
  if (end) nal_.End(!fragment_gap_);
}

}  // namespace chrys::rtsp
