// Finds the pictures that loss has damaged: pictures that lost packets, and pictures that may refer to them.
#pragma once

#include <cstdint>
#include <optional>

namespace chrys::rtsp {

struct PictureFacts {
  bool keyframe = false;
  bool cra = false;       // leading pictures after this keyframe may refer to pictures before it
  bool rasl = false;      // such a leading picture
  bool reference = true;  // other pictures may refer to it
  int temporal_id = 0;
  bool incomplete = false;      // packets of it are missing
  bool reference_lost = false;  // whole pictures are missing before it, and it may refer to them
  std::optional<int> recovery;  // an intra refresh begins here, and is complete after this many steps of `order`
  int order = -1;               // frame_num or picture order count; -1: unknown, and pictures are counted
  int order_modulus = 0;
};

class Damage {
 public:
  // Takes the next picture in decoding order. True: it is damaged. Every picture before the first keyframe, or before
  // the end of the first intra refresh, is damaged, because it refers to pictures that never came.
  bool Note(const PictureFacts& picture);
  // Everything that the next pictures may refer to is lost.
  void Break() { BreakFrom(0); }

 private:
  static constexpr int kNone = 8;  // above any temporal id

  void BreakFrom(int temporal_id);
  bool Refreshed(const PictureFacts& picture);

  // The lowest temporal layer that is damaged. Lower layers are whole, because they never refer to a higher one.
  int damaged_from_ = 0;
  int highest_temporal_id_ = 0;
  bool leading_damaged_ = false;
  bool refreshing_ = false;
  int refresh_start_ = -1;
  int refresh_count_ = 0;
  int refresh_pictures_ = 0;
};

// Finds cameras whose sequence numbers have gaps although nothing is missing. Only for transports that lose nothing
// (TCP).
class SequenceTrust {
 public:
  explicit SequenceTrust(bool unreliable) : unreliable_(unreliable) {}

  // Call at the end of each picture. `gap`: numbers were missing within the picture or before it.
  void Note(bool gap);
  // Something was certainly missing: a part of a fragmented NAL unit, or a picture.
  void NoteRealLoss();
  bool unreliable() const { return unreliable_; }

 private:
  // The numbers count as unreliable when more than half of this many pictures have a gap.
  static constexpr int kWindow = 32;
  // The numbers count as reliable again after this many pictures in a row without a gap.
  static constexpr int kTrustAgain = 1500;

  bool unreliable_;
  int pictures_ = 0;
  int with_gap_ = 0;
  int without_gap_in_row_ = 0;
};

}  // namespace chrys::rtsp
