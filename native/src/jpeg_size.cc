#include "jpeg_size.h"

namespace chrys {

bool ReadJpegSize(const uint8_t* data, size_t size, int* width, int* height) {
  if (size < 4 || data[0] != 0xff || data[1] != 0xd8) return false;
  size_t at = 2;
  while (at + 9 < size && data[at] == 0xff) {
    const uint8_t marker = data[at + 1];
    if (marker == 0xff) {
      ++at;  // a fill byte
      continue;
    }
    if (marker == 0xda) return false;
    if (marker >= 0xc0 && marker <= 0xc2) {
      *height = data[at + 5] << 8 | data[at + 6];
      *width = data[at + 7] << 8 | data[at + 8];
      return true;
    }
    at += 2 + (static_cast<size_t>(data[at + 2]) << 8 | data[at + 3]);
  }
  return false;
}

}  // namespace chrys
