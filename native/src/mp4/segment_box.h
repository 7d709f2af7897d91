// The `uuid` box at the end of a segment file: how it is written and found again.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "mp4/segment_file.h"

namespace chrys {

// The whole box with its header.
std::vector<uint8_t> SegmentBox(const Segment& segment);

// Its content, or nullopt when the file has none.
std::optional<std::vector<uint8_t>> FindSegmentBox(const SegmentBytes& bytes);

// nullopt: it is damaged, or of a later version.
std::optional<Segment> ParseSegmentBox(const std::vector<uint8_t>& content);

}  // namespace chrys
