// Writes and reads the `uuid` box at the end of a segment file.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mp4/segment_file.h"

namespace chrys {

// The whole box, header included.
std::vector<uint8_t> SegmentBox(const Segment& segment);

// The content of the box. nullopt: the file has none.
std::optional<std::vector<uint8_t>> FindSegmentBox(const SegmentBytes& bytes);

// nullopt: damaged, or of a later version.
std::optional<Segment> ParseSegmentBox(const std::vector<uint8_t>& content);

}  // namespace chrys
