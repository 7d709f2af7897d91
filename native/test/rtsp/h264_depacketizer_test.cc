// H.264 from RTP packets to pictures, with the errors of real cameras: `h264_depacketizer_test`.
#include <doctest/doctest.h>

#include "nal_stream.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

struct SpsOptions {
  uint32_t references = 4;
  bool frames_only = true;
  uint32_t level = 30;
  uint32_t id = 0;
  uint32_t width_mbs = 20;
};

Bytes Sps(const SpsOptions& options = {}) {
  BitWriter bits;
  bits.U(8, 77).U(8, 0).U(8, options.level).Ue(options.id);
  bits.Ue(0);  // frame_num: 4 bits
  bits.Ue(2).Ue(options.references).U(1, 0);
  bits.Ue(options.width_mbs - 1).Ue(14).U(1, options.frames_only ? 1 : 0);
  if (!options.frames_only) bits.U(1, 1);
  return bits.U(1, 1).U(1, 0).U(1, 0).Nal({0x67});
}

Bytes Pps(uint32_t id = 0, uint32_t sps_id = 0) {
  BitWriter bits;
  bits.Ue(id).Ue(sps_id).U(1, 0).U(1, 0).Ue(0).Ue(0).Ue(0).U(1, 0).U(2, 0).Ue(0).Ue(0).Ue(0).U(3, 0);
  return bits.Nal({0x68});
}

struct SliceOptions {
  int type = 1;  // of the NAL unit
  int ref_idc = 2;
  uint32_t first_mb = 0;
  uint32_t slice = 5;  // P, all slices; 7 is I
  uint32_t frame_num = 0;
  int field = -1;  // 0: top, 1: bottom; of streams with fields only
  bool fields = false;
  size_t size = 200;
};

Bytes Slice(const SliceOptions& options) {
  BitWriter bits;
  bits.Ue(options.first_mb).Ue(options.slice).Ue(0).U(4, options.frame_num % 16);
  if (options.fields) {
    bits.U(1, options.field >= 0 ? 1 : 0);
    if (options.field >= 0) bits.U(1, static_cast<uint32_t>(options.field));
  }
  return Padded(bits.Nal({static_cast<uint8_t>(options.ref_idc << 5 | options.type)}), options.size);
}

Bytes Idr(size_t size = 3000) {
  SliceOptions options;
  options.type = 5;
  options.ref_idc = 3;
  options.slice = 7;
  options.size = size;
  return Slice(options);
}

Bytes P(uint32_t frame_num, int ref_idc = 2, size_t size = 200) {
  SliceOptions options;
  options.frame_num = frame_num;
  options.ref_idc = ref_idc;
  options.size = size;
  return Slice(options);
}

Bytes Recovery(uint32_t count) {
  BitWriter payload;
  payload.Ue(count).U(1, 1).U(1, 0).U(2, 0);
  Bytes sei = payload.Nal({});
  sei.insert(sei.begin(), {6, 6, static_cast<uint8_t>(sei.size())});
  sei.push_back(0x80);
  return sei;
}

const Bytes kSei{6, 5, 4, 1, 2, 3, 4, 0x80};
const Bytes kAud{9, 0xf0};

Camera Make(const std::string& sprop = "", bool reliable = true, const DepacketizerHabits& habits = {}) {
  Format format;
  format.name = "H264";
  format.clock_rate = 90'000;
  if (!sprop.empty()) format.fmtp["sprop-parameter-sets"] = sprop;
  return Camera(MakeH264(format, reliable, habits), false);
}

// A keyframe and then `pictures` more pictures, each a reference.
void SendGroup(Camera& camera, uint32_t pictures) {
  camera.SendPicture({Sps(), Pps(), Idr()});
  for (uint32_t i = 1; i <= pictures; ++i) camera.SendPicture({P(i)});
}

