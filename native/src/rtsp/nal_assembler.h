// Joins the parts of NAL units that packets carry, and passes the NAL units to the builder. Also splits NAL units at
// start codes inside them: V380 and others send a whole keyframe, from SPS to slice, as one fragmented SPS.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "rtsp/access_unit_builder.h"

namespace chrys::rtsp {

// To save time, slices are not always searched for start codes. The assembler searches
// - NAL units other than slices: they are short, and a keyframe that is sent as one NAL unit begins with a parameter
// set;
// - all NAL units while the first pictures come;
// - all NAL units of a stream in which a start code was found.
class NalAssembler {
 public:
  explicit NalAssembler(AccessUnitBuilder& builder) : builder_(builder) {}

  bool open() const { return open_; }
  // `header`: the header of the NAL unit, which its fragments do not carry. May be empty.
  void Begin(const uint8_t* header, size_t size);
  void Append(const uint8_t* data, size_t size);
  void End(bool whole);
  // A whole NAL unit with its header. A start code before it is removed.
  void Whole(const uint8_t* data, size_t size);
  // Drops the NAL unit in progress.
  void Reset();

 private:
  void Put(const uint8_t* data, size_t size);
  void FlushHead();
  void EndInner(bool whole);
  bool Scans() const;
  bool IsDelimiter(const uint8_t* next, size_t size) const;

  AccessUnitBuilder& builder_;
  bool open_ = false;
  std::array<uint8_t, kNalHeadBytes> head_{};
  size_t head_size_ = 0;
  bool flushed_ = false;   // the builder has the head
  size_t zeros_ = 0;       // zero bytes at the end of the data so far
  bool compound_ = false;  // a start code was found inside a NAL unit of this stream
};

}  // namespace chrys::rtsp
