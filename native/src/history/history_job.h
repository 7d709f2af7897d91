// A job that makes something of a camera's history for one reader, piece by piece: frames, or a clip. Used by one
// thread, which it blocks only while it makes a piece.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "history/history_packets.h"

namespace chrys {

class HistoryJob {
 public:
  virtual ~HistoryJob() = default;

  struct Answer {
    enum Kind {
      kPiece,
      kEnd,
      kMore,      // Add must be called first, with the segments from next_sequence() on
      kTooSmall,  // call again with a target of at least `bytes`
      kTooLarge,  // the piece exceeds a message
      kFailed,
    } kind = kEnd;
    size_t offset = 0;         // of the piece in the target
    size_t bytes = 0;          // of the piece; kTooSmall: the minimum size of the target
    int64_t arrival_us = 0;    // of the frame's packet
    std::string failure = {};  // kTooLarge, kFailed: what happened and what to do
  };
  // Writes the next piece somewhere into `target`, which has `room` bytes.
  virtual Answer Next(uint8_t* target, size_t room) = 0;
  // The first packet that is needed next.
  virtual int64_t next_sequence() const = 0;
  // Adds segments. `more`: the caller has further ones.
  virtual void Add(std::vector<HistorySegment> segments, bool more) = 0;
};

}  // namespace chrys
