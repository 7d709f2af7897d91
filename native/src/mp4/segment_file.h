// A segment of recording: an mp4 file that any player opens, whose last box (a `uuid` box, which players skip) keeps
// what mp4 has no place for: when each packet arrived, its number, and its timestamps as the camera gave them. With it
// the file is all that is needed to answer for that past as memory would.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/audio_stream.h"
#include "rings/packet_ring.h"

namespace chrys {

// What the packets of a segment are.
struct SegmentStream {
  std::string codec_name;          // libav's
  std::vector<uint8_t> extradata;  // as the stream announced it
  int width = 0;
  int height = 0;
  std::optional<AudioStream> audio;
};

// Where the packets of a segment come from.
struct SegmentRings {
  PacketRingView video;
  PacketRingView audio;  // without a base: there is none
};

struct SegmentSample {
  PacketInfo packet;   // its size is that of the sample
  int64_t offset = 0;  // of the sample in the file
};

// A packet of sound. Its time counts from the first frame shown, in samples.
struct AudioSample {
  int64_t time = 0;
  int64_t offset = 0;  // in the file
  int32_t size = 0;
};

struct Segment {
  SegmentStream stream;
  std::vector<uint8_t> parameter_sets;  // what a decoder of the file needs, Annex B; empty where the codec has none
  int64_t duration = 0;  // in the packets' time base, from the first frame shown to the end of the last one
  std::vector<SegmentSample> samples;  // in decoding order
  std::vector<AudioSample> sound;
  int64_t bytes = 0;  // of the file

  std::vector<PacketInfo> packets() const;
  bool length_prefixed() const;  // samples have lengths where Annex B has start codes
};

// The bytes of a segment, in a file or in memory.
class SegmentBytes {
 public:
  virtual ~SegmentBytes() = default;
  // False: not all of them can be read.
  virtual bool Read(int64_t offset, uint8_t* target, size_t bytes) const = 0;
  virtual int64_t size() const = 0;
};

// The system's error number instead, when it cannot be opened.
struct OpenedSegment {
  std::unique_ptr<SegmentBytes> bytes;
  int error_number = 0;
};
OpenedSegment OpenSegment(const std::string& path);
std::unique_ptr<SegmentBytes> SegmentInMemory(std::vector<uint8_t> bytes);

// The duration of the packet `at` in a row of packets, in samples. `last`: the duration of the last packet.
int64_t AudioDuration(const std::vector<int64_t>& times, size_t at, int64_t last);

// nullopt: it is no segment, or not a whole one.
std::optional<Segment> ReadSegment(const SegmentBytes& bytes);

struct SegmentResult {
  enum Kind { kMade, kOverrun, kFailed } kind = kFailed;
  Segment segment;
  std::vector<uint8_t> bytes;
  int error_number = 0;  // the system's, when the disk was the cause
  std::string failure;   // a sentence
};

// Makes a segment of the packets [first, end) of the video's ring and the sound of that time, whole groups of pictures
// of one connection. kOverrun: some are not there any more.
SegmentResult MakeSegment(const SegmentRings& rings, int64_t first, int64_t end, const SegmentStream& stream);

// Makes one and puts it into a new file, which is on the disk when this returns. No file is left unless it is whole.
SegmentResult WriteSegment(const SegmentRings& rings, int64_t first, int64_t end, const SegmentStream& stream,
                           const std::string& path);

}  // namespace chrys
