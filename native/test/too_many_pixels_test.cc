// A stream that declares huge pictures does not use memory: `too_many_pixels_test`.
#include "codec/parameters.h"
#include "frames/decoder.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

using namespace chrys;

namespace {

constexpr int64_t kMebibyte = 1024 * 1024;

// Writes H.264 headers (ITU-T H.264 7.3.2 and 7.3.3) as Annex B.
class NalWriter {
 public:
  explicit NalWriter(uint8_t header) { bytes_.assign({0, 0, 0, 1, header}); }

  NalWriter& Bits(unsigned value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      pending_ = static_cast<uint8_t>(pending_ << 1 | ((value >> i) & 1));
      if (++pending_bits_ < 8) continue;
      // Emulation prevention.
      if (zeros_ == 2 && pending_ <= 3) {
        bytes_.push_back(3);
        zeros_ = 0;
      }
      bytes_.push_back(pending_);
      zeros_ = pending_ == 0 ? zeros_ + 1 : 0;
      pending_ = 0;
      pending_bits_ = 0;
    }
    return *this;
  }

  NalWriter& Ue(unsigned value) {
    int length = 0;
    while ((value + 1) >> (length + 1) != 0) ++length;
    return Bits(0, length).Bits(value + 1, length + 1);
  }

  std::vector<uint8_t> End() {
    Bits(1, 1);
    while (pending_bits_ != 0) Bits(0, 1);
    return bytes_;
  }

 private:
  std::vector<uint8_t> bytes_;
  uint8_t pending_ = 0;
  int pending_bits_ = 0;
  int zeros_ = 0;
};

// `crop`: pixels that are cut off on the right and at the bottom.
std::vector<uint8_t> Sps(unsigned width, unsigned height, unsigned crop_right = 0, unsigned crop_bottom = 0) {
  NalWriter sps(0x67);
  sps.Bits(66, 8).Bits(0xc0, 8).Bits(62, 8);              // profile, constraints, level
  sps.Ue(0).Ue(0).Ue(2).Ue(1).Bits(0, 1);                 // id, frame_num bits, poc type, references, gaps
  sps.Ue(width / 16 - 1).Ue(height / 16 - 1).Bits(3, 2);  // macroblocks; frames only, direct 8x8
  const bool cropped = crop_right > 0 || crop_bottom > 0;
  sps.Bits(cropped ? 1 : 0, 1);
  if (cropped) sps.Ue(0).Ue(crop_right / 2).Ue(0).Ue(crop_bottom / 2);
  return sps.Bits(0, 1).End();
}

std::vector<uint8_t> Keyframe(const std::vector<uint8_t>& sps) {
  std::vector<uint8_t> unit = sps;
  const auto pps =
      NalWriter(0x68).Ue(0).Ue(0).Bits(0, 2).Ue(0).Ue(0).Ue(0).Bits(0, 3).Ue(0).Ue(0).Ue(0).Bits(0, 3).End();
  unit.insert(unit.end(), pps.begin(), pps.end());
  NalWriter slice(0x65);
  slice.Ue(0).Ue(7).Ue(0).Bits(0, 4).Ue(0).Bits(0, 2).Ue(0);
  // Any macroblocks: libav allocates the picture before it reads them.
  for (int i = 0; i < 4000; ++i) slice.Bits(0x5a, 8);
  const auto data = slice.End();
  unit.insert(unit.end(), data.begin(), data.end());
  unit.resize(unit.size() + AV_INPUT_BUFFER_PADDING_SIZE);
  return unit;
}

AvPtr<AVCodecParameters> H264() {
  AvPtr<AVCodecParameters> parameters(avcodec_parameters_alloc());
  parameters->codec_type = AVMEDIA_TYPE_VIDEO;
  parameters->codec_id = AV_CODEC_ID_H264;
  return parameters;
}

AvPtr<AVPacket> PacketOver(std::vector<uint8_t>& unit) {
  AvPtr<AVPacket> packet(av_packet_alloc());
  packet->data = unit.data();
  packet->size = static_cast<int>(unit.size() - AV_INPUT_BUFFER_PADDING_SIZE);
  return packet;
}

