#include "rtsp/nal_headers.h"

#include <algorithm>
#include <array>

#include "rtsp/nal_bits.h"

namespace chrys::rtsp {

namespace {

// Parameter sets have a few hundred bytes. The fields that are needed are at their beginning.
constexpr size_t kSetHeadBytes = 1024;

// H.264 table 7-1.
namespace h264 {
constexpr int kSlice = 1, kPartitionA = 2, kPartitionB = 3, kPartitionC = 4, kIdr = 5, kSei = 6, kSps = 7, kPps = 8,
              kAud = 9, kEndOfSequence = 10, kEndOfStream = 11, kAuxiliary = 19;
}

// HEVC table 7-1.
namespace hevc {
constexpr int kRaslN = 8, kRaslR = 9, kBlaFirst = 16, kIdrFirst = 19, kIdrLast = 20, kCra = 21, kVps = 32, kSps = 33,
              kPps = 34, kAud = 35, kEndOfSequence = 36, kEndOfStream = 37, kPrefixSei = 39, kSuffixSei = 40;
}

NalKind KindOfH264(const uint8_t* head) {
  switch (head[0] & 0x1f) {
    case h264::kSlice:
    case h264::kPartitionA:
    case h264::kIdr:
      return NalKind::kSlice;
    case h264::kPartitionB:
    case h264::kPartitionC:
    case h264::kEndOfSequence:
    case h264::kEndOfStream:
    case h264::kAuxiliary:
      return NalKind::kMore;
    case h264::kSei:
      return NalKind::kSei;
    case h264::kSps:
    case h264::kPps:
      return NalKind::kSet;
    case h264::kAud:
      return NalKind::kAud;
    default:
      return NalKind::kIgnored;
  }
}

NalKind KindOfHevc(const uint8_t* head) {
  const int type = (head[0] >> 1) & 0x3f;
  const int layer = (head[0] & 1) << 5 | head[1] >> 3;
  if (layer != 0) return NalKind::kIgnored;
  if (type <= hevc::kRaslR || (type >= hevc::kBlaFirst && type <= hevc::kCra)) return NalKind::kSlice;
  switch (type) {
    case hevc::kVps:
    case hevc::kSps:
    case hevc::kPps:
      return NalKind::kSet;
    case hevc::kAud:
      return NalKind::kAud;
    case hevc::kPrefixSei:
      return NalKind::kSei;
    case hevc::kSuffixSei:
    case hevc::kEndOfSequence:
    case hevc::kEndOfStream:
      return NalKind::kMore;
    default:
      return NalKind::kIgnored;
  }
}

void SkipScalingList(BitReader& bits, int size) {
  uint32_t last = 8;
  uint32_t next = 8;
  for (int i = 0; i < size && bits.ok(); ++i) {
    // Unsigned, because the difference may be any number in a broken stream.
    if (next != 0) next = (last + static_cast<uint32_t>(bits.Se())) % 256;
    if (next != 0) last = next;
  }
}

bool HasChromaFormat(uint32_t profile) {
  constexpr std::array<uint32_t, 13> kProfiles{100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
  return std::find(kProfiles.begin(), kProfiles.end(), profile) != kProfiles.end();
}

// 7.3.2.1.1
std::optional<SpsFields> ParseH264Sps(BitReader bits) {
  constexpr uint32_t kMaxMacroblocks = 4096;  // of width or height: 65 536 pixels
  SpsFields sps;
  bits.Skip(8);
  const uint32_t profile = bits.Bits(8);
  bits.Skip(16);
  const uint32_t id = bits.Ue();
  if (id > 31) return std::nullopt;
  sps.id = static_cast<int>(id);
  if (HasChromaFormat(profile)) {
    const uint32_t chroma = bits.Ue();
    if (chroma > 3) return std::nullopt;
    if (chroma == 3) sps.separate_planes = bits.Flag();
    if (bits.Ue() > 6 || bits.Ue() > 6) return std::nullopt;  // bit depths
    bits.Skip(1);
    if (bits.Flag()) {
      for (int i = 0; i < (chroma == 3 ? 12 : 8); ++i) {
        if (bits.Flag()) SkipScalingList(bits, i < 6 ? 16 : 64);
      }
    }
  }
  const uint32_t frame_num_bits = bits.Ue();
  if (frame_num_bits > 12) return std::nullopt;
  sps.order_bits = static_cast<int>(frame_num_bits) + 4;
  const uint32_t order_type = bits.Ue();
  if (order_type > 2) return std::nullopt;
  if (order_type == 0 && bits.Ue() > 12) return std::nullopt;
  if (order_type == 1) {
    bits.Skip(1);
    bits.Se();
    bits.Se();
    const uint32_t count = bits.Ue();
    if (count > 255) return std::nullopt;
    for (uint32_t i = 0; i < count; ++i) bits.Se();
  }
  const uint32_t references = bits.Ue();
  if (references > 16) return std::nullopt;
  sps.max_ref_frames = static_cast<int>(references);
  sps.frame_num_gaps = bits.Flag();
  const uint32_t columns = bits.Ue();
  const uint32_t rows = bits.Ue();
  if (columns >= kMaxMacroblocks || rows >= kMaxMacroblocks) return std::nullopt;
  sps.frames_only = bits.Flag();
  sps.width = static_cast<int>(columns + 1) * 16;
  sps.height = static_cast<int>(rows + 1) * 16 * (sps.frames_only ? 1 : 2);
  if (!sps.frames_only) bits.Skip(1);
  bits.Skip(1);
  if (bits.Flag()) {
    for (int i = 0; i < 4; ++i) bits.Ue();
  }
  bits.Skip(1);
  if (!bits.ok()) return std::nullopt;
  return sps;
}

// 7.3.2.2.1, 7.3.3
std::optional<SpsFields> ParseHevcSps(BitReader bits) {
  constexpr uint32_t kMaxPixels = 65'536;  // of width or height
  SpsFields sps;
  bits.Skip(16);
  sps.vps_id = static_cast<int>(bits.Bits(4));
  const uint32_t sub_layers = bits.Bits(3);
  if (sub_layers > 6) return std::nullopt;
  bits.Skip(1 + 88 + 8);  // nesting, general profile, general level
  if (sub_layers > 0) {
    size_t skip = 0;
    for (uint32_t i = 0; i < 8; ++i) {
      const bool profile = bits.Flag();
      const bool level = bits.Flag();
      if (i < sub_layers) skip += (profile ? 88U : 0U) + (level ? 8U : 0U);
    }
    bits.Skip(skip);
  }
  const uint32_t id = bits.Ue();
  if (id > 15) return std::nullopt;
  sps.id = static_cast<int>(id);
  const uint32_t chroma = bits.Ue();
  if (chroma > 3) return std::nullopt;
  if (chroma == 3) sps.separate_planes = bits.Flag();
  const uint32_t width = bits.Ue();
  const uint32_t height = bits.Ue();
  if (width == 0 || width > kMaxPixels || height == 0 || height > kMaxPixels) return std::nullopt;
  sps.width = static_cast<int>(width);
  sps.height = static_cast<int>(height);
  if (bits.Flag()) {
    for (int i = 0; i < 4; ++i) bits.Ue();
  }
  if (bits.Ue() > 8 || bits.Ue() > 8) return std::nullopt;  // bit depths
  const uint32_t order_bits = bits.Ue();
  if (order_bits > 12 || !bits.ok()) return std::nullopt;
  sps.order_bits = static_cast<int>(order_bits) + 4;
  return sps;
}

void ReadH264Slice(BitReader bits, const SetLookup& sets, SliceFields* slice) {
  bits.Skip(8);
  slice->first = bits.Ue() == 0;
  const uint32_t type = bits.Ue() % 5;
  const uint32_t pps_id = bits.Ue();
  if (!bits.ok() || pps_id > 255) return;
  slice->intra = type == 2 || type == 4;
  slice->pps_id = static_cast<int>(pps_id);
  const PpsFields* pps = sets.Pps(slice->pps_id);
  const SpsFields* sps = pps == nullptr ? nullptr : sets.Sps(pps->sps_id);
  if (sps == nullptr) return;
  slice->max_ref_frames = sps->max_ref_frames;
  slice->frame_num_gaps = sps->frame_num_gaps;
  if (sps->separate_planes) bits.Skip(2);
  const uint32_t frame_num = bits.Bits(sps->order_bits);
  if (!sps->frames_only) {
    slice->field = bits.Flag();
    if (slice->field) slice->bottom = bits.Flag();
  }
  if (!bits.ok()) return;
  slice->order = static_cast<int>(frame_num);
  slice->order_modulus = 1 << sps->order_bits;
}

void ReadHevcSlice(BitReader bits, const SetLookup& sets, SliceFields* slice) {
  bits.Skip(16);
  slice->first = bits.Flag();
  if (slice->nal_type >= hevc::kBlaFirst && slice->nal_type <= 23) bits.Skip(1);
  const uint32_t pps_id = bits.Ue();
  if (!bits.ok() || pps_id > 63) return;
  slice->pps_id = static_cast<int>(pps_id);
  const PpsFields* pps = sets.Pps(slice->pps_id);
  const SpsFields* sps = pps == nullptr ? nullptr : sets.Sps(pps->sps_id);
  // Only the first slice is read further: later ones have an address first, whose length depends on the picture's size.
  if (sps == nullptr || !slice->first) return;
  bits.Skip(static_cast<size_t>(pps->extra_slice_bits));
  slice->intra = bits.Ue() == 2;
  if (pps->output_flag_present) bits.Skip(1);
  if (sps->separate_planes) bits.Skip(2);
  const bool idr = slice->nal_type >= hevc::kIdrFirst && slice->nal_type <= hevc::kIdrLast;
  const uint32_t order = idr ? 0 : bits.Bits(sps->order_bits);
  if (!bits.ok()) return;
  slice->order = static_cast<int>(order);
  slice->order_modulus = 1 << sps->order_bits;
}

}  // namespace

NalKind KindOfNal(NalCodec codec, const uint8_t* head, size_t size) {
  if (size < NalHeaderBytes(codec)) return NalKind::kIgnored;
  return codec == NalCodec::kH264 ? KindOfH264(head) : KindOfHevc(head);
}

int NalType(NalCodec codec, const uint8_t* head) {
  return codec == NalCodec::kH264 ? head[0] & 0x1f : (head[0] >> 1) & 0x3f;
}

std::optional<SpsFields> ParseSps(NalCodec codec, const uint8_t* nal, size_t size) {
  std::array<uint8_t, kSetHeadBytes> plain;
  const BitReader bits(plain.data(), Unescape(nal, size, plain.data(), plain.size()));
  return codec == NalCodec::kH264 ? ParseH264Sps(bits) : ParseHevcSps(bits);
}

std::optional<PpsFields> ParsePps(NalCodec codec, const uint8_t* nal, size_t size) {
  std::array<uint8_t, kNalHeadBytes> plain;
  BitReader bits(plain.data(), Unescape(nal, size, plain.data(), plain.size()));
  bits.Skip(NalHeaderBytes(codec) * 8);
  PpsFields pps;
  const uint32_t id = bits.Ue();
  const uint32_t sps_id = bits.Ue();
  const bool h264 = codec == NalCodec::kH264;
  if (id > (h264 ? 255U : 63U) || sps_id > (h264 ? 31U : 15U)) return std::nullopt;
  pps.id = static_cast<int>(id);
  pps.sps_id = static_cast<int>(sps_id);
  if (h264) {
    bits.Skip(2);
    if (bits.Ue() > 7) return std::nullopt;  // slice groups
  } else {
    bits.Skip(1);
    pps.output_flag_present = bits.Flag();
    pps.extra_slice_bits = static_cast<int>(bits.Bits(3));
    bits.Skip(2);
    if (bits.Ue() > 15 || bits.Ue() > 15) return std::nullopt;  // reference counts
  }
  if (!bits.ok()) return std::nullopt;
  return pps;
}

std::optional<int> ParseVpsId(const uint8_t* nal, size_t size) {
  std::array<uint8_t, kNalHeadBytes> plain;
  BitReader bits(plain.data(), Unescape(nal, size, plain.data(), plain.size()));
  bits.Skip(16);
  const uint32_t id = bits.Bits(4);
  bits.Skip(2 + 6);
  const uint32_t sub_layers = bits.Bits(3);
  bits.Skip(1);
  const uint32_t reserved = bits.Bits(16);
  bits.Skip(88 + 8);
  if (!bits.ok() || sub_layers > 6 || reserved != 0xffff) return std::nullopt;
  return static_cast<int>(id);
}

SliceFields ParseSlice(NalCodec codec, const uint8_t* head, size_t size, const SetLookup& sets) {
  std::array<uint8_t, kNalHeadBytes> plain;
  const BitReader bits(plain.data(), Unescape(head, std::min(size, kNalHeadBytes), plain.data(), plain.size()));
  SliceFields slice;
  slice.nal_type = NalType(codec, head);
  if (codec == NalCodec::kH264) {
    slice.idr = slice.nal_type == h264::kIdr;
    slice.reference = (head[0] & 0x60) != 0;
    ReadH264Slice(bits, sets, &slice);
  } else {
    slice.irap = slice.nal_type >= hevc::kBlaFirst;
    slice.cra = slice.nal_type == hevc::kCra;
    slice.rasl = slice.nal_type == hevc::kRaslN || slice.nal_type == hevc::kRaslR;
    slice.reference = slice.nal_type >= hevc::kBlaFirst || slice.nal_type % 2 != 0;
    slice.temporal_id = std::max(0, (head[1] & 7) - 1);
    ReadHevcSlice(bits, sets, &slice);
  }
  return slice;
}

}  // namespace chrys::rtsp
