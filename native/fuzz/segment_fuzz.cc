// Fuzz target: segment files. Reads the index of packets in the `uuid` box, and libav's mp4 index.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "history/history_packets.h"
#include "mp4/mp4_index.h"
#include "mp4/segment_box.h"
#include "mp4/segment_file.h"
#include "rings/packet_ring.h"

extern "C" {
#include <libavutil/log.h>
}

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  av_log_set_level(AV_LOG_QUIET);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::vector<uint8_t> input(data, data + size);
  // The box by itself, which a mutated file rarely reaches, and the whole file.
  if (const auto segment = chrys::ParseSegmentBox(input)) (void)chrys::SegmentBox(*segment);
  const auto file = chrys::SegmentInMemory(input);
  if (chrys::ReadSegment(*file)) (void)chrys::CodecConfiguration(*file);
  return 0;
}