TEST_CASE("a picture is complete at its last packet") {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  CHECK(camera.units().size() == 1);
  camera.SendPicture({P(1)});
  CHECK(camera.units().size() == 2);
  const AccessUnit& key = camera.units()[0];
  CHECK(key.keyframe);
  CHECK(!key.damaged);
  CHECK(key.data == Joined({Sps(), Pps(), Idr()}));
  CHECK(key.rtp_time == 93'600);
  const AccessUnit& second = camera.units()[1];
  CHECK(!second.keyframe);
  CHECK(!second.damaged);
  CHECK(second.data == Joined({P(1)}));
  CHECK(second.arrival_us > key.arrival_us);
}

TEST_CASE("parameter sets with the previous time belong to the next picture") {
  // Reolink RLC-822A: SPS with the marker and PPS have the time of the previous picture.
  Camera camera = Make();
  for (int group = 0; group < 3; ++group) {
    camera.SendNal(Sps(), true);
    camera.SendNal(Pps(), false);
    camera.SendPicture({Idr()});
    camera.SendPicture({P(1)});
  }
  CHECK(camera.units().size() == 6);
  for (size_t i = 0; i < camera.units().size(); ++i) {
    CHECK(camera.units()[i].rtp_time == 90'000 + 3600 * (i + 1));
    CHECK(camera.units()[i].data == (i % 2 == 0 ? Joined({Sps(), Pps(), Idr()}) : Joined({P(1)})));
  }
}

TEST_CASE("SEI after a picture makes no picture") {
  // Tapo C120.
  Camera camera = Make();
  for (uint32_t i = 0; i < 6; ++i) {
    if (i == 0) {
      camera.SendPicture({Sps(), Pps(), Idr()});
    } else {
      camera.SendPicture({P(i)});
    }
    CHECK(camera.units().size() == i + 1);
    camera.SendNal(kSei, true);
    camera.SendNal(kSei, true);
    CHECK(camera.units().size() == i + 1);
  }
  CHECK(camera.units()[1].data == Joined({kSei, kSei, P(1)}));
  // A delimiter is the first NAL unit of a picture, so NAL units before it are dropped.
  camera.SendPicture({kAud, P(6)});
  CHECK(camera.units()[6].data == Joined({kAud, P(6)}));
}

TEST_CASE("the marker on SEI after the slice ends the picture") {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr(), kSei});
  CHECK(camera.units().size() == 1);
  camera.SendPicture({P(1), Bytes{12, 0xff, 0xff, 0x80}});  // filler data
  CHECK(camera.units().size() == 2);
}

TEST_CASE("start codes inside a NAL unit separate NAL units") {
  // V380: a whole keyframe is sent as one fragmented SPS.
  for (size_t fragment = 20; fragment < 90; ++fragment) {
    Camera camera = Make();
    camera.set_fragment_bytes(fragment);
    Bytes all = Joined({Sps(), Pps(), kSei, Idr(700), Idr(20)});
    all.erase(all.begin(), all.begin() + 4);
    camera.SendPicture({all});
    camera.SendPicture({P(1)});
    CHECK(camera.units().size() >= 2);
    CHECK(camera.units()[0].data == Joined({Sps(), Pps(), kSei, Idr(700)}));
    CHECK(camera.units().back().data == Joined({P(1)}));
  }
}

TEST_CASE("a start code at the front is removed") {
  Camera camera = Make();
  camera.SendPicture({Joined({Sps()}), Joined({Pps(), Idr(300)})});
  REQUIRE(camera.units().size() == 1);
  CHECK(camera.units()[0].data == Joined({Sps(), Pps(), Idr(300)}));
}

TEST_CASE("a start code within an SEI message is not one") {
  // ONVIF media signing.
  const Bytes sei{6, 5, 12, 1, 2, 0, 0, 0, 1, 0x65, 7, 8, 9, 10, 0x80};
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), sei, Idr()});
  REQUIRE(camera.units().size() == 1);
  CHECK(camera.units()[0].data == Joined({Sps(), Pps(), sei, Idr()}));
}

