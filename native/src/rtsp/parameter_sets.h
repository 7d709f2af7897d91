// The parameter sets in force: those of the stream, else those of the session description.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "rtsp/nal_headers.h"

namespace chrys::rtsp {

class ParameterSets : public SetLookup {
 public:
  // A larger set, or a set that would exceed the total, is dropped.
  static constexpr size_t kMaxSetBytes = 4 << 10;
  static constexpr size_t kMaxTotalBytes = 16 << 10;

  explicit ParameterSets(NalCodec codec) : codec_(codec) {}

  // Adds the sets of a value in the session description: NAL units in base64, separated by commas. Unreadable ones are
  // left out.
  void AddBase64(std::string_view list);

  enum class Verdict {
    kTaken,   // in force now
    kBroken,  // not readable
  };
  // One NAL unit of kind kSet. A broken one never replaces a good one.
  Verdict Add(const uint8_t* nal, size_t size);
  // Whether a set of the same type as this NAL unit is in force.
  bool HasTypeOf(const uint8_t* nal) const;

  const PpsFields* Pps(int id) const override;
  const SpsFields* Sps(int id) const override;

  // Appends the sets that pictures with this PPS need, as Annex B in the order VPS, SPS, PPS. Appends every set in
  // force when the PPS is unknown.
  void AppendFor(int pps_id, std::vector<uint8_t>* out) const;
  // The same for the newest picture that was named by Use; empty while a type of set is missing.
  std::vector<uint8_t> Extradata() const;
  void Use(int pps_id) { used_pps_ = pps_id; }

 private:
  template <typename Fields>
  struct Stored {
    Fields fields{};
    std::vector<uint8_t> nal;
  };
  struct VpsFields {
    int id = 0;
  };
  template <typename Fields>
  bool Store(const Fields& fields, const uint8_t* nal, size_t size, std::map<int, Stored<Fields>>* sets);

  const NalCodec codec_;
  std::map<int, Stored<VpsFields>> vps_;
  std::map<int, Stored<SpsFields>> sps_;
  std::map<int, Stored<PpsFields>> pps_;
  size_t total_bytes_ = 0;
  int used_pps_ = -1;
};

// The maximum coded size that the SPS among Annex B parameter sets declare, in pixels. False: no SPS can be read.
bool CodedSizeOf(NalCodec codec, const std::vector<uint8_t>& sets, int* width, int* height);

// Adds a NAL unit with a start code of four bytes.
void AppendNal(const uint8_t* nal, size_t size, std::vector<uint8_t>* out);

}  // namespace chrys::rtsp
