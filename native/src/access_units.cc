#include "access_units.h"

#include <algorithm>

namespace chrys {

namespace {

// An access unit larger than this is not one: a camera that never ends a picture must not fill the memory.
constexpr size_t kMaxUnitBytes = 32u << 20;
constexpr size_t kStartCode = 4;

bool IsStartCode(const uint8_t* data) { return data[0] == 0 && data[1] == 0 && data[2] == 0 && data[3] == 1; }

}  // namespace

AccessUnits::Scan AccessUnits::ScanPiece(const uint8_t* data, size_t size) const {
  Scan scan;
  const size_t header = HeaderBytes();
  for (size_t i = 0; i + kStartCode + header <= size; ++i) {
    if (!IsStartCode(data + i)) continue;
    const uint8_t* nal = data + i + kStartCode;
    const bool has_more = i + kStartCode + header < size;
    bool slice = false;
    bool begins = false;  // H.264 7.4.1.2.3, HEVC 7.4.2.4.4: what stands in front of a picture
    if (codec_ == Codec::kH264) {
      const int type = nal[0] & 0x1f;
      slice = type == 1 || type == 5;
      // first_mb_in_slice is an Exp-Golomb number: a leading 1 bit is zero.
      begins = slice ? has_more && (nal[1] & 0x80) != 0 : type >= 6 && type <= 9;
    } else {
      const int type = (nal[0] >> 1) & 0x3f;
      slice = type < 32;
      begins = slice ? has_more && (nal[2] & 0x80) != 0 : type >= 32 && (type <= 35 || type == 39);
    }
    if (slice) ++scan.slices;
    if (i == 0) scan.begins_unit = begins;
    scan.last_is_slice = slice;
    i += kStartCode;
  }
  return scan;
}

// Whether the NAL unit in progress ends with this piece, as far as sizes tell.
bool AccessUnits::EndsNal(bool first_piece, size_t size) {
  if (first_piece) {
    nal_fragment_ = size - std::min(size, kStartCode + HeaderBytes());
    largest_first_ = std::max(largest_first_, size);
    first_size_ = size;
    // As large as a first one of several: it may be one.
    return size < (first_fragment_ > 0 ? first_fragment_ : largest_first_);
  }
  if (first_size_ > 0) {
    // A camera that cuts now so and now so shows nothing.
    if (first_fragment_ > 0 && first_fragment_ != first_size_) Distrust();
    first_fragment_ = first_size_;
    first_size_ = 0;
  }
  return size < nal_fragment_;
}

void AccessUnits::Push(const uint8_t* data, size_t size, int64_t pts, bool damaged) {
  if (size == 0) return;
  const bool first_piece = size > kStartCode && IsStartCode(data);
  const Scan scan = first_piece ? ScanPiece(data, size) : Scan{};
  const bool begins = pts != open_.pts || (scan.begins_unit && open_slices_ > 0);
  if (begins || open_.data.size() + size > kMaxUnitBytes) Close();
  if (given_out_) {
    // More of a unit that was taken for complete: the signs are wrong for this camera. What is left goes out by itself.
    Distrust();
    given_out_ = false;
  }
  if (open_.data.empty()) open_.pts = pts;
  open_.data.insert(open_.data.end(), data, data + size);
  open_.damaged = open_.damaged || damaged;
  open_slices_ += scan.slices;
  if (first_piece) in_slice_ = scan.last_is_slice;
  if (!first_piece) open_fragmented_ = true;

  at_end_ = EndsNal(first_piece, size) && in_slice_ && expected_slices_ > 0 && open_slices_ >= expected_slices_;
  if (at_end_) {
    ++ends_seen_;
    if (trust_ >= kTrustAfter && fragmented_ >= kFragmentedBeforeTrust) {
      GiveOut();
      given_out_ = true;
    }
  }
}

void AccessUnits::GiveOut() {
  ready_.push_back(std::move(open_));
  const int64_t pts = ready_.back().pts;
  open_ = AccessUnit{};
  open_.pts = pts;
}

// The unit in progress is over: what was guessed of it is compared with what it was.
void AccessUnits::Close() {
  if (open_slices_ > 0) {
    const bool told_wrong = ends_seen_ > 1 || (ends_seen_ == 1 && !at_end_);
    if (told_wrong) {
      Distrust();
    } else if (open_slices_ != expected_slices_) {
      trust_ = std::min(trust_, 0);
      expected_slices_ = open_slices_;
    } else if (ends_seen_ == 1) {
      trust_ = std::min(trust_ + 1, kTrustAfter);
      if (open_fragmented_) fragmented_ = std::min(fragmented_ + 1, kFragmentedBeforeTrust);
    }
  }
  if (!given_out_ && !open_.data.empty()) GiveOut();
  open_ = AccessUnit{};
  given_out_ = false;
  open_slices_ = 0;
  open_fragmented_ = false;
  ends_seen_ = 0;
  at_end_ = false;
  first_size_ = 0;
}

void AccessUnits::Distrust() {
  trust_ = -kDistrustFor;
  fragmented_ = 0;
  expected_slices_ = 0;
}

bool AccessUnits::Take(AccessUnit* unit) {
  if (ready_.empty()) return false;
  *unit = std::move(ready_.front());
  ready_.pop_front();
  return true;
}

}  // namespace chrys
