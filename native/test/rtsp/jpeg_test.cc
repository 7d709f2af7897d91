// JPEG over RTP: `jpeg_test`.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "base/av_handles.h"
#include "jpeg_pictures.h"
#include "rtsp/depacketizer.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

// Soft slopes without a period, as in a real picture: neighbours are similar.
int Level(int column, int row) {
  return static_cast<int>(30 * std::sin(column * 0.05 + 1) + 25 * std::cos(row * 0.07 + column * 0.013));
}

struct Decoded {
  int width = 0;
  int height = 0;
  int format = 0;
  std::vector<int> levels;  // mean brightness of each 16x8 pixels, row by row
};

// Decodes with libavcodec; nullopt: it reports any error.
std::optional<Decoded> Decode(const std::vector<uint8_t>& file) {
  av_log_set_level(AV_LOG_QUIET);
  const AVCodec* codec = avcodec_find_decoder(AV_CODEC_ID_MJPEG);
  const AvPtr<AVCodecContext> context(avcodec_alloc_context3(codec));
  context->err_recognition = AV_EF_EXPLODE;
  if (avcodec_open2(context.get(), codec, nullptr) < 0) return std::nullopt;
  const AvPtr<AVPacket> packet(av_packet_alloc());
  if (av_new_packet(packet.get(), static_cast<int>(file.size())) < 0) return std::nullopt;
  std::copy(file.begin(), file.end(), packet->data);
  const AvPtr<AVFrame> frame(av_frame_alloc());
  if (avcodec_send_packet(context.get(), packet.get()) < 0) return std::nullopt;
  if (avcodec_receive_frame(context.get(), frame.get()) < 0) return std::nullopt;
  Decoded decoded{frame->width, frame->height, frame->format, {}};
  for (int y = 0; y + 8 <= frame->height; y += 8) {
    const uint8_t* row = frame->data[0] + (y + 4) * frame->linesize[0];
    for (int x = 0; x + 16 <= frame->width; x += 16) decoded.levels.push_back(row[x + 8]);
  }
  return decoded;
}

std::vector<AccessUnit> Take(VideoDepacketizer& depacketizer) {
  std::vector<AccessUnit> units;
  AccessUnit unit;
  while (depacketizer.Take(&unit)) units.push_back(unit);
  return units;
}

std::vector<AccessUnit> Push(VideoDepacketizer& depacketizer, std::vector<OwnedPacket> packets,
                             int64_t arrival_us = 1000) {
  for (OwnedPacket& packet : packets) depacketizer.Push(packet.View(), 0, arrival_us++);
  return Take(depacketizer);
}

struct Case {
  int width = 640;
  int height = 480;
  bool is_420 = true;
  int restart_interval = 0;
  int declared_width = 0;  // by the SDP
  int declared_height = 0;
  DepacketizerHabits habits;
  std::optional<int> width_field;
  std::optional<int> height_field;
  std::optional<int> type;
  int q = 60;
  std::vector<uint8_t> tables;
  std::function<int(int, int)> level = Level;
};

std::vector<uint8_t> ScanOf(const Case& a) {
  return MakeScan(a.width, a.height, a.is_420, a.restart_interval, a.level);
}

JpegPacketOptions OptionsOf(const Case& a, uint32_t rtp_time = 0) {
  JpegPacketOptions options;
  options.type = a.type.value_or((a.is_420 ? 1 : 0) + (a.restart_interval > 0 ? 64 : 0));
  options.q = a.q;
  options.width_field = a.width_field.value_or((a.width + 7) / 8 & 255);
  options.height_field = a.height_field.value_or((a.height + 7) / 8 & 255);
  options.restart_interval = a.restart_interval;
  options.tables = a.tables;
  options.rtp_time = rtp_time;
  return options;
}

std::unique_ptr<VideoDepacketizer> DepacketizerOf(const Case& a) {
  Media media;
  media.width = a.declared_width;
  media.height = a.declared_height;
  return MakeJpeg(media, a.habits);
}

