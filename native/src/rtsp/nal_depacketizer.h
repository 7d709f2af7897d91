// The common part of the H.264 and HEVC depacketizers: makes NAL units of aggregates and fragments.
#pragma once

#include "rtsp/access_unit_builder.h"
#include "rtsp/depacketizer.h"
#include "rtsp/nal_assembler.h"

namespace chrys::rtsp {

class NalDepacketizer : public VideoDepacketizer {
 public:
  NalDepacketizer(NalCodec codec, bool reliable, const DepacketizerHabits& habits)
      : builder_(codec, reliable, habits), nal_(builder_), reliable_(reliable) {}

  void Push(const RtpPacket& packet, int lost, int64_t arrival_us) override;
  void Restart() override;
  bool Take(AccessUnit* unit) override { return builder_.Take(unit); }
  std::vector<uint8_t> extradata() const override { return builder_.sets().Extradata(); }
  const DepacketizerHabits& habits() const override { return builder_.habits(); }
  const std::string& problem() const override { return builder_.problem(); }
  bool intra_refresh_only() const override { return builder_.intra_refresh_only(); }

 protected:
  // Reads one payload, and calls the functions below for its contents.
  virtual void Read(const uint8_t* payload, size_t size) = 0;

  void Single(const uint8_t* data, size_t size);
  // NAL units, each after a length of two bytes. `skip_first` and `skip`: bytes before the first length and before the
  // others. The rest of the packet after a wrong length is dropped.
  void Aggregate(const uint8_t* data, size_t size, size_t skip_first, size_t skip);
  // A fragment. `header`: of the NAL unit, made from the fragment's.
  void Fragment(bool start, bool end, const uint8_t* header, size_t header_size, const uint8_t* data, size_t size);
  ParameterSets& sets() { return builder_.sets(); }

 private:
  void CutNal();

  AccessUnitBuilder builder_;
  NalAssembler nal_;
  const bool reliable_;
  // The packet in progress.
  uint32_t time_ = 0;
  int lost_ = 0;
  bool ended_ = false;  // its NAL units have ended
  // The fragmented NAL unit in progress.
  uint32_t fragment_time_ = 0;
  bool fragment_gap_ = false;
  bool marked_open_ = false;  // the last packet had the marker, but its fragment was not the last of its NAL unit
  int marker_ends_ = 0;       // times in a row that the marker stood for the missing end bit
};

}  // namespace chrys::rtsp
