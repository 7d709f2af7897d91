// The fields of H.264 and HEVC headers (ITU-T H.264 and H.265, clause 7.3) that are needed to find pictures, random
// access points and damage.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace chrys::rtsp {

enum class NalCodec { kH264, kHevc };

// The first bytes of a NAL unit that are parsed. They hold all fields of a slice header that are needed.
constexpr size_t kNalHeadBytes = 64;

inline size_t NalHeaderBytes(NalCodec codec) { return codec == NalCodec::kH264 ? 1 : 2; }

// The role of a NAL unit in a picture.
enum class NalKind {
  kSlice,    // with a slice header
  kMore,     // belongs to the picture before it: suffix SEI, end of sequence, data partitions B and C
  kSet,      // VPS, SPS, PPS
  kAud,      // access unit delimiter
  kSei,      // comes before the slices of its picture
  kIgnored,  // unknown, filler data, or of a layer above the base layer
};

// `head`: the first bytes with the NAL header.
NalKind KindOfNal(NalCodec codec, const uint8_t* head, size_t size);
int NalType(NalCodec codec, const uint8_t* head);

// A sequence parameter set of either codec.
struct SpsFields {
  int id = 0;
  int vps_id = 0;  // HEVC
  bool separate_planes = false;
  int order_bits = 4;           // of frame_num (H.264) or of the picture order count (HEVC)
  int max_ref_frames = -1;      // H.264: max_num_ref_frames
  bool frame_num_gaps = false;  // H.264: gaps_in_frame_num_value_allowed_flag
  bool frames_only = true;      // H.264: frame_mbs_only_flag
  int width = 0;                // pixels of the coded picture, before cropping
  int height = 0;
};

struct PpsFields {
  int id = 0;
  int sps_id = 0;
  bool output_flag_present = false;  // HEVC
  int extra_slice_bits = 0;          // HEVC
};

// nullopt: broken. The NAL units come with their header and emulation prevention bytes.
std::optional<SpsFields> ParseSps(NalCodec codec, const uint8_t* nal, size_t size);
std::optional<PpsFields> ParsePps(NalCodec codec, const uint8_t* nal, size_t size);
// The id of an HEVC video parameter set.
std::optional<int> ParseVpsId(const uint8_t* nal, size_t size);

// What a slice header says about its picture.
struct SliceFields {
  int nal_type = 0;
  bool first = false;     // begins its picture
  bool idr = false;       // H.264: IDR
  bool irap = false;      // HEVC: IDR, CRA or BLA
  bool cra = false;       // HEVC: leading pictures after it may refer to pictures before it
  bool rasl = false;      // HEVC: a leading picture that may refer to pictures before its CRA picture
  bool reference = true;  // other pictures may refer to it
  int temporal_id = 0;    // HEVC
  bool intra = false;     // an I or SI slice; of HEVC known only in the first slice
  int pps_id = -1;        // -1: the header is unreadable
  int order = -1;         // frame_num (H.264), pic_order_cnt_lsb (HEVC, first slice); -1: unknown
  int order_modulus = 0;  // order counts modulo this; 0: unknown
  bool field = false;     // H.264: one field of an interlaced picture
  bool bottom = false;
  int max_ref_frames = -1;  // H.264: of its SPS; -1: unknown
  bool frame_num_gaps = false;
};

// Finds the sets that a slice header depends on.
class SetLookup {
 public:
  virtual ~SetLookup() = default;
  virtual const PpsFields* Pps(int id) const = 0;
  virtual const SpsFields* Sps(int id) const = 0;
};

// Reads as much as the known sets allow. `head`: at most kNalHeadBytes are read.
SliceFields ParseSlice(NalCodec codec, const uint8_t* head, size_t size, const SetLookup& sets);

}  // namespace chrys::rtsp
