// HEVC from RTP packets to pictures, with the errors of real cameras: `hevc_depacketizer_test`.
#include <doctest/doctest.h>

#include "nal_stream.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

constexpr int kTrailN = 0, kTrailR = 1, kRaslN = 8, kIdr = 19, kCra = 21, kVpsType = 32, kSpsType = 33, kPpsType = 34,
              kAudType = 35, kPrefixSei = 39, kSuffixSei = 40;

Bytes Header(int type, int temporal_id = 0, int layer = 0) {
  return {static_cast<uint8_t>(type << 1 | layer >> 5), static_cast<uint8_t>((layer & 31) << 3 | (temporal_id + 1))};
}

BitWriter& ProfileTierLevel(BitWriter& bits, uint32_t level) {
  bits.U(8, 1).U(32, 0x60000000).U(32, 0x90000000).U(16, 0);
  return bits.U(8, level);
}

Bytes Vps() {
  BitWriter bits;
  bits.U(4, 0).U(2, 3).U(6, 0).U(3, 0).U(1, 1).U(16, 0xffff);
  ProfileTierLevel(bits, 90).U(1, 0);
  return bits.Nal(Header(kVpsType));
}

Bytes Sps(uint32_t level = 90) {
  BitWriter bits;
  bits.U(4, 0).U(3, 0).U(1, 1);
  ProfileTierLevel(bits, level);
  bits.Ue(0).Ue(1).Ue(320).Ue(240).U(1, 0).Ue(0).Ue(0).Ue(4);  // picture order count: 8 bits
  return bits.U(8, 0x5a).Nal(Header(kSpsType));
}

Bytes Pps() {
  BitWriter bits;
  bits.Ue(0).Ue(0).U(1, 0).U(1, 0).U(3, 0).U(1, 0).U(1, 0).Ue(0).Ue(0).U(8, 0x5a);
  return bits.Nal(Header(kPpsType));
}

Bytes Slice(int type, uint32_t order, size_t size = 200, bool first = true, int temporal_id = 0) {
  BitWriter bits;
  bits.U(1, first ? 1 : 0);
  if (type >= 16) bits.U(1, 0);
  bits.Ue(0);
  if (first) {
    bits.Ue(type >= 16 ? 2 : 1);
    if (type != kIdr) bits.U(8, order & 0xff);
  } else {
    bits.U(7, 9);
  }
  return Padded(bits.Nal(Header(type, temporal_id)), size);
}

Bytes Sei(int type) {
  Bytes nal = Header(type);
  nal.insert(nal.end(), {5, 4, 1, 2, 3, 4, 0x80});
  return nal;
}

const Bytes kAud{kAudType << 1, 1, 0x50};

Camera Make(bool reliable = true, const std::map<std::string, std::string>& fmtp = {},
            const DepacketizerHabits& habits = {}) {
  Format format;
  format.name = "H265";
  format.clock_rate = 90'000;
  format.fmtp = fmtp;
  return Camera(MakeHevc(format, reliable, habits), true);
}

void SendGroup(Camera& camera, uint32_t pictures) {
  camera.SendPicture({Vps(), Sps(), Pps(), Slice(kIdr, 0, 3000)});
  for (uint32_t i = 1; i <= pictures; ++i) camera.SendPicture({Slice(kTrailR, i)});
}

std::string Base64(const Bytes& data) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < data.size(); i += 3) {
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < data.size() ? data[i + k] : 0);
    for (size_t k = 0; k < 4; ++k) text += i + k > data.size() ? '=' : kAlphabet[group >> (18 - 6 * k) & 63];
  }
  return text;
}

TEST_CASE("a picture is complete at its last packet") {
  Camera camera = Make();
  SendGroup(camera, 2);
  CHECK(camera.units().size() == 3);
  CHECK(camera.units()[0].keyframe);
  CHECK(camera.units()[0].data == Joined({Vps(), Sps(), Pps(), Slice(kIdr, 0, 3000)}));
  CHECK(!camera.units()[1].keyframe);
  CHECK(camera.units()[1].data == Joined({Slice(kTrailR, 1)}));
  CHECK(Damaged(camera.units()) == "...");
}

