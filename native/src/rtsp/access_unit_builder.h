// Builds pictures from NAL units: finds where pictures end, which parameter sets they need, where decoding may begin,
// and which pictures loss has damaged. Thread: one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "rtsp/damage.h"
#include "rtsp/depacketizer.h"
#include "rtsp/nal_headers.h"
#include "rtsp/parameter_sets.h"
#include "rtsp/picture_order.h"

namespace chrys::rtsp {

class AccessUnitBuilder {
 public:
  AccessUnitBuilder(NalCodec codec, bool reliable, const DepacketizerHabits& habits);

  ParameterSets& sets() { return sets_; }
  const ParameterSets& sets() const { return sets_; }
  NalCodec codec() const { return codec_; }

  // A packet begins, with `lost` packets missing before it. Returns `lost`, or 0 when the sequence numbers are
  // unreliable.
  int BeginPacket(uint32_t rtp_time, int64_t arrival_us, int lost);
  // The packet continues the NAL unit in progress: the lost packets were a part of that NAL unit.
  void LossWasInside();
  // A fragment of a NAL unit whose first fragment is missing.
  void NoteOrphan();
  // A part of a NAL unit is certainly missing, so that the gap in the sequence numbers was real.
  void NoteRealLoss() { trust_.NoteRealLoss(); }
  bool sequence_unreliable() const { return habits_.sequence_unreliable; }

  // A NAL unit, in parts. `head`: its first bytes, kNalHeadBytes unless it is shorter.
  void BeginNal(const uint8_t* head, size_t size);
  void Append(const uint8_t* data, size_t size);
  // `whole`: no part of it is missing.
  void EndNal(bool whole);
  // The bytes so far of the NAL unit in progress if it is an SEI; nullptr: it is not.
  const uint8_t* SeiInProgress(size_t* size) const;

  // The packet had the marker, and all of its NAL units have ended.
  void Marker();

  void Restart();
  bool Take(AccessUnit* unit);
  const DepacketizerHabits& habits() const { return habits_; }
  const std::string& problem() const { return problem_; }
  bool intra_refresh_only() const;
  int64_t pictures() const { return pictures_; }

 private:
  enum class Target { kNone, kPicture, kLead };
  enum class Relation { kSame, kSecondField, kNew, kLate };
  // A NAL unit that comes before the slices of a picture.
  struct LeadNal {
    size_t begin = 0;  // of its start code
    size_t end = 0;
    NalKind kind = NalKind::kIgnored;
  };
  // The picture in progress, or the last one.
  struct Picture {
    bool open = false;
    SliceFields slice;        // of the newest field
    int fields = 0;           // 0: a frame
    bool intra_type = false;  // IDR, CRA or BLA, of the frame or the first field
    bool all_intra = true;    // slices of the frame or the first field
    bool reference = false;
    std::optional<int> recovery;
    bool incomplete = false;
    bool reference_lost = false;
    int slices = 0;
    int markers = 0;
    bool last_marked = false;
    bool early = false;  // delivered at a marker or at SEI, which may be wrong, and not at the next picture
  };

  Relation Relate(const SliceFields& slice) const;
  bool Differs(const SliceFields& slice) const;
  bool IsSecondField(const SliceFields& slice) const;
  void BeginSlice(const uint8_t* head, size_t size);
  void OpenPicture(const SliceFields& slice);
  void WriteLead(const SliceFields& slice, bool entry);
  void AppendLeadToPicture();
  void BeginLead(NalKind kind);
  void EndLead(bool whole);
  void DropLead();
  void ClosePicture(bool early);
  bool IsKeyframe() const;
  void NoteKeyframes(bool keyframe);
  void NoteMarkers();
  void GiveUp();
  size_t& LastSize(bool intra_type) { return intra_type ? last_intra_bytes_ : last_bytes_; }

  const NalCodec codec_;
  const bool reliable_;
  DepacketizerHabits habits_;
  ParameterSets sets_;
  PictureOrder order_;
  Damage damage_;
  SequenceTrust trust_;
  std::string problem_;
  std::deque<AccessUnit> ready_;

  // The packet in progress.
  uint32_t packet_time_ = 0;
  int64_t packet_arrival_us_ = 0;
  NalKind packet_last_ = NalKind::kIgnored;

  // The NAL unit in progress.
  Target target_ = Target::kNone;
  size_t nal_begin_ = 0;

  // NAL units that wait for their picture. The buffers are kept, so that pictures cost no allocations for them.
  std::vector<uint8_t> lead_;
  std::vector<LeadNal> lead_nals_;
  std::optional<int> lead_recovery_;

  AccessUnit unit_;
  Picture picture_;
  size_t last_bytes_ = 0;
  size_t last_intra_bytes_ = 0;
  bool waits_for_field_ = false;
  int unpaired_fields_ = 0;

  int loss_ = 0;                         // packets that are missing before the next slice
  std::optional<uint32_t> orphan_time_;  // RTP time of a picture whose first fragments are missing
  bool gap_ = false;                     // numbers were missing since the last picture ended, even if unreliable

  int regular_markers_ = 0;

  int64_t pictures_ = 0;
  int keyframes_ = 0;
  int refreshes_ = 0;           // since the last keyframe
  int64_t since_keyframe_ = 0;  // pictures
  int64_t keyframe_us_ = 0;     // arrival of the last keyframe, or of the first picture
  int64_t newest_us_ = 0;
};

}  // namespace chrys::rtsp
