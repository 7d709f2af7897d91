// A segment: an mp4 file that any player opens. Its last box, a `uuid` box that players skip, holds what mp4 cannot:
// arrival, sequence and original timestamps of each packet. So the file alone can answer history queries as the packet
// ring does.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/audio_stream.h"
#include "rings/packet_ring.h"

namespace chrys {

// What the packets of a segment are.
struct SegmentStream {
  std::string codec_name;          // libav's
  std::vector<uint8_t> extradata;  // as the stream declared it
  int width = 0;
  int height = 0;
  std::optional<AudioStream> audio;
};

// The rings from which a segment is made.
struct SegmentRings {
  PacketRingView video;
  PacketRingView audio;  // without a base: no audio
};

struct SegmentSample {
  PacketInfo packet;   // packet.size is the size of the sample
  int64_t offset = 0;  // in the file
};

struct AudioSample {
  int64_t time = 0;    // from the first frame shown, in units of 1 / sample_rate
  int64_t offset = 0;  // in the file
  int32_t size = 0;
};

struct Segment {
  SegmentStream stream;
  std::vector<uint8_t> parameter_sets;  // Annex B; empty when the codec has none
  int64_t duration = 0;  // in the packets' time base, from the first frame shown to the end of the last one
  std::vector<SegmentSample> samples;  // in decoding order
  std::vector<AudioSample> audio_samples;
  int64_t bytes = 0;  // of the file

  std::vector<PacketInfo> packets() const;
  bool length_prefixed() const;  // NAL units have lengths instead of start codes
};

// The bytes of a segment, in a file or in memory.
class SegmentBytes {
 public:
  virtual ~SegmentBytes() = default;
  // False: not all of them can be read.
  virtual bool Read(int64_t offset, uint8_t* target, size_t bytes) const = 0;
  virtual int64_t size() const = 0;
};

Result<std::unique_ptr<SegmentBytes>> OpenSegment(const std::string& path);
std::unique_ptr<SegmentBytes> SegmentInMemory(std::vector<uint8_t> bytes);

// Duration of audio packet `index` in units of 1 / sample_rate: the distance to the next packet. `last`: the duration
// of the last packet.
int64_t AudioDuration(const std::vector<int64_t>& times, size_t index, int64_t last);

// nullopt: not a segment, or damaged.
std::optional<Segment> ReadSegment(const SegmentBytes& bytes);

struct MadeSegment {
  Segment segment;
  std::vector<uint8_t> bytes;
};

// Makes a segment of the packets [first, end) of the video ring, whole GOPs of one connection, and of the audio of that
// time. nullopt: some of the packets were overwritten.
Result<std::optional<MadeSegment>> MakeSegment(const SegmentRings& rings, int64_t first, int64_t end,
                                               const SegmentStream& stream);

// Makes a segment and writes it to a new file, which is synced to the disk when this returns. On failure there is no
// file.
Result<std::optional<MadeSegment>> WriteSegment(const SegmentRings& rings, int64_t first, int64_t end,
                                                const SegmentStream& stream, const std::string& path);

}  // namespace chrys