TEST_CASE("SEI after a picture makes no picture") {
  // Tapo C260.
  for (const int type : {kPrefixSei, kSuffixSei}) {
    Camera camera = Make();
    for (uint32_t i = 0; i < 5; ++i) {
      if (i == 0) {
        camera.SendPicture({Vps(), Sps(), Pps(), Slice(kIdr, 0)});
      } else {
        camera.SendPicture({Slice(kTrailR, i)});
      }
      camera.SendNal(Sei(type), true);
      camera.SendNal(Sei(type), true);
      CHECK(camera.units().size() == i + 1);
    }
    // A suffix SEI cannot come before the next picture.
    CHECK(camera.units()[1].data ==
          (type == kSuffixSei ? Joined({Slice(kTrailR, 1)}) : Joined({Sei(type), Sei(type), Slice(kTrailR, 1)})));
  }
}

TEST_CASE("a suffix SEI with the marker ends its picture") {
  Camera camera = Make();
  camera.SendPicture({kAud, Vps(), Sps(), Pps(), Slice(kIdr, 0), Slice(kIdr, 0, 300, false), Sei(kSuffixSei)});
  CHECK(camera.units().size() == 1);
  CHECK(camera.units()[0].data ==
        Joined({kAud, Vps(), Sps(), Pps(), Slice(kIdr, 0), Slice(kIdr, 0, 300, false), Sei(kSuffixSei)}));
}

