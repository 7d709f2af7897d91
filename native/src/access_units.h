// Puts the pieces in which libav's RTP receiver hands out H.264 and HEVC (RFC 6184, RFC 7798) together to access units.
//
// libav's own parser ends an access unit when it sees the next one begin, so every picture arrives one picture late: 40 ms
// at 25 frames a second, most of the way from lens to model. The RTP marker that would tell is not handed on. But it shows
// in the pieces: all fragments of a NAL unit but the last fill their packet, and an encoder keeps its number of slices. So
// this class learns from whole access units when such signs are right, and only then gives a unit out at its last piece.
// A camera whose pieces ever tell wrong is read the slow way again, as the parser would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace chrys {

struct AccessUnit {
  std::vector<uint8_t> data;  // Annex B
  int64_t pts = 0;
  bool damaged = false;  // libav flagged one of its pieces
};

class AccessUnits {
 public:
  enum class Codec { kH264, kHevc };

  explicit AccessUnits(Codec codec) : codec_(codec) {}

  // One piece, in order: one or more whole NAL units with start codes, or the first fragment of one (with start code), or
  // a further fragment (without). Units that are complete can be taken afterwards.
  void Push(const uint8_t* data, size_t size, int64_t pts, bool damaged);

  // False: there is none yet.
  bool Take(AccessUnit* unit);

  // Units in a row, whose end could be told at their last piece, that it takes to believe the signs.
  static constexpr int kTrustAfter = 25;
  // Of units in several fragments it takes this many: only they show how this camera cuts.
  static constexpr int kFragmentedBeforeTrust = 8;
  // How many more units without a wrong sign it takes after a wrong one.
  static constexpr int kDistrustFor = 500;

 private:
  struct Scan {
    bool begins_unit = false;  // a NAL unit that only stands in front of a picture, or a picture's first slice
    int slices = 0;
    bool last_is_slice = false;
  };
  Scan ScanPiece(const uint8_t* data, size_t size) const;
  bool EndsNal(bool first_piece, size_t size);
  void Close();
  void GiveOut();
  void Distrust();
  size_t HeaderBytes() const { return codec_ == Codec::kH264 ? 1 : 2; }

  const Codec codec_;
  AccessUnit open_;
  bool given_out_ = false;      // open_ was given out at its supposed last piece; nothing more should come for it
  int open_slices_ = 0;
  bool in_slice_ = false;       // the NAL unit in progress is a slice
  int ends_seen_ = 0;           // supposed last pieces of open_
  bool at_end_ = false;         // the newest piece was one
  bool open_fragmented_ = false;
  size_t largest_first_ = 0;    // of all pieces with start code: a first fragment is as large as the packets allow
  // How large a first fragment really is, 0 = there was none yet. A whole NAL unit that just fits a packet is a little
  // larger, since it does without the header of a fragment.
  size_t first_fragment_ = 0;
  size_t first_size_ = 0;       // of the piece with start code that the newest one is, 0 = it is none
  size_t nal_fragment_ = 0;     // payload of the first piece of the NAL unit in progress: further ones are as large
  int expected_slices_ = 0;     // in each unit
  int trust_ = 0;
  int fragmented_ = 0;
  std::deque<AccessUnit> ready_;
};

}  // namespace chrys