TEST_CASE("zeros after a NAL unit are removed") {
  Camera camera = Make();
  Bytes sps = Sps();
  sps.insert(sps.end(), 3, 0);
  Bytes idr = Idr();
  idr.insert(idr.end(), 5, 0);
  camera.SendPicture({sps, Pps(), idr});
  CHECK(camera.units()[0].data == Joined({Sps(), Pps(), Idr()}));
}

TEST_CASE("the parameter sets of the description come before keyframes") {
  Camera plain = Make();
  CHECK(plain.depacketizer().extradata().empty());
  // Paddings as cameras write them, and start codes.
  for (const char* sprop : {"Z0IAHukBQHsg,aM4xUg==", "Z0IAHukBQHsg==, aM4xUg", "AAAAAWdCAB7pAUB7IAAAAAFozjFS"}) {
    Camera camera = Make(sprop);
    const Bytes extradata = camera.depacketizer().extradata();
    CHECK(extradata == Joined({{0x67, 0x42, 0x00, 0x1e, 0xe9, 0x01, 0x40, 0x7b, 0x20}, {0x68, 0xce, 0x31, 0x52}}));
    camera.SendPicture({kAud, Idr()});
    Bytes expected = Joined({kAud});
    expected.insert(expected.end(), extradata.begin(), extradata.end());
    const Bytes idr = Joined({Idr()});
    expected.insert(expected.end(), idr.begin(), idr.end());
    REQUIRE(camera.units().size() == 1);
    CHECK(camera.units()[0].data == expected);
  }
  for (const char* sprop : {",", "!!!!,????", "Z0IAHukBQHsg,", "Z0IAHukBQHsg", "Zw==,aA==", ",,,,,,"}) {
    Camera camera = Make(sprop);
    CHECK(camera.depacketizer().extradata().empty());
    camera.SendPicture({Sps(), Pps(), Idr()});
    CHECK(camera.depacketizer().extradata() == Joined({Sps(), Pps()}));
  }
}

TEST_CASE("the parameter sets of the stream win") {
  Camera camera = Make("Z0IAHukBQHsg,aM4xUg==");
  camera.SendPicture({Sps(), Pps(), Idr()});
  CHECK(camera.depacketizer().extradata() == Joined({Sps(), Pps()}));
  // The sets are written once.
  camera.SendPicture({Idr()});
  CHECK(camera.units()[1].data == Joined({Sps(), Pps(), Idr()}));
  // Other sets follow, but only the SPS is sent.
  SpsOptions options;
  options.level = 40;
  camera.SendPicture({Sps(options), Idr()});
  CHECK(camera.units()[2].data == Joined({Sps(options), Pps(), Idr()}));
  CHECK(camera.depacketizer().extradata() == Joined({Sps(options), Pps()}));
}