TEST_CASE("parameter sets with the previous time belong to the next picture") {
  Camera camera = Make();
  for (int group = 0; group < 3; ++group) {
    for (const Bytes& set : {Vps(), Sps(), Pps()}) camera.SendNal(set, true);
    camera.SendPicture({Slice(kIdr, 0)});
    camera.SendPicture({Slice(kTrailR, 1)});
  }
  CHECK(camera.units().size() == 6);
  CHECK(camera.units()[4].rtp_time == 90'000 + 5 * 3600);
  CHECK(camera.units()[4].data == Joined({Vps(), Sps(), Pps(), Slice(kIdr, 0)}));
}

TEST_CASE("the parameter sets of the description come before keyframes") {
  const std::map<std::string, std::string> sets{
      {"sprop-vps", Base64(Vps())}, {"sprop-sps", Base64(Sps())}, {"sprop-pps", Base64(Pps())}};
  Camera camera = Make(true, sets);
  CHECK(camera.depacketizer().extradata() == Joined({Vps(), Sps(), Pps()}));
  camera.SendPicture({Slice(kCra, 7)});
  CHECK(camera.units()[0].keyframe);
  CHECK(camera.units()[0].data == Joined({Vps(), Sps(), Pps(), Slice(kCra, 7)}));
  camera.SendPicture({Sps(120), Slice(kIdr, 0)});
  CHECK(camera.units()[1].data == Joined({Vps(), Sps(120), Pps(), Slice(kIdr, 0)}));
  auto half = sets;
  half.erase("sprop-pps");
  CHECK(Make(true, half).depacketizer().extradata().empty());
  // Broken sets in the stream change nothing.
  camera.SendPicture({Bytes{kSpsType << 1, 1, 0, 0, 0}, Bytes{kVpsType << 1, 1}, Slice(kIdr, 0)});
  CHECK(camera.depacketizer().extradata() == Joined({Vps(), Sps(120), Pps()}));
}

TEST_CASE("aggregates and fragments are read") {
  for (const bool don : {false, true}) {
    Camera camera = Make(true, {{"sprop-max-don-diff", don ? "2" : "0"}});
    Bytes aggregate = Header(48);
    bool first = true;
    for (const Bytes& nal : {Vps(), Sps(), Pps()}) {
      if (don) aggregate.insert(aggregate.end(), first ? 2 : 1, 0);
      first = false;
      aggregate.push_back(static_cast<uint8_t>(nal.size() >> 8));
      aggregate.push_back(static_cast<uint8_t>(nal.size()));
      aggregate.insert(aggregate.end(), nal.begin(), nal.end());
    }
    camera.Send(aggregate, false);
    const Bytes idr = Slice(kIdr, 0, 500);
    const auto fragment = [&](bool start, bool end, size_t from, size_t to) {
      Bytes payload = camera.FragmentHeader(idr, start, end);
      if (don && start) payload.insert(payload.end(), {0, 3});
      payload.insert(payload.end(), idr.begin() + static_cast<long>(from), idr.begin() + static_cast<long>(to));
      return payload;
    };
    camera.Send(fragment(true, false, 2, 3), false);
    camera.Send(fragment(false, false, 3, 3), false);
    camera.Send(fragment(false, true, 3, 500), true);
    REQUIRE(camera.units().size() == 1);
    CHECK(camera.units()[0].data == Joined({Vps(), Sps(), Pps(), idr}));
    camera.set_time(200'000);
    camera.Send(fragment(true, true, 2, 500), true);
    REQUIRE(camera.units().size() == 2);
    CHECK(camera.units()[1].data == Joined({Vps(), Sps(), Pps(), idr}));
    Bytes single = Slice(kTrailR, 1);
    if (don) single.insert(single.begin() + 2, {0, 9});
    camera.set_time(210'000);
    camera.Send(single, true);
    REQUIRE(camera.units().size() == 3);
    CHECK(camera.units()[2].data == Joined({Slice(kTrailR, 1)}));
    const std::vector<Bytes> useless{{},      {98},          {96, 1},        {96, 1, 0}, {96, 1, 0xff, 0xff, 2},
                                     {98, 1}, {98, 1, 0x93}, {100, 1, 1, 1}, {2, 1},     {126, 1}};
    for (const Bytes& payload : useless) {
      camera.Send(payload, false);
    }
    CHECK(Damaged(camera.units()) == "...");
  }
}

TEST_CASE("start codes inside a NAL unit separate NAL units") {
  for (size_t fragment = 30; fragment < 90; ++fragment) {
    Camera camera = Make();
    camera.set_fragment_bytes(fragment);
    Bytes all = Joined({Vps(), Sps(), Pps(), Sei(kPrefixSei), Slice(kIdr, 0, 700)});
    all.erase(all.begin(), all.begin() + 4);
    camera.SendPicture({all});
    CHECK(camera.units().size() == 1);
    CHECK(camera.units()[0].data == Joined({Vps(), Sps(), Pps(), Sei(kPrefixSei), Slice(kIdr, 0, 700)}));
  }
}

TEST_CASE("further layers and unknown types are ignored") {
  Camera camera = Make();
  Bytes layer = Slice(kTrailR, 1);
  layer[1] |= 1 << 3;
  camera.SendPicture({Vps(), Sps(), Pps(), Bytes{48 + 14, 1, 1, 1}, Slice(kIdr, 0), layer});
  REQUIRE(camera.units().size() == 1);
  CHECK(camera.units()[0].data == Joined({Vps(), Sps(), Pps(), Slice(kIdr, 0)}));
}

TEST_CASE("a camera that marks every slice is learnt") {
  Camera camera = Make();
  for (uint32_t i = 0; i < 9; ++i) {
    const int type = i % 3 == 0 ? kIdr : kTrailR;
    camera.set_time(camera.time() + 3600);
    if (type == kIdr) {
      for (const Bytes& set : {Vps(), Sps(), Pps()}) camera.SendNal(set, false);
    }
    for (int n = 0; n < 3; ++n) camera.SendNal(Slice(type, i % 3, 200, n == 0), true);
  }
  CHECK(camera.depacketizer().habits().marks_every_slice);
  REQUIRE(camera.units().size() == 8);
  CHECK(Damaged(camera.units()) == ".xx.....");
  const Bytes further = Slice(kTrailR, 1, 200, false);
  CHECK(camera.units()[4].data == Joined({Slice(kTrailR, 1), further, further}));
}

TEST_CASE("loss damages all pictures until the next keyframe") {
  for (const bool reliable : {false, true}) {
    Camera camera = Make(reliable);
    SendGroup(camera, 8);
    camera.DropNext(1);
    camera.SendPicture({Slice(kTrailR, 9)});
    camera.SendPicture({Slice(kTrailR, 10)});
    camera.SendPicture({Slice(kCra, 11)});
    camera.SendPicture({Slice(kRaslN, 9)});
    camera.SendPicture({Slice(kTrailR, 12)});
    // A leading picture may refer to a lost picture before its CRA picture.
    CHECK(Damaged(camera.units()) == ".........x.x.");
    // The order of pictures shows that only something else was lost.
    Camera even = Make(reliable);
    SendGroup(even, 8);
    even.Lose(1);
    even.SendPicture({Slice(kTrailR, 9)});
    CHECK(Damaged(even.units()) == "..........");
  }
}

TEST_CASE("pictures that no other refers to damage only themselves") {
  Camera camera = Make(false);
  SendGroup(camera, 2);
  const auto cut = [&](int type, uint32_t order, int temporal_id) {
    const Bytes nal = Slice(type, order, 300, true, temporal_id);
    camera.set_time(camera.time() + 3600);
    Bytes first = camera.FragmentHeader(nal, true, false);
    first.insert(first.end(), nal.begin() + 2, nal.begin() + 100);
    camera.Send(first, false);
    camera.Lose(1);
    Bytes last = camera.FragmentHeader(nal, false, true);
    last.insert(last.end(), nal.begin() + 200, nal.end());
    camera.Send(last, true);
  };
  cut(kTrailN, 3, 0);
  camera.SendPicture({Slice(kTrailR, 4)});
  // A reference of the upper temporal layer damages that layer.
  cut(kTrailR, 5, 1);
  camera.SendPicture({Slice(kTrailR, 6)});
  camera.SendPicture({Slice(kTrailR, 7, 200, true, 1)});
  CHECK(Damaged(camera.units()) == "...x.x.x");
}

TEST_CASE("an intra refresh ends the damage") {
  Camera camera = Make();
  for (const Bytes& set : {Vps(), Sps(), Pps()}) camera.SendNal(set, false);
  Bytes recovery = Header(kPrefixSei);
  BitWriter payload;
  payload.Ue(7).U(1, 1).U(1, 0);  // 4 pictures
  const Bytes body = payload.Nal({});
  recovery.insert(recovery.end(), {6, static_cast<uint8_t>(body.size())});
  recovery.insert(recovery.end(), body.begin(), body.end());
  recovery.push_back(0x80);
  for (uint32_t i = 0; i < 60; ++i) {
    if (i % 10 == 5) {
      camera.SendPicture({recovery, Slice(kTrailR, i)});
    } else {
      camera.SendPicture({Slice(kTrailR, i)});
    }
  }
  CHECK(Damaged(camera.units()) == std::string(9, 'x') + std::string(51, '.'));
  CHECK(camera.units()[5].recovery);
  CHECK(!camera.units()[5].keyframe);
  CHECK(camera.units()[5].data == Joined({Vps(), Sps(), Pps(), recovery, Slice(kTrailR, 5)}));
  CHECK(camera.depacketizer().intra_refresh_only());
}

TEST_CASE("wrong sequence numbers are detected") {
  Camera camera = Make();
  for (int group = 0; group < 6; ++group) {
    for (uint32_t i = 0; i < 12; ++i) {
      camera.Lose(2);
      if (i == 0) {
        camera.SendPicture({Vps(), Sps(), Pps(), Slice(kIdr, 0)});
      } else {
        camera.SendPicture({Slice(kTrailR, i)});
      }
    }
  }
  CHECK(camera.depacketizer().habits().sequence_unreliable);
  CHECK(Damaged(camera.units()).substr(60) == std::string(12, '.'));
}

}  // namespace
