#include "rtsp/nal_assembler.h"

#include <algorithm>
#include <cstring>

#include "rtsp/sei.h"

namespace chrys::rtsp {

namespace {

constexpr int64_t kScannedPictures = 50;

size_t TrailingZeros(const uint8_t* data, size_t size) {
  size_t zeros = 0;
  while (zeros < size && data[size - 1 - zeros] == 0) ++zeros;
  return zeros;
}

}  // namespace

void NalAssembler::Begin(const uint8_t* header, size_t size) {
  open_ = true;
  flushed_ = false;
  head_size_ = 0;
  zeros_ = 0;
  Put(header, size);
}

void NalAssembler::Whole(const uint8_t* data, size_t size) {
  Begin(nullptr, 0);
  const uint8_t* begin = std::find_if(data, data + size, [](uint8_t byte) { return byte != 0; });
  if (begin - data >= 2 && begin != data + size && *begin == 1) {
    compound_ = true;
    size -= static_cast<size_t>(begin + 1 - data);
    data = begin + 1;
  }
  Append(data, size);
  End(true);
}

bool NalAssembler::Scans() const {
  return compound_ || builder_.pictures() < kScannedPictures ||
         KindOfNal(builder_.codec(), head_.data(), head_size_) != NalKind::kSlice;
}

// Whether the start code before `next` separates two NAL units.
bool NalAssembler::IsDelimiter(const uint8_t* next, size_t size) const {
  // What follows must look like a header, as far as it has come.
  const NalCodec codec = builder_.codec();
  if (size >= 1 && (next[0] & 0x80) != 0) return false;
  if (size >= NalHeaderBytes(codec) && KindOfNal(codec, next, size) == NalKind::kIgnored) return false;
  // ONVIF media signing leaves out emulation prevention in its SEI. So bytes like a start code within an SEI message
  // belong to the message.
  size_t sei_size = 0;
  const uint8_t* sei = builder_.SeiInProgress(&sei_size);
  return sei == nullptr || EndsAfterSeiMessage(codec, sei, sei_size);
}

void NalAssembler::Append(const uint8_t* data, size_t size) {
  if (!open_ || size == 0) return;
  if (head_size_ < NalHeaderBytes(builder_.codec())) {
    const size_t count = std::min(size, NalHeaderBytes(builder_.codec()) - head_size_);
    Put(data, count);
    data += count;
    size -= count;
  }
  if (!Scans()) return Put(data, size);
  size_t from = 0;
  for (size_t at = 0; at < size;) {
    const void* found = std::memchr(data + at, 1, size - at);
    if (found == nullptr) break;
    const auto one = static_cast<size_t>(static_cast<const uint8_t*>(found) - data);
    at = one + 1;
    size_t zeros = TrailingZeros(data + from, one - from);
    if (zeros == one - from) zeros += zeros_;
    if (zeros < 2) continue;
    Put(data + from, one - from);
    from = one;
    FlushHead();
    if (!IsDelimiter(data + at, size - at)) continue;
    compound_ = true;
    EndInner(true);
    Begin(nullptr, 0);
    from = at;
  }
  Put(data + from, size - from);
}

void NalAssembler::Put(const uint8_t* data, size_t size) {
  if (size == 0) return;
  const size_t zeros = TrailingZeros(data, size);
  zeros_ = zeros == size ? zeros_ + zeros : zeros;
  if (!flushed_) {
    const size_t count = std::min(size, head_.size() - head_size_);
    std::memcpy(head_.data() + head_size_, data, count);
    head_size_ += count;
    data += count;
    size -= count;
    if (head_size_ == head_.size()) FlushHead();
  }
  if (size > 0) builder_.Append(data, size);
}

void NalAssembler::FlushHead() {
  if (flushed_ || head_size_ == 0) return;
  flushed_ = true;
  builder_.BeginNal(head_.data(), head_size_);
  builder_.Append(head_.data(), head_size_);
}

void NalAssembler::EndInner(bool whole) {
  FlushHead();
  if (flushed_) builder_.EndNal(whole);
}

void NalAssembler::End(bool whole) {
  if (!open_) return;
  EndInner(whole);
  open_ = false;
}

void NalAssembler::Reset() { open_ = false; }

}  // namespace chrys::rtsp
