#include "rtsp/access_unit_builder.h"

#include <algorithm>
#include <utility>

#include "rtsp/sei.h"

namespace chrys::rtsp {

namespace {

constexpr size_t kStartCodeBytes = 4;
constexpr size_t kMaxLeadBytes = 1 << 20;
constexpr size_t kMaxLeadNals = 1024;
// Maximum number of pictures that wait to be taken; more are dropped. One packet of a hostile camera may hold
// thousands.
constexpr size_t kMaxReady = 32;
constexpr size_t kMaxReserveBytes = 4 << 20;
// After this many fields in a row without a second field, the camera counts as one that sends single fields.
constexpr int kUnpairedFields = 3;
// After this many pictures of several slices in a row with the marker on the last slice only, the camera no longer
// counts as one that marks every slice.
constexpr int kRegularMarkers = 250;
constexpr int kRefreshOnlyPictures = 50;
constexpr int64_t kRefreshOnlyUs = 2'000'000;

}  // namespace

AccessUnitBuilder::AccessUnitBuilder(NalCodec codec, bool reliable, const DepacketizerHabits& habits)
    : codec_(codec),
      reliable_(reliable),
      habits_(habits),
      sets_(codec),
      order_(codec),
      trust_(reliable && habits.sequence_unreliable) {}

int AccessUnitBuilder::BeginPacket(uint32_t rtp_time, int64_t arrival_us, int lost) {
  packet_time_ = rtp_time;
  packet_arrival_us_ = arrival_us;
  packet_last_ = NalKind::kIgnored;
  if (lost <= 0) return 0;
  gap_ = true;
  if (reliable_ && trust_.unreliable()) return 0;
  loss_ = std::min(loss_ + lost, 1 << 20);
  // The loss may be the end of the open picture, or a part within it.
  if (picture_.open) picture_.incomplete = true;
  return lost;
}

void AccessUnitBuilder::LossWasInside() {
  if (target_ == Target::kPicture) loss_ = 0;
}

void AccessUnitBuilder::NoteOrphan() {
  trust_.NoteRealLoss();
  if (picture_.open && packet_time_ == unit_.rtp_time) {
    picture_.incomplete = true;
  } else {
    loss_ = std::max(loss_, 1);
    orphan_time_ = packet_time_;
  }
}

void AccessUnitBuilder::BeginNal(const uint8_t* head, size_t size) {
  const NalKind kind = KindOfNal(codec_, head, size);
  packet_last_ = kind;
  target_ = Target::kNone;
  switch (kind) {
    case NalKind::kSlice:
      BeginSlice(head, size);
      break;
    case NalKind::kMore:
      // Dropped if its picture was delivered already: it would become a part of the next picture.
      if (picture_.open && packet_time_ == unit_.rtp_time) target_ = Target::kPicture;
      break;
    case NalKind::kSet:
    case NalKind::kAud:
    case NalKind::kSei:
      // These begin the next picture (H.264 7.4.1.2.3, HEVC 7.4.2.4.4), even with the timestamp of the previous
      // picture.
      if (picture_.open && !habits_.marks_every_slice && !waits_for_field_) ClosePicture(true);
      BeginLead(kind);
      break;
    case NalKind::kIgnored:
      break;
  }
  if (target_ != Target::kPicture) return;
  nal_begin_ = unit_.data.size();
  AppendNal(nullptr, 0, &unit_.data);
}

void AccessUnitBuilder::Append(const uint8_t* data, size_t size) {
  switch (target_) {
    case Target::kPicture:
      if (unit_.data.size() + size > kMaxPictureBytes) return GiveUp();
      unit_.data.insert(unit_.data.end(), data, data + size);
      unit_.arrival_us = packet_arrival_us_;
      break;
    case Target::kLead:
      if (lead_.size() + size > kMaxLeadBytes) return DropLead();
      lead_.insert(lead_.end(), data, data + size);
      break;
    case Target::kNone:
      break;
  }
}

void AccessUnitBuilder::EndNal(bool whole) {
  if (target_ == Target::kPicture) {
    // The last byte of a NAL unit is never zero (H.264 and HEVC 7.4.1).
    while (unit_.data.size() > nal_begin_ + kStartCodeBytes && unit_.data.back() == 0) unit_.data.pop_back();
    if (!whole) picture_.incomplete = true;
  } else if (target_ == Target::kLead) {
    EndLead(whole);
  }
  target_ = Target::kNone;
}

const uint8_t* AccessUnitBuilder::SeiInProgress(size_t* size) const {
  if (target_ != Target::kLead || lead_nals_.back().kind != NalKind::kSei) return nullptr;
  const size_t begin = lead_nals_.back().begin + kStartCodeBytes;
  *size = lead_.size() - begin;
  return lead_.data() + begin;
}

// --- NAL units before the slices of a picture

void AccessUnitBuilder::BeginLead(NalKind kind) {
  if (kind == NalKind::kAud) {
    // A delimiter is the first NAL unit of its picture. SEI before it can only belong to the previous picture.
    const auto not_set = [](const LeadNal& nal) { return nal.kind != NalKind::kSet; };
    lead_nals_.erase(std::remove_if(lead_nals_.begin(), lead_nals_.end(), not_set), lead_nals_.end());
    lead_recovery_.reset();
  }
  if (lead_nals_.size() >= kMaxLeadNals || lead_.size() > kMaxLeadBytes) DropLead();
  target_ = Target::kLead;
  lead_nals_.push_back({lead_.size(), 0, kind});
  AppendNal(nullptr, 0, &lead_);
}

void AccessUnitBuilder::EndLead(bool whole) {
  LeadNal& nal = lead_nals_.back();
  const size_t begin = nal.begin + kStartCodeBytes;
  while (lead_.size() > begin && lead_.back() == 0) lead_.pop_back();
  nal.end = lead_.size();
  const uint8_t* data = lead_.data() + begin;
  const size_t size = nal.end - begin;
  bool keep = whole && size > NalHeaderBytes(codec_);
  if (keep && nal.kind == NalKind::kSet && sets_.Add(data, size) == ParameterSets::Verdict::kBroken) {
    // A broken set is passed on only if no good set of its type is in force: the decoder may understand it.
    keep = !sets_.HasTypeOf(data);
    nal.kind = NalKind::kSei;
  } else if (keep && nal.kind == NalKind::kSei) {
    if (const auto count = RecoveryCount(codec_, data, size)) lead_recovery_ = count;
  }
  if (keep) return;
  lead_.resize(nal.begin);
  lead_nals_.pop_back();
}

void AccessUnitBuilder::DropLead() {
  lead_.clear();
  lead_nals_.clear();
  lead_recovery_.reset();
  target_ = Target::kNone;
}

// `entry`: decoding may begin here, so all sets in force are written, including those that came before this picture.
void AccessUnitBuilder::WriteLead(const SliceFields& slice, bool entry) {
  const auto append = [&](const LeadNal& nal) {
    unit_.data.insert(unit_.data.end(), lead_.data() + nal.begin, lead_.data() + nal.end);
  };
  for (const LeadNal& nal : lead_nals_) {
    if (nal.kind == NalKind::kAud) append(nal);
  }
  if (entry) sets_.AppendFor(slice.pps_id, &unit_.data);
  for (const LeadNal& nal : lead_nals_) {
    if (nal.kind == NalKind::kSei || (nal.kind == NalKind::kSet && !entry)) append(nal);
  }
}

// For NAL units that stand between two fields or two slices of one picture.
void AccessUnitBuilder::AppendLeadToPicture() {
  for (const LeadNal& nal : lead_nals_) {
    if (nal.kind != NalKind::kAud) {
      unit_.data.insert(unit_.data.end(), lead_.data() + nal.begin, lead_.data() + nal.end);
    }
  }
}

// --- Slices

bool AccessUnitBuilder::Differs(const SliceFields& slice) const {
  const SliceFields& last = picture_.slice;
  if (codec_ == NalCodec::kHevc) return slice.nal_type != last.nal_type || slice.temporal_id != last.temporal_id;
  return slice.idr != last.idr || slice.reference != last.reference ||
         (slice.order >= 0 && last.order >= 0 && slice.order != last.order) || slice.field != last.field ||
         slice.bottom != last.bottom;
}

bool AccessUnitBuilder::IsSecondField(const SliceFields& slice) const {
  const SliceFields& first = picture_.slice;
  return picture_.fields == 1 && slice.field && slice.bottom != first.bottom && slice.order >= 0 &&
         slice.order == first.order && (!slice.idr || first.idr) && (!slice.reference || first.reference);
}

AccessUnitBuilder::Relation AccessUnitBuilder::Relate(const SliceFields& slice) const {
  if (!picture_.open) {
    const bool late = picture_.early && loss_ == 0 && !slice.first && !Differs(slice);
    return late ? Relation::kLate : Relation::kNew;
  }
  if (IsSecondField(slice)) return Relation::kSecondField;
  if (slice.first || Differs(slice)) return Relation::kNew;
  // Without loss this slice can only be the next one of the picture, whatever its timestamp is.
  return loss_ > 0 && packet_time_ != unit_.rtp_time ? Relation::kNew : Relation::kSame;
}

void AccessUnitBuilder::BeginSlice(const uint8_t* head, size_t size) {
  const SliceFields slice = ParseSlice(codec_, head, size, sets_);
  if (slice.pps_id < 0) {
    // Too short, or garbage: a slice is missing.
    NoteOrphan();
    return;
  }
  switch (Relate(slice)) {
    case Relation::kLate:
      // The picture was delivered too early: this camera marks every slice, or sends SEI between slices. The rest of
      // this picture is dropped.
      habits_.marks_every_slice = true;
      regular_markers_ = 0;
      damage_.Break();
      DropLead();
      return;
    case Relation::kSame:
      AppendLeadToPicture();
      loss_ = 0;
      break;
    case Relation::kSecondField:
      AppendLeadToPicture();
      picture_.fields = 2;
      picture_.slice = slice;
      picture_.incomplete = picture_.incomplete || !slice.first;
      waits_for_field_ = false;
      unpaired_fields_ = 0;
      loss_ = 0;
      break;
    case Relation::kNew:
      if (IsSecondField(slice)) unpaired_fields_ = 0;
      ClosePicture(false);
      OpenPicture(slice);
      break;
  }
  DropLead();
  target_ = Target::kPicture;
  picture_.last_marked = false;
  ++picture_.slices;
  if (picture_.fields < 2) picture_.all_intra = picture_.all_intra && slice.intra;
  picture_.reference = picture_.reference || slice.reference;
}

void AccessUnitBuilder::OpenPicture(const SliceFields& slice) {
  picture_ = Picture{};
  picture_.open = true;
  picture_.slice = slice;
  picture_.fields = slice.field ? 1 : 0;
  picture_.intra_type = slice.idr || slice.irap;
  picture_.recovery = lead_recovery_;
  picture_.incomplete = !slice.first || (orphan_time_ && *orphan_time_ == packet_time_);
  picture_.reference_lost = order_.ReferenceLost(slice, loss_, &trust_);
  loss_ = 0;
  orphan_time_.reset();
  waits_for_field_ = false;
  // Whether an I picture is a keyframe is known when all of its slices are there.
  const bool entry =
      picture_.intra_type || picture_.recovery || (codec_ == NalCodec::kH264 && slice.intra && slice.reference);
  if (sets_.Pps(slice.pps_id) != nullptr) sets_.Use(slice.pps_id);
  unit_ = AccessUnit{};
  unit_.rtp_time = packet_time_;
  unit_.arrival_us = packet_arrival_us_;
  unit_.data.reserve(std::min(LastSize(picture_.intra_type) * 9 / 8, kMaxReserveBytes) + lead_.size());
  WriteLead(slice, entry);
}

void AccessUnitBuilder::Marker() {
  if (!picture_.open) return;
  // Parameter sets, delimiters and SEI wait for their picture, even if their packet has the marker.
  const NalKind last = packet_last_;
  if (last != NalKind::kSlice && last != NalKind::kMore && last != NalKind::kIgnored) return;
  ++picture_.markers;
  picture_.last_marked = true;
  if (habits_.marks_every_slice) return;
  if (picture_.fields == 1 && unpaired_fields_ < kUnpairedFields) {
    // The second field follows at once. Any other NAL unit ends the picture.
    waits_for_field_ = true;
    return;
  }
  ClosePicture(true);
}

// --- The end of a picture

bool AccessUnitBuilder::IsKeyframe() const {
  const SliceFields& slice = picture_.slice;
  if (picture_.intra_type) return true;
  if (codec_ == NalCodec::kHevc || !picture_.all_intra || !picture_.reference) return false;
  // With at most one reference frame, later pictures can refer only to this one.
  return (picture_.recovery && *picture_.recovery == 0) || (slice.max_ref_frames >= 0 && slice.max_ref_frames <= 1);
}

void AccessUnitBuilder::ClosePicture(bool early) {
  if (!picture_.open) return;
  picture_.open = false;
  picture_.early = early;
  if (waits_for_field_) unpaired_fields_ = std::min(unpaired_fields_ + 1, kUnpairedFields);
  waits_for_field_ = false;
  NoteMarkers();
  trust_.Note(gap_);
  gap_ = false;
  habits_.sequence_unreliable = reliable_ ? trust_.unreliable() : habits_.sequence_unreliable;

  PictureFacts facts;
  facts.keyframe = IsKeyframe();
  facts.cra = picture_.slice.cra;
  facts.rasl = picture_.slice.rasl;
  facts.reference = picture_.reference;
  facts.temporal_id = picture_.slice.temporal_id;
  facts.incomplete = picture_.incomplete;
  facts.reference_lost = picture_.reference_lost;
  // Some H.264 cameras send a recovery_frame_cnt of 0 with every picture. With a picture that is not intra it means
  // nothing.
  const bool refresh = picture_.recovery && !facts.keyframe && (codec_ == NalCodec::kHevc || *picture_.recovery > 0);
  if (refresh) facts.recovery = picture_.recovery;
  facts.order = picture_.slice.order;
  facts.order_modulus = picture_.slice.order_modulus;

  unit_.keyframe = facts.keyframe;
  unit_.recovery = refresh;
  unit_.damaged = damage_.Note(facts);
  newest_us_ = unit_.arrival_us;
  if (pictures_++ == 0) keyframe_us_ = newest_us_;
  if (refresh) ++refreshes_;
  NoteKeyframes(facts.keyframe);
  LastSize(picture_.intra_type) = unit_.data.size();
  if (ready_.size() >= kMaxReady) {
    damage_.Break();
    return;
  }
  ready_.push_back(std::move(unit_));
  unit_ = AccessUnit{};
  unit_.rtp_time = ready_.back().rtp_time;
}

void AccessUnitBuilder::NoteKeyframes(bool keyframe) {
  ++since_keyframe_;
  if (!keyframe) return;
  keyframes_ = std::min(keyframes_ + 1, 2);
  since_keyframe_ = 0;
  keyframe_us_ = newest_us_;
  refreshes_ = 0;
}

// Checks whether a camera that marked every slice still does so.
void AccessUnitBuilder::NoteMarkers() {
  if (!habits_.marks_every_slice || picture_.slices < 2 || picture_.markers == 0) return;
  regular_markers_ = picture_.markers == 1 && picture_.last_marked ? regular_markers_ + 1 : 0;
  if (regular_markers_ >= kRegularMarkers) habits_.marks_every_slice = false;
}

// The picture does not end, so the stream cannot continue.
void AccessUnitBuilder::GiveUp() {
  constexpr size_t kMaxMebibytes = kMaxPictureBytes >> 20;
  problem_ = "A picture of the camera has more than " + std::to_string(kMaxMebibytes) + " MiB and does not end.";
  picture_ = Picture{};
  unit_ = AccessUnit{};
  target_ = Target::kNone;
  waits_for_field_ = false;
  damage_.Break();
}

// --- Other functions

void AccessUnitBuilder::Restart() {
  picture_ = Picture{};
  unit_ = AccessUnit{};
  DropLead();
  waits_for_field_ = false;
  loss_ = 0;
  orphan_time_.reset();
  gap_ = false;
  order_.Restart();
  keyframes_ = 0;
  refreshes_ = 0;
  since_keyframe_ = 0;
  keyframe_us_ = newest_us_;
  damage_.Break();
}

bool AccessUnitBuilder::Take(AccessUnit* unit) {
  if (ready_.empty()) return false;
  *unit = std::move(ready_.front());
  ready_.pop_front();
  return true;
}

bool AccessUnitBuilder::intra_refresh_only() const {
  // A first keyframe says nothing: encoders begin their intra refresh with one.
  return keyframes_ < 2 && refreshes_ > 0 &&
         (since_keyframe_ >= kRefreshOnlyPictures || newest_us_ - keyframe_us_ > kRefreshOnlyUs);
}

}  // namespace chrys::rtsp
