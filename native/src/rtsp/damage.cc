#include "rtsp/damage.h"

#include <algorithm>

namespace chrys::rtsp {

void Damage::BreakFrom(int temporal_id) {
  damaged_from_ = std::min(damaged_from_, temporal_id);
  refreshing_ = false;
}

// Whether the intra refresh in progress is complete with this picture.
bool Damage::Refreshed(const PictureFacts& picture) {
  if (picture.recovery && !refreshing_ && !picture.incomplete) {
    refreshing_ = true;
    refresh_start_ = picture.order;
    refresh_count_ = *picture.recovery;
    refresh_pictures_ = 0;
  } else if (refreshing_) {
    ++refresh_pictures_;
  }
  if (!refreshing_) return false;
  int passed = refresh_pictures_;
  if (refresh_start_ >= 0 && picture.order >= 0 && picture.order_modulus > 0) {
    passed = (picture.order - refresh_start_ + picture.order_modulus) % picture.order_modulus;
    // Pictures that are shown before the recovery point seem to be far after it, because `order` wraps.
    if (passed > picture.order_modulus / 2 && refresh_pictures_ <= passed / 2) passed = 0;
  }
  return passed >= refresh_count_;
}

bool Damage::Note(const PictureFacts& picture) {
  highest_temporal_id_ = std::max(highest_temporal_id_, picture.temporal_id);
  if (picture.reference_lost) BreakFrom(0);
  if (picture.keyframe) {
    leading_damaged_ = picture.cra && damaged_from_ < kNone;
    damaged_from_ = kNone;
    refreshing_ = false;
  } else if (damaged_from_ < kNone && Refreshed(picture)) {
    damaged_from_ = kNone;
    refreshing_ = false;
  }
  const bool damaged = picture.incomplete || picture.temporal_id >= damaged_from_ || (picture.rasl && leading_damaged_);
  if (picture.incomplete) {
    // HEVC: higher temporal layers may refer to a picture that its own layer does not refer to.
    if (picture.reference) {
      BreakFrom(picture.temporal_id);
    } else if (picture.temporal_id < highest_temporal_id_) {
      BreakFrom(picture.temporal_id + 1);
    }
  }
  return damaged;
}

void SequenceTrust::Note(bool gap) {
  without_gap_in_row_ = gap ? 0 : std::min(without_gap_in_row_ + 1, kTrustAgain);
  if (unreliable_) {
    if (without_gap_in_row_ == kTrustAgain) unreliable_ = false;
    return;
  }
  ++pictures_;
  if (gap) ++with_gap_;
  if (pictures_ < kWindow) return;
  if (with_gap_ * 2 > pictures_) unreliable_ = true;
  pictures_ = 0;
  with_gap_ = 0;
}

void SequenceTrust::NoteRealLoss() {
  pictures_ = 0;
  with_gap_ = 0;
}

}  // namespace chrys::rtsp
