// Finds out from the slice headers' order fields whether pictures are missing.
#pragma once

#include "rtsp/damage.h"
#include "rtsp/nal_headers.h"

namespace chrys::rtsp {

class PictureOrder {
 public:
  explicit PictureOrder(NalCodec codec) : codec_(codec) {}

  // Takes the first slice of the next picture, with `lost` packets missing before it. True: a picture that it may refer
  // to is missing. `trust` is told about real loss.
  bool ReferenceLost(const SliceFields& slice, int lost, SequenceTrust* trust);
  void Restart();

 private:
  bool H264(const SliceFields& slice, int lost, SequenceTrust* trust);
  bool Hevc(const SliceFields& slice, int lost, SequenceTrust* trust);

  const NalCodec codec_;
  int last_ = -1;   // frame_num of the last reference picture, or order count of the last picture (HEVC); -1: unknown
  int step_ = 0;    // HEVC: between the last two pictures
  int in_row_ = 0;  // pictures that followed as expected
};

}  // namespace chrys::rtsp