// Whether the picture has the brightness of the coded blocks, so that nothing is shifted.
bool IsRight(const Decoded& decoded, const Case& a) {
  const int columns = decoded.width / 16;
  int64_t wrong = 0;
  const int rows = decoded.height / 8;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const int level = decoded.levels[static_cast<size_t>(row * columns + column)];
      // Q 60 divides the first luma coefficient by 13; eight of its steps are one of brightness.
      const int expected = 128 + a.level(column, a.is_420 ? row / 2 : row) * 13 / 8;
      if (std::abs(level - expected) > 2) ++wrong;
    }
  }
  return wrong == 0;
}

void ExpectPicture(const Case& a, int width, int height, const char* name) {
  CAPTURE(name);
  const auto depacketizer = DepacketizerOf(a);
  const auto units = Push(*depacketizer, JpegPackets(ScanOf(a), OptionsOf(a, 7)));
  REQUIRE(units.size() == 1);
  const AccessUnit& unit = units.front();
  CHECK(unit.keyframe);
  CHECK(!unit.damaged);
  CHECK(unit.rtp_time == 7);
  CHECK(unit.arrival_us > 1000);
  const auto decoded = Decode(unit.data);
  REQUIRE(decoded);
  CHECK(decoded->width == width);
  CHECK(decoded->height == height);
  CHECK(IsRight(*decoded, a));
}

TEST_CASE("pictures of all formats are rebuilt") {
  ExpectPicture({}, 640, 480, "4:2:0");
  Case a;
  a.is_420 = false;
  ExpectPicture(a, 640, 480, "4:2:2");
  a.restart_interval = 5;
  ExpectPicture(a, 640, 480, "4:2:2 with restart markers");
  a.is_420 = true;
  a.restart_interval = 40;
  ExpectPicture(a, 640, 480, "4:2:0 with restart markers");
  Case wrong_type;
  wrong_type.is_420 = false;
  wrong_type.type = 1;
  ExpectPicture(wrong_type, 640, 480, "4:2:2 that says 4:2:0");
  Case odd;
  odd.width = 1000;
  odd.height = 560;
  ExpectPicture(odd, 1000, 560, "1000x560");
  Case full_hd;
  full_hd.width = 1920;
  full_hd.height = 1080;
  ExpectPicture(full_hd, 1920, 1080, "1920x1080");
  Case rounded_down;
  rounded_down.width = 1366;
  rounded_down.height = 768;
  rounded_down.width_field = 1366 / 8;
  ExpectPicture(rounded_down, 1368, 768, "1366x768 rounded down");
  rounded_down.declared_width = 1366;
  rounded_down.declared_height = 768;
  ExpectPicture(rounded_down, 1366, 768, "1366x768 rounded down, declared");
}

