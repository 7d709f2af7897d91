// Audio over RTP: `audio_test`.
#include <doctest/doctest.h>

#include <cstdio>
#include <string>

#include "codec/aac_config.h"
#include "rtsp/audio.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

using Bytes = std::vector<uint8_t>;

Format FormatOf(const std::string& name, int clock_rate, int channels = 1,
                std::map<std::string, std::string> fmtp = {}) {
  Format format;
  format.name = name;
  format.clock_rate = clock_rate;
  format.channels = channels;
  format.fmtp = std::move(fmtp);
  return format;
}

std::unique_ptr<AudioDepacketizer> Make(const Format& format) {
  std::string why;
  auto made = MakeAudioDepacketizer(format, &why);
  INFO(format.name, ": ", why);
  REQUIRE(made != nullptr);
  return made;
}

std::vector<AudioUnit> Push(AudioDepacketizer& audio, const Bytes& payload, uint32_t rtp_time, bool marker = true,
                            int lost = 0) {
  RtpPacket packet;
  packet.payload = payload.data();
  packet.size = payload.size();
  packet.timestamp = rtp_time;
  packet.marker = marker;
  audio.Push(packet, lost);
  return audio.Take();
}

Bytes Join(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

// A packet of AAC-hbr: AU headers, then units.
Bytes AuPacket(const std::vector<Bytes>& units, size_t declared_size = 0) {
  Bytes packet{0, static_cast<uint8_t>(16 * units.size())};
  for (const Bytes& unit : units) {
    const size_t size = declared_size > 0 ? declared_size : unit.size();
    packet.push_back(static_cast<uint8_t>(size >> 5));
    packet.push_back(static_cast<uint8_t>(size << 3));
  }
  for (const Bytes& unit : units) packet.insert(packet.end(), unit.begin(), unit.end());
  return packet;
}

Bytes Adts(const Bytes& unit, int rate_index, int channels) {
  const size_t size = unit.size() + 7;
  return Join(
      {{0xff, 0xf1, static_cast<uint8_t>(1 << 6 | rate_index << 2), static_cast<uint8_t>(channels << 6 | size >> 11),
        static_cast<uint8_t>(size >> 3), static_cast<uint8_t>((size & 7) << 5 | 0x1f), 0xfc},
       unit});
}

const std::map<std::string, std::string> kHbr{
    {"mode", "AAC-hbr"}, {"config", "1408"}, {"sizelength", "13"}, {"indexlength", "3"}, {"indexdeltalength", "3"}};
const Bytes kOne{0x21, 1, 2, 3};
const Bytes kTwo{0x21, 4, 5};
const Bytes kThree(300, 7);

TEST_CASE("AAC units and their times are read") {
  const auto audio = Make(FormatOf("MPEG4-GENERIC", 16'000, 1, kHbr));
  CHECK(audio->known());
  CHECK((audio->stream() == AudioStream{"aac", {0x14, 0x08}, 16'000, 1}));
  auto units = Push(*audio, AuPacket({kOne}), 5000);
  REQUIRE(units.size() == 1);
  CHECK(units[0].data == kOne);
  CHECK(units[0].rtp_time == 5000);
  CHECK(units[0].ticks == 1024);
  units = Push(*audio, AuPacket({kOne, kTwo, kThree}), 0xffffffff);
  CHECK(units.size() == 3);
  CHECK(units[1].data == kTwo);
  CHECK(units[1].rtp_time == 1023);
  CHECK(units[2].data == kThree);
  CHECK(units[2].rtp_time == 2047);
  // Units and headers that do not fit into the packet.
  Bytes cut = AuPacket({kOne, kThree});
  cut.resize(cut.size() - 1);
  CHECK(Push(*audio, cut, 9000).size() == 1);
  CHECK(Push(*audio, {}, 9000).empty());
  CHECK(Push(*audio, {0xff}, 9000).empty());
  CHECK(Push(*audio, {0, 0, 1, 2}, 9000).empty());
  CHECK(Push(*audio, {0xff, 0x00, 1, 2}, 9000).empty());
}

TEST_CASE("all forms of AAC headers are read") {
  // AAC-lbr, without and with its lengths.
  const auto low = Make(FormatOf("MPEG4-GENERIC", 8000, 1, {{"mode", "AAC-lbr"}, {"config", "1588"}}));
  auto units = Push(*low, Join({{0, 16, 4 << 2, 3 << 2}, kOne, kTwo}), 0);
  REQUIRE(units.size() == 2);
  CHECK(units[0].data == kOne);
  CHECK(units[1].data == kTwo);
  CHECK(units[1].rtp_time == 1024);
  // Constant sizes have no headers at all.
  const auto constant = Make(FormatOf("MPEG4-GENERIC", 48'000, 2, {{"constantsize", "3"}, {"config", "1190"}}));
  CHECK(constant->stream().channels == 2);
  CHECK(constant->stream().sample_rate == 48'000);
  units = Push(*constant, Join({kTwo, kTwo}), 0);
  REQUIRE(units.size() == 2);
  CHECK(units[1].data == kTwo);
  CHECK(units[1].rtp_time == 1024);
  // Declared fields that are not used: CTS and DTS differences, random access, auxiliary data.
  auto fmtp = kHbr;
  fmtp["ctsdeltalength"] = "8";
  fmtp["dtsdeltalength"] = "8";
  fmtp["randomaccessindication"] = "1";
  fmtp["auxiliarydatasizelength"] = "8";
  const auto fields = Make(FormatOf("MPEG4-GENERIC", 16'000, 1, fmtp));
  // Size 4, index 0, no CTS, DTS 0, random access; 16 bits of auxiliary data.
  units = Push(*fields, Join({{0, 27, 0, 0x20, 0x40, 0x20}, {16, 0xaa, 0xbb}, kOne}), 0);
  REQUIRE(units.size() == 1);
  CHECK(units[0].data == kOne);
  // HE-AAC: the RTP clock differs from the sample rate.
  const auto doubled = Make(FormatOf("MPEG4-GENERIC", 48'000, 2, {{"config", "2b118800"}}));
  units = Push(*doubled, AuPacket({kOne, kTwo}), 0);
  CHECK(doubled->stream().sample_rate == 48'000);
  REQUIRE(units.size() == 2);
  CHECK(units[1].rtp_time == 2048);
}

TEST_CASE("AAC fragments are joined, and dropped when one is lost") {
  const auto audio = Make(FormatOf("MPEG4-GENERIC", 16'000, 1, kHbr));
  const Bytes head(kThree.begin(), kThree.begin() + 200);
  const Bytes tail(kThree.begin() + 200, kThree.end());
  // Each part has the size of the whole unit.
  CHECK(Push(*audio, AuPacket({head}, 300), 0, false).empty());
  auto units = Push(*audio, AuPacket({tail}, 300), 0, true);
  REQUIRE(units.size() == 1);
  CHECK(units[0].data == kThree);
  // One part is lost.
  CHECK(Push(*audio, AuPacket({tail}, 300), 1024, true, 1).empty());
  CHECK(Push(*audio, AuPacket({head}, 300), 2048, false).empty());
  CHECK(Push(*audio, AuPacket({kOne}), 3072, true, 1).size() == 1);
  // Each part has its own size.
  CHECK(Push(*audio, AuPacket({head}), 4096, false).empty());
  units = Push(*audio, AuPacket({tail}), 4096, true);
  REQUIRE(units.size() == 1);
  CHECK(units[0].data == kThree);
  CHECK(units[0].rtp_time == 4096);
  CHECK(Push(*audio, AuPacket({head}), 5120, false).empty());
  CHECK(Push(*audio, AuPacket({tail}), 5120, false, 1).empty());
  CHECK(Push(*audio, AuPacket({tail}), 5120, true).empty());
  CHECK(Push(*audio, AuPacket({kOne}), 6144).size() == 1);
  // A camera that never sets the marker.
  const auto unmarked = Make(FormatOf("MPEG4-GENERIC", 16'000, 1, kHbr));
  CHECK(Push(*unmarked, AuPacket({kOne}), 0, false).empty());
  units = Push(*unmarked, AuPacket({kTwo}), 1024, false);
  REQUIRE(units.size() == 2);
  CHECK(units[0].data == kOne);
  CHECK(units[1].data == kTwo);
  CHECK(Push(*unmarked, AuPacket({kTwo}), 2048, false).size() == 1);
  // Parts that never end.
  for (int i = 0; i < 2000; ++i) CHECK(Push(*audio, AuPacket({kThree}, 8000), 7168, false).size() <= 1);
}

TEST_CASE("ADTS headers are read and removed") {
  // 16 kHz, mono; the SDP has no configuration.
  const auto audio = Make(FormatOf("MPEG4-GENERIC", 44'100, 2, {{"mode", "AAC-hbr"}}));
  CHECK(!audio->known());
  auto units = Push(*audio, AuPacket({Adts(kOne, 8, 1)}), 0);
  CHECK(audio->known());
  CHECK((audio->stream() == AudioStream{"aac", {0x14, 0x08}, 16'000, 1}));
  REQUIRE(units.size() == 1);
  CHECK(units[0].data == kOne);
  // Without AU headers, and several frames in a packet.
  units = Push(*audio, Join({Adts(kOne, 8, 1), Adts(kTwo, 8, 1)}), 0);
  REQUIRE(units.size() == 2);
  CHECK(units[0].data == kOne);
  CHECK(units[1].data == kTwo);
  CHECK(units[1].rtp_time > 0);
  // Without ADTS, only the rtpmap describes the stream.
  const auto guessed = Make(FormatOf("MPEG4-GENERIC", 44'100, 2, {}));
  CHECK(!guessed->known());
  CHECK(Push(*guessed, AuPacket({kOne}), 0).size() == 1);
  CHECK((guessed->stream() == AudioStream{"aac", {0x12, 0x10}, 44'100, 2}));
}

// A stream of bits for LATM.
struct Bits {
  Bytes bytes;
  int used = 0;
  Bits& Put(uint32_t value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (used % 8 == 0) bytes.push_back(0);
      bytes.back() = static_cast<uint8_t>(bytes.back() | (value >> i & 1) << (7 - used % 8));
      ++used;
    }
    return *this;
  }
  Bits& Put(const Bytes& values) {
    for (const uint8_t value : values) Put(value, 8);
    return *this;
  }
};

// Version 0, AAC-LC of 24 kHz, mono.
Bits& PutMuxConfig(Bits& bits, int sub_frames) {
  bits.Put(0, 1).Put(1, 1).Put(static_cast<uint32_t>(sub_frames - 1), 6).Put(0, 4).Put(0, 3);
  bits.Put(0x1308, 16);  // AudioSpecificConfig
  return bits.Put(0, 3).Put(0xff, 8).Put(0, 1).Put(0, 1);
}

TEST_CASE("LATM is read with its configuration in the SDP or in the stream") {
  // As in RFC 6416: the configuration is in the SDP.
  Bits config;
  PutMuxConfig(config, 2);
  std::string hex;
  for (const uint8_t byte : config.bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02X", byte);
    hex += digits;
  }
  const auto audio = Make(FormatOf("MP4A-LATM", 24'000, 1, {{"cpresent", "0"}, {"config", hex}}));
  CHECK(audio->known());
  CHECK((audio->stream() == AudioStream{"aac", {0x13, 0x08}, 24'000, 1}));
  auto units = Push(*audio, Join({{4}, kOne, {255, 45}, kThree}), 100);
  REQUIRE(units.size() == 2);
  CHECK(units[0].data == kOne);
  CHECK(units[1].data == kThree);
  CHECK(units[1].rtp_time == 1124);
  // In two packets.
  const Bytes element = Join({{255, 45}, kThree, {3}, kTwo});
  CHECK(Push(*audio, {element.begin(), element.begin() + 100}, 200, false).empty());
  units = Push(*audio, {element.begin() + 100, element.end()}, 200, true);
  REQUIRE(units.size() == 2);
  CHECK(units[0].data == kThree);
  CHECK(units[1].data == kTwo);
  // One part is lost.
  CHECK(Push(*audio, {element.begin(), element.begin() + 100}, 300, false).empty());
  CHECK(Push(*audio, {element.begin() + 200, element.end()}, 300, true, 1).empty());
  CHECK(Push(*audio, element, 400).size() == 2);
  // The configuration is in the stream: the first element carries it, the second one uses it.
  const auto in_band = Make(FormatOf("MP4A-LATM", 90'000, 1, {}));
  REQUIRE(in_band);
  CHECK(!in_band->known());
  Bits same;
  same.Put(1, 1).Put(4, 8).Put(kOne);
  CHECK(Push(*in_band, same.bytes, 0).empty());
  Bits first;
  first.Put(0, 1);
  PutMuxConfig(first, 1).Put(4, 8).Put(kOne);
  units = Push(*in_band, first.bytes, 90'000);
  CHECK(in_band->known());
  CHECK(in_band->stream().sample_rate == 24'000);
  CHECK(in_band->stream().extradata == Bytes({0x13, 0x08}));
  REQUIRE(units.size() == 1);
  CHECK(units[0].data == kOne);
  CHECK(units[0].ticks == 3840);
  units = Push(*in_band, same.bytes, 93'840);
  REQUIRE(units.size() == 1);
  CHECK(units[0].data == kOne);
}

TEST_CASE("the duration of Opus packets is read from their first bytes") {
  const auto audio = Make(FormatOf("OPUS", 48'000, 2));
  CHECK(audio->stream().codec_name == "opus");
  CHECK(audio->stream().sample_rate == 48'000);
  CHECK(audio->stream().channels == 2);
  CHECK(audio->stream().extradata.size() == 19);
  const auto ticks = [&](Bytes packet) {
    const auto units = Push(*audio, packet, 0);
    return units.empty() ? 0 : units[0].ticks;
  };
  CHECK(ticks({0x78, 1}) == 960);      // CELT-like hybrid of 20 ms
  CHECK(ticks({0xe0, 1}) == 120);      // CELT, 2.5 ms
  CHECK(ticks({0xfd, 1}) == 1920);     // two of 20 ms
  CHECK(ticks({0x18, 1}) == 2880);     // SILK, 60 ms
  CHECK(ticks({0xfb, 3, 1}) == 2880);  // three of 20 ms
  CHECK(ticks({0xfb, 63}) == 0);       // longer than 120 ms
  CHECK(ticks({0xfb}) == 0);
  CHECK(ticks({}) == 0);
}

TEST_CASE("packets of uncompressed audio are as long as their samples") {
  struct Row {
    const char* name;
    int rate;
    int channels;
    const char* codec;
    int64_t ticks;  // of 160 bytes
  };
  for (const Row& row : {Row{"PCMU", 8000, 1, "pcm_mulaw", 160}, Row{"PCMA", 16'000, 1, "pcm_alaw", 160},
                         Row{"PCMA", 8000, 2, "pcm_alaw", 80}, Row{"G726-16", 8000, 1, "adpcm_g726le", 640},
                         Row{"G726-24", 8000, 1, "adpcm_g726le", 426}, Row{"G726-32", 8000, 1, "adpcm_g726le", 320},
                         Row{"AAL2-G726-40", 8000, 1, "adpcm_g726", 256}, Row{"L16", 44'100, 2, "pcm_s16be", 40},
                         Row{"PCM", 48'000, 1, "pcm_s16le", 80}}) {
    const auto audio = Make(FormatOf(row.name, row.rate, row.channels));
    REQUIRE(audio);
    CHECK(audio->known());
    CHECK(audio->stream().codec_name == row.codec);
    CHECK(audio->stream().sample_rate == row.rate);
    const auto units = Push(*audio, Bytes(160, 1), 9);
    REQUIRE(units.size() == 1);
    CHECK(units[0].ticks == row.ticks);
    CHECK(units[0].rtp_time == 9);
  }
  // As some cameras write it, without a rate.
  CHECK(Make(FormatOf("PCMU", 0, 1))->stream().sample_rate == 8000);
  CHECK(Push(*Make(FormatOf("L16", 8000, 1)), {1, 2, 3}, 0)[0].data.size() == 2);
}

TEST_CASE("unsupported audio is refused with a reason") {
  std::string why;
  CHECK(MakeAudioDepacketizer(FormatOf("AC3", 48'000), &why) == nullptr);
  CHECK(why == "its codec is AC3");
  CHECK(MakeAudioDepacketizer(FormatOf("G726-99", 8000), &why) == nullptr);
  CHECK(why == "its codec is G726-99");
  CHECK(MakeAudioDepacketizer(FormatOf("MPEG4-GENERIC", 8000, 1, {{"config", "f8ffff"}}), &why) == nullptr);
  CHECK(why == "its AAC configuration f8ffff is not supported");
  CHECK(MakeAudioDepacketizer(FormatOf("MP4A-LATM", 8000, 1, {{"cpresent", "0"}}), &why) == nullptr);
  CHECK(why == "its LATM configuration is missing");
}

TEST_CASE("at most 512 units are kept") {
  const auto audio = Make(FormatOf("PCMU", 8000));
  RtpPacket packet;
  packet.payload = kOne.data();
  packet.size = kOne.size();
  for (int i = 0; i < 2000; ++i) audio->Push(packet, 0);
  CHECK(audio->Take().size() == 512);
}

}  // namespace