TEST_CASE("broken parameter sets do not replace good ones") {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  camera.SendPicture({{0x67, 77, 0, 30, 0x00, 0x00}, {0x68}, Idr()});
  CHECK(camera.units()[1].data == Joined({Sps(), Pps(), Idr()}));
  // An SPS whose fragments were lost.
  camera.set_fragment_bytes(5);
  camera.set_time(200'000);
  SpsOptions options;
  options.level = 40;
  camera.SendNal(Sps(options), false);
  CHECK(camera.depacketizer().extradata() == Joined({Sps(options), Pps()}));
  options.level = 41;
  const Bytes sps = Sps(options);
  Bytes fragment = camera.FragmentHeader(sps, true, false);
  fragment.insert(fragment.end(), sps.begin() + 1, sps.begin() + 6);
  camera.Send(fragment, false);
  camera.Lose(1);
  Bytes last = camera.FragmentHeader(sps, false, true);
  last.push_back(0x80);
  camera.Send(last, false);
  options.level = 40;
  CHECK(camera.depacketizer().extradata() == Joined({Sps(options), Pps()}));
}

TEST_CASE("a camera that marks every slice is learnt") {
  const auto slices = [](uint32_t frame_num) {
    std::vector<Bytes> nals;
    for (uint32_t i = 0; i < 4; ++i) {
      SliceOptions options;
      options.frame_num = frame_num;
      options.first_mb = i * 75;
      if (frame_num == 0) {
        options.type = 5;
        options.slice = 7;
      }
      nals.push_back(Slice(options));
    }
    return nals;
  };
  const auto send = [&](Camera& camera, uint32_t frame_num) {
    camera.set_time(camera.time() + 3600);
    if (frame_num == 0) {
      camera.SendNal(Sps(), true);
      camera.SendNal(Pps(), true);
    }
    for (const Bytes& nal : slices(frame_num)) camera.SendNal(nal, true);
  };
  Camera camera = Make();
  for (uint32_t i = 0; i < 12; ++i) send(camera, i % 4);
  CHECK(camera.depacketizer().habits().marks_every_slice);
  CHECK(camera.units().size() == 11);
  for (size_t i = 1; i < camera.units().size(); ++i) {
    const Bytes whole = Joined(slices(static_cast<uint32_t>(i % 4)));
    const Bytes& data = camera.units()[i].data;
    CHECK(data.size() >= whole.size());
    CHECK(std::equal(whole.rbegin(), whole.rend(), data.rbegin()));
  }
  // The pictures after the one that was cut are damaged until the next keyframe.
  CHECK(Damaged(camera.units()) == ".xxx.......");

  Camera again = Make("", true, camera.depacketizer().habits());
  for (uint32_t i = 0; i < 5; ++i) send(again, i % 4);
  REQUIRE(again.units().size() == 4);
  CHECK(Damaged(again.units()) == "....");

  // The habit ends with the camera's.
  for (uint32_t i = 5; i < 270; ++i) {
    again.set_time(again.time() + 3600);
    const auto nals = slices(i % 4);
    for (size_t n = 0; n < nals.size(); ++n) again.SendNal(nals[n], n == 3);
  }
  CHECK(!again.depacketizer().habits().marks_every_slice);
}

TEST_CASE("pictures with the same time are separated") {
  for (const bool marker : {false, true}) {
    Camera camera = Make();
    for (uint32_t i = 0; i < 10; ++i) {
      if (i == 0) {
        camera.SendNal(Sps(), false);
        camera.SendNal(Pps(), false);
      }
      camera.SendNal(i == 0 ? Idr() : P(i), marker);
    }
    CHECK(camera.units().size() == (marker ? 10 : 9));
    CHECK(camera.units()[3].data == Joined({P(3)}));
    CHECK(!camera.depacketizer().habits().marks_every_slice);
  }
}

TEST_CASE("two fields are one picture") {
  SpsOptions sps;
  sps.frames_only = false;
  const auto field = [](uint32_t frame_num, int parity, int type = 1) {
    SliceOptions options;
    options.fields = true;
    options.field = parity;
    options.frame_num = frame_num;
    options.type = type;
    options.slice = type == 5 ? 7 : 5;
    return Slice(options);
  };
  // Each with its own marker and time, after a delimiter and an SEI.
  Camera camera = Make();
  for (uint32_t i = 0; i < 5; ++i) {
    camera.set_time(camera.time() + 1800);
    camera.SendNal(kAud, false);
    if (i == 0) {
      camera.SendNal(Sps(sps), false);
      camera.SendNal(Pps(), false);
    }
    camera.SendNal(field(i, 0, i == 0 ? 5 : 1), true);
    camera.set_time(camera.time() + 1800);
    camera.SendNal(kAud, false);
    camera.SendNal(kSei, false);
    camera.SendNal(field(i, 1), true);
    CHECK(camera.units().size() == i + 1);
  }
  CHECK(camera.units()[0].keyframe);
  CHECK(camera.units()[0].data == Joined({kAud, Sps(sps), Pps(), field(0, 0, 5), kSei, field(0, 1)}));
  CHECK(Damaged(camera.units()) == ".....");
  CHECK(camera.units()[1].rtp_time - camera.units()[0].rtp_time == 3600);

  // Both in one packet of time, the marker at the end.
  Camera together = Make();
  together.SendPicture({Sps(sps), Pps(), field(0, 0, 5), field(0, 1)});
  together.SendPicture({field(1, 1), field(1, 0)});
  CHECK(together.units().size() == 2);

  // Single fields: after a few pictures nothing waits for a second one.
  Camera single = Make();
  single.SendPicture({Sps(sps), Pps(), field(0, 0, 5)});
  for (uint32_t i = 1; i < 6; ++i) single.SendPicture({field(i, 0)});
  CHECK(single.units().size() == 6);

  // Whole frames of an interlaced stream (MBAFF) do not wait.
  Camera mixed = Make();
  SliceOptions frame;
  frame.fields = true;
  frame.type = 5;
  frame.slice = 7;
  mixed.SendPicture({Sps(sps), Pps(), Slice(frame)});
  CHECK(mixed.units().size() == 1);
}

TEST_CASE("odd fragments are read") {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  // Start and end at once.
  const Bytes p = P(1);
  Bytes only = camera.FragmentHeader(p, true, true);
  only.insert(only.end(), p.begin() + 1, p.end());
  camera.set_time(100'000);
  camera.Send(only, true);
  REQUIRE(camera.units().size() == 2);
  CHECK(camera.units()[1].data == Joined({p}));
  // Another type inside, empty fragments, and a first fragment of one byte.
  const Bytes q = P(2, 2, 600);
  Bytes first = camera.FragmentHeader(q, true, false);
  first.push_back(q[1]);
  Bytes empty = camera.FragmentHeader(q, false, false);
  Bytes last = camera.FragmentHeader(Bytes{0x65}, false, true);
  last.insert(last.end(), q.begin() + 2, q.end());
  camera.set_time(110'000);
  camera.Send(first, false);
  camera.Send(empty, false);
  camera.Send({28}, false);
  camera.Send({}, false);
  camera.Send(last, true);
  REQUIRE(camera.units().size() == 3);
  CHECK(camera.units()[2].data == Joined({q}));
  CHECK(Damaged(camera.units()) == "...");
}

TEST_CASE("a fragmented NAL unit without its end is whole when nothing was lost") {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  for (uint32_t i = 1; i < 12; ++i) {
    const Bytes p = P(i, 2, 300);
    Bytes first = camera.FragmentHeader(p, true, false);
    first.insert(first.end(), p.begin() + 1, p.begin() + 150);
    Bytes last = camera.FragmentHeader(p, false, false);
    last.insert(last.end(), p.begin() + 150, p.end());
    camera.set_time(camera.time() + 3600);
    camera.Send(first, false);
    camera.Send(last, true);
  }
  // At first a picture waits for the next one; then the marker is known to be the end.
  CHECK(camera.units().size() == 12);
  CHECK(Damaged(camera.units()) == std::string(12, '.'));
  CHECK(camera.units()[11].data == Joined({P(11, 2, 300)}));
}

TEST_CASE("aggregates are read") {
  const auto stap = [](const std::vector<Bytes>& nals) {
    Bytes payload{24};
    for (const Bytes& nal : nals) {
      payload.push_back(static_cast<uint8_t>(nal.size() >> 8));
      payload.push_back(static_cast<uint8_t>(nal.size()));
      payload.insert(payload.end(), nal.begin(), nal.end());
    }
    return payload;
  };
  Camera camera = Make();
  camera.Send(stap({Sps(), Pps(), kSei}), false);
  camera.SendNal(Idr(), true);
  REQUIRE(camera.units().size() == 1);
  CHECK(camera.units()[0].data == Joined({Sps(), Pps(), kSei, Idr()}));
  // A length that is too large costs the rest of the packet.
  camera.set_time(100'000);
  Bytes broken = stap({P(1), P(2)});
  broken[1 + 2 + P(1).size()] = 0xff;
  camera.Send(broken, true);
  REQUIRE(camera.units().size() == 2);
  CHECK(camera.units()[1].data == Joined({P(1)}));
  CHECK(camera.units()[1].damaged);
  const std::vector<Bytes> useless{{24},       {24, 0}, {24, 0, 0}, {24, 0, 0, 0}, {24, 0xff, 0xff, 1}, {25, 1}, {26},
                                   {30, 1, 2}, {31},    {0},        {28},          {28, 0x41}};
  for (const Bytes& payload : useless) {
    camera.Send(payload, true);
  }
  CHECK(camera.units().size() == 2);
}

TEST_CASE("keyframes are found") {
  const auto i_picture = [](uint32_t frame_num, uint32_t slice = 7) {
    SliceOptions options;
    options.frame_num = frame_num;
    options.slice = slice;
    return Slice(options);
  };
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  camera.SendPicture({i_picture(1)});
  camera.SendPicture({Recovery(0), i_picture(2)});
  camera.SendPicture({Recovery(0), P(3)});
  camera.SendPicture({Recovery(5), P(4)});
  CHECK(!camera.units()[1].keyframe);
  CHECK(camera.units()[2].keyframe);
  CHECK(!camera.units()[2].recovery);
  CHECK(!camera.units()[3].keyframe);
  CHECK(!camera.units()[3].recovery);
  CHECK(!camera.units()[4].keyframe);
  CHECK(camera.units()[4].recovery);
  // Both begin with the sets, so that decoding can begin there.
  CHECK(camera.units()[2].data == Joined({Sps(), Pps(), Recovery(0), i_picture(2)}));
  CHECK(camera.units()[4].data == Joined({Sps(), Pps(), Recovery(5), P(4)}));

  SpsOptions one;
  one.references = 1;
  Camera alone = Make();
  alone.SendPicture({Sps(one), Pps(), i_picture(0)});
  SliceOptions second;
  second.first_mb = 100;
  second.frame_num = 1;
  alone.SendPicture({i_picture(1, 2), Slice(second)});
  alone.SendPicture({i_picture(2, 2)});
  CHECK(alone.units()[0].keyframe);
  CHECK(!alone.units()[1].keyframe);
  CHECK(alone.units()[2].keyframe);
  CHECK(Damaged(alone.units()) == "...");
}

TEST_CASE("loss damages all pictures until the next keyframe") {
  for (const bool reliable : {false, true}) {
    Camera camera = Make("", reliable);
    SendGroup(camera, 3);
    camera.SendPicture({P(4, 2, 200)});
    camera.DropNext(1);
    camera.SendPicture({P(5)});  // whole picture
    camera.SendPicture({P(6)});
    SendGroup(camera, 2);
    CHECK(Damaged(camera.units()) == ".....x...");
    // Within a keyframe: it is still a keyframe.
    camera.set_time(camera.time() + 3600);
    const Bytes idr = Idr();
    Bytes first = camera.FragmentHeader(idr, true, false);
    first.insert(first.end(), idr.begin() + 1, idr.begin() + 1000);
    camera.Send(first, false);
    camera.Lose(1);
    Bytes last = camera.FragmentHeader(idr, false, true);
    last.insert(last.end(), idr.begin() + 2000, idr.end());
    camera.Send(last, true);
    CHECK(camera.units().back().keyframe);
    CHECK(camera.units().back().damaged);
    camera.SendPicture({P(1)});
    CHECK(camera.units().back().damaged);
  }
}

TEST_CASE("lost first and last fragments damage their picture") {
  Camera camera = Make("", false);
  SendGroup(camera, 8);
  camera.set_fragment_bytes(100);
  camera.DropNext(1);
  camera.SendPicture({P(9, 0, 300)});  // first fragment of the only slice: nothing is left of it
  camera.SendPicture({P(9)});
  const Bytes large = P(10, 0, 500);
  camera.set_time(camera.time() + 3600);
  Bytes first = camera.FragmentHeader(large, true, false);
  first.insert(first.end(), large.begin() + 1, large.begin() + 200);
  camera.Send(first, false);
  camera.Lose(2);
  camera.SendPicture({P(10)});
  CHECK(Damaged(camera.units()) ==
        ".........."
        "x.");
}

TEST_CASE("a lost picture that no other refers to damages nothing") {
  Camera camera = Make("", false);
  SendGroup(camera, 6);
  camera.DropNext(1);
  camera.SendPicture({P(7, 0)});
  camera.SendPicture({P(7)});
  camera.SendPicture({P(8)});
  CHECK(Damaged(camera.units()) == ".........");
  // An incomplete one damages itself.
  camera.set_fragment_bytes(100);
  const Bytes p = P(9, 0, 300);
  camera.set_time(camera.time() + 3600);
  Bytes first = camera.FragmentHeader(p, true, false);
  first.insert(first.end(), p.begin() + 1, p.begin() + 100);
  camera.Send(first, false);
  camera.Lose(1);
  Bytes last = camera.FragmentHeader(p, false, true);
  last.insert(last.end(), p.begin() + 200, p.end());
  camera.Send(last, true);
  camera.SendPicture({P(9)});
  CHECK(Damaged(camera.units()) == ".........x.");
}

TEST_CASE("pictures that the camera itself drops are noticed") {
  Camera camera = Make();
  SendGroup(camera, 30);
  camera.SendPicture({P(32)});
  camera.SendPicture({P(33)});
  CHECK(Damaged(camera.units()) == std::string(31, '.') + "xx");
}

TEST_CASE("an intra refresh ends the damage") {
  Camera camera = Make();
  // There is never a keyframe.
  camera.SendNal(Sps(), false);
  camera.SendNal(Pps(), false);
  for (uint32_t i = 0; i < 60; ++i) {
    if (i % 10 == 5) {
      camera.SendPicture({Recovery(4), P(i)});
    } else {
      camera.SendPicture({P(i)});
    }
    CHECK(camera.depacketizer().intra_refresh_only() == (camera.units().size() >= 50));
  }
  CHECK(Damaged(camera.units()) == std::string(9, 'x') + std::string(51, '.'));
  CHECK(camera.units()[5].recovery);
  CHECK(!camera.units()[5].keyframe);
  camera.DropNext(1);
  for (uint32_t i = 60; i < 75; ++i) {
    if (i % 10 == 5) {
      camera.SendPicture({Recovery(4), P(i)});
    } else {
      camera.SendPicture({P(i)});
    }
  }
  CHECK(Damaged(camera.units()).substr(60) == "xxxxxxxx......");
  // A stream with keyframes is not a stream with intra refresh.
  SendGroup(camera, 1);
  SendGroup(camera, 1);
  CHECK(!camera.depacketizer().intra_refresh_only());
}

TEST_CASE("wrong sequence numbers are detected") {
  const auto play = [](Camera& camera, int groups) {
    for (int group = 0; group < groups; ++group) {
      for (uint32_t i = 0; i < 12; ++i) {
        camera.Lose(3);
        if (i == 0) {
          camera.SendPicture({Sps(), Pps(), Idr()});
        } else {
          camera.set_time(camera.time() + 3600);
          const Bytes p = P(i, 2, 300);
          Bytes first = camera.FragmentHeader(p, true, false);
          first.insert(first.end(), p.begin() + 1, p.begin() + 150);
          camera.Send(first, false);
          camera.Lose(1);
          Bytes last = camera.FragmentHeader(p, false, true);
          last.insert(last.end(), p.begin() + 150, p.end());
          camera.Send(last, true);
        }
      }
    }
  };
  Camera camera = Make();
  play(camera, 5);
  CHECK(camera.depacketizer().habits().sequence_unreliable);
  CHECK(camera.units().size() == 60);
  CHECK(Damaged(camera.units()).substr(48) == std::string(12, '.'));
  CHECK(camera.units()[59].data == Joined({P(11, 2, 300)}));

  Camera again = Make("", true, camera.depacketizer().habits());
  play(again, 1);
  CHECK(Damaged(again.units()) == std::string(12, '.'));

  // Over UDP numbers are believed.
  Camera udp = Make("", false, camera.depacketizer().habits());
  play(udp, 5);
  CHECK(Damaged(udp.units()).find('x') != std::string::npos);

  // Real loss: a third of the packets is missing.
  Camera lossy = Make();
  uint32_t random = 1;
  for (int group = 0; group < 20; ++group) {
    for (uint32_t i = 0; i < 12; ++i) {
      lossy.set_time(lossy.time() + 3600);
      const Bytes p = i == 0 ? Idr(600) : P(i, 2, 600);
      lossy.set_fragment_bytes(100);
      for (size_t at = 1; at < p.size(); at += 100) {
        random = random * 1'103'515'245 + 12'345;
        const size_t end = std::min(p.size(), at + 100);
        Bytes fragment = lossy.FragmentHeader(p, at == 1, end == p.size());
        fragment.insert(fragment.end(), p.begin() + static_cast<long>(at), p.begin() + static_cast<long>(end));
        if (random >> 16 & 1 && random >> 17 & 1) lossy.DropNext(1);
        lossy.Send(fragment, end == p.size());
      }
    }
  }
  CHECK(!lossy.depacketizer().habits().sequence_unreliable);
}

TEST_CASE("a picture that never ends is a problem") {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  CHECK(camera.depacketizer().problem().empty());
  const Bytes p = P(1);
  Bytes fragment = camera.FragmentHeader(p, true, false);
  fragment.insert(fragment.end(), p.begin() + 1, p.end());
  camera.Send(fragment, false);
  fragment = Padded(camera.FragmentHeader(p, false, false), 60'000);
  for (int i = 0; i < 700 && camera.depacketizer().problem().empty(); ++i) camera.Send(fragment, false);
  CHECK(camera.depacketizer().problem() == "A picture of the camera has more than 32 MiB and does not end.");
  CHECK(camera.units().size() == 1);
}

TEST_CASE("many SEI messages and slices are one picture") {
  Camera camera = Make();
  for (uint32_t i = 0; i < 3; ++i) {
    std::vector<Bytes> nals{kAud};
    if (i == 0) nals.insert(nals.end(), {Sps(), Pps()});
    nals.insert(nals.end(), 200, kSei);
    for (uint32_t n = 0; n < (i == 1 ? 3U : 8U); ++n) {
      SliceOptions options;
      options.type = i == 0 ? 5 : 1;
      options.slice = i == 0 ? 7 : 5;
      options.frame_num = i;
      options.first_mb = n * 30;
      nals.push_back(Slice(options));
    }
    camera.SendPicture(nals);
    REQUIRE(camera.units().size() == i + 1);
    CHECK(camera.units()[i].data == Joined(nals));
  }
  CHECK(Damaged(camera.units()) == "...");
  // SEI without end and without a picture are bounded.
  for (int i = 0; i < 5000; ++i) camera.SendNal(Padded(kSei, 900), true);
  camera.SendPicture({P(3)});
  REQUIRE(camera.units().size() == 4);
  CHECK(camera.units()[3].data.size() < 2 << 20);
}

TEST_CASE("a restart drops the unfinished picture") {
  Camera camera = Make();
  SendGroup(camera, 2);
  camera.SendNal(P(3), false);
  camera.depacketizer().Restart();
  camera.SendPicture({P(9)});
  SendGroup(camera, 1);
  CHECK(Damaged(camera.units()) == "...x..");
}

}  // namespace