TEST_CASE("quantization tables come from Q or from the packet") {
  for (const int q : {1, 49, 50, 99}) {
    Case a;
    a.q = q;
    const auto depacketizer = DepacketizerOf(a);
    const auto units = Push(*depacketizer, JpegPackets(ScanOf(a), OptionsOf(a)));
    REQUIRE(units.size() == 1);
    CHECK(Decode(units.front().data));
  }
  const auto luma = QuantizationTables(60)[0];
  const auto chroma = QuantizationTables(60)[1];
  CHECK(luma[0] == 13);
  CHECK(luma[2] == 10);
  CHECK(luma[63] == 79);
  CHECK(QuantizationTables(50)[1][3] == 24);
  Case a;
  a.q = 200;
  a.tables = {0, 0, 0, 128};
  a.tables.insert(a.tables.end(), luma.begin(), luma.end());
  a.tables.insert(a.tables.end(), chroma.begin(), chroma.end());
  ExpectPicture(a, 640, 480, "tables in the packet");
  Case garbage = a;
  garbage.tables[1] = 0x83;
  ExpectPicture(garbage, 640, 480, "wrong precision bits");
  Case one = a;
  one.tables = {0, 0, 0, 64};
  one.tables.insert(one.tables.end(), luma.begin(), luma.end());
  ExpectPicture(one, 640, 480, "one table");
  Case wide = a;
  wide.tables = {0, 3, 1, 0};
  for (const auto& table : {luma, chroma}) {
    for (const uint8_t value : table) wide.tables.insert(wide.tables.end(), {0, value});
  }
  ExpectPicture(wide, 640, 480, "tables of 16 bits");

  // Tables that came once are used for later pictures with the same Q.
  const auto depacketizer = DepacketizerOf(a);
  CHECK(Push(*depacketizer, JpegPackets(ScanOf(a), OptionsOf(a, 1))).size() == 1);
  Case without = a;
  without.tables = {0, 0, 0, 0};
  auto units = Push(*depacketizer, JpegPackets(ScanOf(without), OptionsOf(without, 2)));
  REQUIRE(units.size() == 1);
  CHECK(Decode(units.front().data));
  without.q = 201;
  CHECK(Push(*depacketizer, JpegPackets(ScanOf(without), OptionsOf(without, 3))).empty());
  depacketizer->Restart();
  for (uint32_t i = 0; i <= 6; ++i) {
    CHECK(depacketizer->problem().empty());
    CHECK(Push(*depacketizer, JpegPackets(ScanOf(without), OptionsOf(without, 4 + i)), i * 1'000'000).empty());
  }
  CHECK(depacketizer->problem().find("quantization tables") != std::string::npos);
}

TEST_CASE("sizes above 2040 are found in the scan") {
  Case a;
  a.width = 2560;
  a.height = 1440;
  ExpectPicture(a, 2560, 1440, "2560 wraps to 512");
  a.width_field = 0;
  ExpectPicture(a, 2560, 1440, "2560 as 0");
  a.height_field = 0;
  ExpectPicture(a, 2560, 1440, "2560x1440 as 0x0");
  a.level = [](int column, int) { return column * 60 / 160 - 30; };
  ExpectPicture(a, 2560, 1440, "2560x1440 as 0x0, bars");
  a.level = Level;
  a.declared_width = 2560;
  a.declared_height = 1440;
  ExpectPicture(a, 2560, 1440, "2560x1440 as 0x0, declared");
  a.declared_width = 1920;
  ExpectPicture(a, 2560, 1440, "2560x1440 as 0x0, wrongly declared");
  Case b;
  b.width = 3840;
  b.height = 2160;
  ExpectPicture(b, 3840, 2160, "3840x2160 wraps to 1792x112");
  b.is_420 = false;
  b.width_field = b.height_field = 0;
  ExpectPicture(b, 3840, 2160, "4:2:2 3840x2160 as 0x0");
  Case c;
  c.width = 2592;
  c.height = 1944;
  c.width_field = c.height_field = 0;
  ExpectPicture(c, 2592, 1944, "2592x1944 as 0x0");
  Case rounded;
  rounded.width = 2880;
  rounded.height = 1620;
  rounded.height_field = 1620 / 8;
  ExpectPicture(rounded, 2880, 1620, "2880x1620, rounded down");
  Case d;
  d.width = 2048;
  d.height = 1536;
  ExpectPicture(d, 2048, 1536, "2048");

  // A size that was found is remembered, and used for pictures without structure.
  Case flat = a;
  flat.declared_width = flat.declared_height = 0;
  flat.width = 2400;
  flat.height = 1536;
  flat.level = [](int, int) { return 0; };
  auto depacketizer = DepacketizerOf(flat);
  CHECK(Push(*depacketizer, JpegPackets(ScanOf(flat), OptionsOf(flat))).empty());
  flat.habits.jpeg_width = 2400;
  flat.habits.jpeg_height = 1536;
  depacketizer = DepacketizerOf(flat);
  auto units = Push(*depacketizer, JpegPackets(ScanOf(flat), OptionsOf(flat)));
  REQUIRE(units.size() == 1);
  CHECK(Decode(units.front().data)->width == 2400);

  depacketizer = DepacketizerOf(b);
  Push(*depacketizer, JpegPackets(ScanOf(b), OptionsOf(b)));
  CHECK(depacketizer->habits().jpeg_width == 3840);
  CHECK(depacketizer->habits().jpeg_height == 2160);
}

