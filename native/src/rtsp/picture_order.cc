#include "rtsp/picture_order.h"

#include <algorithm>

namespace chrys::rtsp {

namespace {

// Number of pictures that must have followed each other as expected before a gap in their order alone proves loss, and
// before an order without a gap alone proves that nothing is missing.
constexpr int kProvesLoss = 25;
constexpr int kProvesNoLoss = 4;

}  // namespace

bool PictureOrder::ReferenceLost(const SliceFields& slice, int lost, SequenceTrust* trust) {
  return codec_ == NalCodec::kH264 ? H264(slice, lost, trust) : Hevc(slice, lost, trust);
}

// frame_num advances by one after each reference picture (7.4.3).
bool PictureOrder::H264(const SliceFields& slice, int lost, SequenceTrust* trust) {
  const bool known = slice.order >= 0 && last_ >= 0 && slice.order_modulus > 0;
  bool missing = false;
  if (!slice.idr && !known) {
    missing = lost > 0;
  } else if (!slice.idr) {
    const bool next = slice.order == (last_ + 1) % slice.order_modulus;
    const bool same = slice.order == last_;
    if (lost > 0) {
      // frame_num does not show the loss of a whole period of it, or of one field.
      missing = !(next && in_row_ >= kProvesNoLoss && lost < slice.order_modulus && !slice.field);
      if (missing && !next && in_row_ >= kProvesNoLoss) trust->NoteRealLoss();
    } else {
      // The camera itself has dropped a picture.
      missing = !next && !same && in_row_ >= kProvesLoss && !slice.frame_num_gaps;
    }
    if (!next && (!same || slice.reference)) in_row_ = 0;
    if (next && slice.reference) in_row_ = std::min(in_row_ + 1, kProvesLoss);
  }
  if (slice.reference) last_ = slice.order;
  return missing;
}

// Only a stream without reordering, whose order counts advance evenly, shows that nothing is missing.
bool PictureOrder::Hevc(const SliceFields& slice, int lost, SequenceTrust* trust) {
  bool missing = lost > 0;
  if (slice.order < 0 || slice.order_modulus <= 0) return missing;
  const bool begins_anew = slice.irap && slice.order == 0;
  if (last_ >= 0 && !begins_anew) {
    const int step = (slice.order - last_ + slice.order_modulus) % slice.order_modulus;
    const bool usual = step == step_ && step > 0;
    if (missing && in_row_ >= kProvesNoLoss) {
      if (!usual) trust->NoteRealLoss();
      if (usual && lost < slice.order_modulus / step) missing = false;
    }
    in_row_ = usual ? std::min(in_row_ + 1, kProvesLoss) : 0;
    step_ = step;
  }
  last_ = slice.order;
  return missing;
}

void PictureOrder::Restart() {
  last_ = -1;
  in_row_ = 0;
}

}  // namespace chrys::rtsp