// The maximum memory of this process so far.
int64_t PeakBytes() {
  FILE* file = std::fopen("/proc/self/status", "r");
  char line[256];
  long long kilobytes = 0;
  while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
    if (std::sscanf(line, "VmHWM: %lld kB", &kilobytes) == 1) break;
  }
  if (file != nullptr) std::fclose(file);
  return kilobytes * 1024;
}

TEST_CASE("headers give the size before the decoder does") {
  std::vector<uint8_t> unit = Keyframe(Sps(16'000, 16'000));
  ParameterReader reader;
  reader.Open(H264().get());
  const auto answer = reader.Read(PacketOver(unit).get());
  CHECK(answer.coded_width == 16'000);
  CHECK(answer.coded_height == 16'000);
  const auto failure = TooManyPixels(answer.coded_width, answer.coded_height, kDefaultMaxPixels);
  REQUIRE(failure);
  CHECK(failure->end == std::string(end::kTooManyPixels));
  CHECK(failure->message.find("16000x16000") != std::string::npos);
  CHECK(failure->message.find("35389440") != std::string::npos);
}

TEST_CASE("cropped pictures count with their coded size") {
  std::vector<uint8_t> unit = Keyframe(Sps(16'000, 16'000, 15'360, 15'520));
  ParameterReader reader;
  reader.Open(H264().get());
  const auto answer = reader.Read(PacketOver(unit).get());
  CHECK(reader.width == 640);
  CHECK(reader.height == 480);
  CHECK(answer.coded_width == 16'000);
  CHECK(answer.coded_height == 16'000);
}

TEST_CASE("padding up to whole blocks does not count") {
  std::vector<uint8_t> unit = Keyframe(Sps(1920, 1088, 0, 8));
  ParameterReader reader;
  reader.Open(H264().get());
  const auto answer = reader.Read(PacketOver(unit).get());
  CHECK(answer.coded_width == 1920);
  CHECK(answer.coded_height == 1080);
  CHECK(!TooManyPixels(answer.coded_width, answer.coded_height, 1920 * 1080));
}

// The second check: libav fills tables of its own before it allocates the picture.
TEST_CASE("the decoder allocates no memory for pictures that are too large") {
  av_log_set_level(AV_LOG_QUIET);
  for (const auto& sps : {Sps(16'000, 16'000), Sps(16'000, 16'000, 15'360, 15'520)}) {
    Decoder decoder;
    CHECK(!decoder.Open(H264().get(), 1, Decoder::Threading::kSlices, kDefaultMaxPixels));
    std::vector<uint8_t> unit = Keyframe(sps);
    PacketInfo info;
    const int64_t before = PeakBytes();
    decoder.Send(PacketOver(unit).get(), info);
    decoder.Drain();
    CHECK(decoder.Receive() == nullptr);
    CHECK(PeakBytes() - before < 150 * kMebibyte);
  }
}

TEST_CASE("parameter sets alone are enough") {
  const auto parameters = H264();
  parameters->width = 16'000;
  parameters->height = 16'000;
  Decoder decoder;
  const auto failure = decoder.Open(parameters.get(), 1, Decoder::Threading::kSlices, kDefaultMaxPixels);
  REQUIRE(failure);
  CHECK(failure->end == std::string(end::kTooManyPixels));
}

TEST_CASE("JPEG headers give their size") {
  const std::vector<uint8_t> jpeg{0xff, 0xd8, 0xff, 0xe0, 0,    4, 1, 2, 0xff, 0xff, 0xc0, 0,
                                  11,   8,    0x05, 0xa0, 0x0a, 0, 1, 1, 0x11, 0,    0xff, 0xda};
  int width = 0;
  int height = 0;
  REQUIRE(JpegSize(jpeg.data(), jpeg.size(), &width, &height));
  CHECK(width == 2560);
  CHECK(height == 1440);
  for (size_t bytes = 0; bytes < 18; ++bytes) {
    const std::vector<uint8_t> part(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(bytes));
    CHECK(!JpegSize(part.data(), part.size(), &width, &height));
  }
}

TEST_CASE("limits do not overflow") {
  CHECK(!TooManyPixels(0, 100, 1));
  CHECK(!TooManyPixels(8192, 4320, kDefaultMaxPixels));
  CHECK(TooManyPixels(8193, 4320, kDefaultMaxPixels));
  CHECK(TooManyPixels(INT32_MAX, INT32_MAX, kDefaultMaxPixels));
}

}  // namespace