TEST_CASE("a size that cannot be found is a problem") {
  // A prime number of units.
  Case a;
  a.width = 16 * 9973;
  a.height = 16;
  a.width_field = a.height_field = 0;
  const auto depacketizer = DepacketizerOf(a);
  for (uint32_t i = 0; i <= 50; ++i) {
    CHECK(depacketizer->problem().empty());
    CHECK(Push(*depacketizer, JpegPackets(ScanOf(a), OptionsOf(a, i)), i * 100'000).empty());
  }
  CHECK(depacketizer->problem().find("0x0") != std::string::npos);
  CHECK(depacketizer->problem().find("9973 blocks") != std::string::npos);
}

TEST_CASE("header extensions give size and tables") {
  Case a;
  a.width = 2560;
  a.height = 1440;
  a.width_field = a.height_field = 0;
  const std::vector<uint8_t> frame{0xff, 0xc0, 0, 17,   8, 0x05, 0xa0, 0x0a, 0,    3,   7,
                                   0x22, 0,    8, 0x11, 1, 9,    0x11, 1,    0xff, 0xff};
  auto packets = JpegPackets(ScanOf(a), OptionsOf(a));
  packets.front().packet.extension_profile = 0xffd8;
  packets.front().extension = frame;
  auto depacketizer = DepacketizerOf(a);
  auto units = Push(*depacketizer, packets);
  REQUIRE(units.size() == 1);
  auto decoded = Decode(units.front().data);
  REQUIRE(decoded);
  CHECK(decoded->width == 2560);
  CHECK(decoded->height == 1440);
  CHECK(IsRight(*decoded, a));

  // After ONVIF's replay extension.
  std::vector<uint8_t> both(12);
  both.insert(both.end(), {0xff, 0xd8, 0, 6});
  both.insert(both.end(), frame.begin(), frame.end());
  both.resize(both.size() + 3, 0xff);
  packets.front().packet.extension_profile = 0xabac;
  packets.front().extension = both;
  depacketizer = DepacketizerOf(a);
  units = Push(*depacketizer, packets);
  REQUIRE(units.size() == 1);
  decoded = Decode(units.front().data);
  REQUIRE(decoded);
  CHECK(decoded->width == 2560);

  // The extension carries tables that are not the standard ones.
  const auto luma = QuantizationTables(60)[0];
  std::vector<uint8_t> tables{0xff, 0xdb, 0, 67, 0};
  tables.insert(tables.end(), luma.begin(), luma.end());
  tables.insert(tables.end(), {0xff, 0xdb, 0, 67, 1});
  tables.insert(tables.end(), luma.begin(), luma.end());
  tables.insert(tables.end(), frame.begin(), frame.end());
  a.q = 255;
  a.tables = {0, 0, 0, 0};
  packets = JpegPackets(ScanOf(a), OptionsOf(a));
  packets.front().packet.extension_profile = 0xffd8;
  packets.front().extension = tables;
  depacketizer = DepacketizerOf(a);
  units = Push(*depacketizer, packets);
  REQUIRE(units.size() == 1);
  decoded = Decode(units.front().data);
  REQUIRE(decoded);
  CHECK(IsRight(*decoded, a));
}

TEST_CASE("incomplete pictures are dropped") {
  const Case a;
  const auto scan = ScanOf(a);
  const auto depacketizer = DepacketizerOf(a);
  // The connection begins inside a picture.
  auto packets = JpegPackets(scan, OptionsOf(a, 1));
  packets.erase(packets.begin());
  CHECK(Push(*depacketizer, packets).empty());
  CHECK(Push(*depacketizer, JpegPackets(scan, OptionsOf(a, 2))).size() == 1);
  for (const size_t missing : {size_t{0}, size_t{1}, packets.size() - 1}) {
    packets = JpegPackets(scan, OptionsOf(a, 3));
    packets.erase(packets.begin() + static_cast<std::ptrdiff_t>(missing));
    CHECK(Push(*depacketizer, packets).empty());
  }
  // The last packet is missing: the picture before the next one is not whole.
  packets = JpegPackets(scan, OptionsOf(a, 4));
  packets.pop_back();
  CHECK(Push(*depacketizer, packets).empty());
  auto units = Push(*depacketizer, JpegPackets(scan, OptionsOf(a, 5)));
  REQUIRE(units.size() == 1);
  CHECK(units.front().rtp_time == 5);
  // Only the marker is missing.
  packets = JpegPackets(scan, OptionsOf(a, 6));
  packets.back().packet.marker = false;
  CHECK(Push(*depacketizer, packets).empty());
  units = Push(*depacketizer, JpegPackets(scan, OptionsOf(a, 7)));
  REQUIRE(units.size() == 2);
  CHECK(units[0].rtp_time == 6);
  CHECK(units[1].rtp_time == 7);
  // The same with one time for all pictures.
  packets.front().packet.timestamp = 7;
  for (OwnedPacket& packet : packets) packet.packet.timestamp = 7;
  CHECK(Push(*depacketizer, packets).empty());
  CHECK(Push(*depacketizer, JpegPackets(scan, OptionsOf(a, 7))).size() == 2);
  // Repeated packets.
  packets = JpegPackets(scan, OptionsOf(a, 8));
  packets.insert(packets.begin() + 2, packets[1]);
  CHECK(Push(*depacketizer, packets).size() == 1);
  // Sequence numbers with gaps where nothing is missing.
  CHECK(!depacketizer->habits().sequence_unreliable);
  packets = JpegPackets(scan, OptionsOf(a, 9));
  for (OwnedPacket& packet : packets) depacketizer->Push(packet.View(), 1, 0);
  CHECK(Take(*depacketizer).size() == 1);
  CHECK(depacketizer->habits().sequence_unreliable);
  // A source that begins anew in the middle of a picture.
  packets = JpegPackets(scan, OptionsOf(a, 10));
  packets.pop_back();
  CHECK(Push(*depacketizer, packets).empty());
  depacketizer->Restart();
  CHECK(Push(*depacketizer, JpegPackets(scan, OptionsOf(a, 10))).size() == 1);
}

TEST_CASE("odd packets are read or reported") {
  const Case a;
  const auto scan = ScanOf(a);
  const auto depacketizer = DepacketizerOf(a);
  OwnedPacket short_packet;
  short_packet.payload = {0, 0, 0};
  depacketizer->Push(short_packet.View(), 0, 0);
  CHECK(Take(*depacketizer).empty());
  // A whole file instead of a scan.
  const auto file = Push(*depacketizer, JpegPackets(scan, OptionsOf(a))).front().data;
  CHECK(file[0] == 0xff);
  CHECK(file[1] == 0xd8);
  REQUIRE(file[file.size() - 2] == 0xff);
  CHECK(file.back() == 0xd9);
  auto units = Push(*depacketizer, JpegPackets(file, OptionsOf(a, 1)));
  REQUIRE(units.size() == 1);
  CHECK(units.front().data == file);
  // A picture that never ends.
  JpegPacketOptions endless = OptionsOf(a, 2);
  endless.fragment_bytes = 60'000;
  auto packets = JpegPackets(std::vector<uint8_t>(kMaxPictureBytes + 120'000, 1), endless);
  packets.back().packet.marker = false;
  CHECK(Push(*depacketizer, packets).empty());
  CHECK(depacketizer->problem().find("larger than 32 MiB") != std::string::npos);
  // A dynamic type, which only its sender knows.
  const auto other = DepacketizerOf(a);
  for (uint32_t i = 0; i <= 5; ++i) {
    JpegPacketOptions dynamic = OptionsOf(a, i);
    dynamic.type = 130;
    CHECK(other->problem().empty());
    CHECK(Push(*other, JpegPackets(scan, dynamic), i * 1'000'000).empty());
  }
  CHECK(other->problem().find("type 130") != std::string::npos);
}

}  // namespace
