// The size of a JPEG picture, from its own header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chrys {

// False, and nothing is written: there is no frame header (SOF0 to SOF2, ITU-T T.81, B.2.2). Looks at no entropy-coded data.
bool ReadJpegSize(const uint8_t* data, size_t size, int* width, int* height);

}  // namespace chrys
