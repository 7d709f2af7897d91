// Something made of the past for one reader, piece by piece. Used by one thread, which it blocks only while it makes a
// piece.
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
      kMore,      // Add has to be called first, with the segments that have packets from wanted() on
      kTooSmall,  // call it again with a larger target
      kTooLarge,  // no client would take so large a piece
      kFailed,
    } kind = kEnd;
    size_t offset = 0;         // of the piece in the target
    size_t bytes = 0;          // of the piece; kTooSmall: that the target must have
    int64_t arrival_us = 0;    // of the frame's packet
    std::string failure = {};  // a sentence
  };
  // Writes the next piece somewhere into `target`.
  virtual Answer Next(uint8_t* target, size_t room) = 0;
  virtual int64_t wanted() const = 0;
  virtual void Add(std::vector<HistorySegment> segments, bool more) = 0;
};

}  // namespace chrys
