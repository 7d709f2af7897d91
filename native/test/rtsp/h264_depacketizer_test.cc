// H.264 from RTP packets to pictures, with what cameras do wrong: `h264_depacketizer_test`.
#include <cstdio>

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
  Bytes body = payload.Nal({});
  Bytes sei{6, 6, static_cast<uint8_t>(body.size())};
  sei.insert(sei.end(), body.begin(), body.end());
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

// A keyframe and so many pictures behind it, each a reference.
void SendGroup(Camera& camera, uint32_t pictures) {
  camera.SendPicture({Sps(), Pps(), Idr()});
  for (uint32_t i = 1; i <= pictures; ++i) camera.SendPicture({P(i)});
}

void GivesAPictureOutAtItsLastPacket() {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  EXPECT(camera.units().size() == 1);
  camera.SendPicture({P(1)});
  EXPECT(camera.units().size() == 2);
  const AccessUnit& key = camera.units()[0];
  EXPECT(key.keyframe && !key.damaged && key.data == Joined({Sps(), Pps(), Idr()}));
  EXPECT(key.rtp_time == 93'600);
  const AccessUnit& second = camera.units()[1];
  EXPECT(!second.keyframe && !second.damaged && second.data == Joined({P(1)}));
  EXPECT(second.arrival_us > key.arrival_us);
}

void ParameterSetsWithTheTimeBeforeBelongToTheNextPicture() {
  // Reolink RLC-822A: SPS with the marker and PPS have the time of the previous picture.
  Camera camera = Make();
  for (int group = 0; group < 3; ++group) {
    camera.SendNal(Sps(), true);
    camera.SendNal(Pps(), false);
    camera.SendPicture({Idr()});
    camera.SendPicture({P(1)});
  }
  EXPECT(camera.units().size() == 6);
  for (size_t i = 0; i < camera.units().size(); ++i) {
    EXPECT(camera.units()[i].rtp_time == 90'000 + 3600 * (i + 1));
    EXPECT(camera.units()[i].data == (i % 2 == 0 ? Joined({Sps(), Pps(), Idr()}) : Joined({P(1)})));
  }
}

void SeiBehindAPictureMakesNoPicture() {
  // Tapo C120.
  Camera camera = Make();
  for (uint32_t i = 0; i < 6; ++i) {
    if (i == 0) {
      camera.SendPicture({Sps(), Pps(), Idr()});
    } else {
      camera.SendPicture({P(i)});
    }
    EXPECT(camera.units().size() == i + 1);
    camera.SendNal(kSei, true);
    camera.SendNal(kSei, true);
    EXPECT(camera.units().size() == i + 1);
  }
  EXPECT(camera.units()[1].data == Joined({kSei, kSei, P(1)}));
  // A delimiter is the first NAL unit of a picture: what stands in front of it is dropped.
  camera.SendPicture({kAud, P(6)});
  EXPECT(camera.units()[6].data == Joined({kAud, P(6)}));
}

void TheMarkerOnSeiBehindTheSliceEndsThePicture() {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr(), kSei});
  EXPECT(camera.units().size() == 1);
  camera.SendPicture({P(1), Bytes{12, 0xff, 0xff, 0x80}});  // filler data
  EXPECT(camera.units().size() == 2);
}

void StartCodesInsideANalUnitSeparateNalUnits() {
  // V380: a whole keyframe is sent as one fragmented SPS.
  for (size_t fragment = 20; fragment < 90; ++fragment) {
    Camera camera = Make();
    camera.set_fragment_bytes(fragment);
    Bytes all = Joined({Sps(), Pps(), kSei, Idr(700), Idr(20)});
    all.erase(all.begin(), all.begin() + 4);
    camera.SendPicture({all});
    camera.SendPicture({P(1)});
    EXPECT(camera.units().size() >= 2);
    EXPECT(camera.units()[0].data == Joined({Sps(), Pps(), kSei, Idr(700)}));
    EXPECT(camera.units().back().data == Joined({P(1)}));
  }
}

void AStartCodeInFrontIsRemoved() {
  Camera camera = Make();
  camera.SendPicture({Joined({Sps()}), Joined({Pps(), Idr(300)})});
  EXPECT(camera.units().size() == 1 && camera.units()[0].data == Joined({Sps(), Pps(), Idr(300)}));
}

void AStartCodeWithinAnSeiMessageIsNone() {
  // ONVIF media signing.
  const Bytes sei{6, 5, 12, 1, 2, 0, 0, 0, 1, 0x65, 7, 8, 9, 10, 0x80};
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), sei, Idr()});
  EXPECT(camera.units().size() == 1 && camera.units()[0].data == Joined({Sps(), Pps(), sei, Idr()}));
}

void ZerosBehindANalUnitAreRemoved() {
  Camera camera = Make();
  Bytes sps = Sps();
  sps.insert(sps.end(), 3, 0);
  Bytes idr = Idr();
  idr.insert(idr.end(), 5, 0);
  camera.SendPicture({sps, Pps(), idr});
  EXPECT(camera.units()[0].data == Joined({Sps(), Pps(), Idr()}));
}

void SetsOfTheDescriptionStandInFrontOfKeyframes() {
  Camera plain = Make();
  EXPECT(plain.depacketizer().extradata().empty());
  // Paddings as cameras write them, and start codes.
  for (const char* sprop : {"Z0IAHukBQHsg,aM4xUg==", "Z0IAHukBQHsg==, aM4xUg", "AAAAAWdCAB7pAUB7IAAAAAFozjFS"}) {
    Camera camera = Make(sprop);
    const Bytes extradata = camera.depacketizer().extradata();
    EXPECT(extradata == Joined({{0x67, 0x42, 0x00, 0x1e, 0xe9, 0x01, 0x40, 0x7b, 0x20}, {0x68, 0xce, 0x31, 0x52}}));
    camera.SendPicture({kAud, Idr()});
    Bytes expected = Joined({kAud});
    expected.insert(expected.end(), extradata.begin(), extradata.end());
    const Bytes idr = Joined({Idr()});
    expected.insert(expected.end(), idr.begin(), idr.end());
    EXPECT(camera.units().size() == 1 && camera.units()[0].data == expected);
  }
  for (const char* sprop : {",", "!!!!,????", "Z0IAHukBQHsg,", "Z0IAHukBQHsg", "Zw==,aA==", ",,,,,,"}) {
    Camera camera = Make(sprop);
    EXPECT(camera.depacketizer().extradata().empty());
    camera.SendPicture({Sps(), Pps(), Idr()});
    EXPECT(camera.depacketizer().extradata() == Joined({Sps(), Pps()}));
  }
}

void SetsOfTheStreamWin() {
  Camera camera = Make("Z0IAHukBQHsg,aM4xUg==");
  camera.SendPicture({Sps(), Pps(), Idr()});
  EXPECT(camera.depacketizer().extradata() == Joined({Sps(), Pps()}));
  // Once is enough.
  camera.SendPicture({Idr()});
  EXPECT(camera.units()[1].data == Joined({Sps(), Pps(), Idr()}));
  // Others follow, and half of them is sent.
  SpsOptions options;
  options.level = 40;
  camera.SendPicture({Sps(options), Idr()});
  EXPECT(camera.units()[2].data == Joined({Sps(options), Pps(), Idr()}));
  EXPECT(camera.depacketizer().extradata() == Joined({Sps(options), Pps()}));
}

void BrokenSetsDoNotReplaceGoodOnes() {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  camera.SendPicture({{0x67, 77, 0, 30, 0x00, 0x00}, {0x68}, Idr()});
  EXPECT(camera.units()[1].data == Joined({Sps(), Pps(), Idr()}));
  // An SPS whose fragments were lost.
  camera.set_fragment_bytes(5);
  camera.set_time(200'000);
  SpsOptions options;
  options.level = 40;
  camera.SendNal(Sps(options), false);
  EXPECT(camera.depacketizer().extradata() == Joined({Sps(options), Pps()}));
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
  EXPECT(camera.depacketizer().extradata() == Joined({Sps(options), Pps()}));
}

void ACameraThatMarksEverySliceIsLearnt() {
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
  EXPECT(camera.depacketizer().habits().marks_every_slice);
  EXPECT(camera.units().size() == 11);
  for (size_t i = 1; i < camera.units().size(); ++i) {
    const Bytes whole = Joined(slices(static_cast<uint32_t>(i % 4)));
    const Bytes& data = camera.units()[i].data;
    EXPECT(data.size() >= whole.size());
    EXPECT(std::equal(whole.rbegin(), whole.rend(), data.rbegin()));
  }
  // The pictures behind the one that was cut are damaged until the next keyframe.
  EXPECT(Damaged(camera.units()) == ".xxx.......");

  Camera again = Make("", true, camera.depacketizer().habits());
  for (uint32_t i = 0; i < 5; ++i) send(again, i % 4);
  EXPECT(again.units().size() == 4 && Damaged(again.units()) == "....");

  // The habit ends with the camera's.
  for (uint32_t i = 5; i < 270; ++i) {
    again.set_time(again.time() + 3600);
    const auto nals = slices(i % 4);
    for (size_t n = 0; n < nals.size(); ++n) again.SendNal(nals[n], n == 3);
  }
  EXPECT(!again.depacketizer().habits().marks_every_slice);
}

void PicturesWithTheSameTimeAreSeparated() {
  for (const bool marker : {false, true}) {
    Camera camera = Make();
    for (uint32_t i = 0; i < 10; ++i) {
      if (i == 0) {
        camera.SendNal(Sps(), false);
        camera.SendNal(Pps(), false);
      }
      camera.SendNal(i == 0 ? Idr() : P(i), marker);
    }
    EXPECT(camera.units().size() == (marker ? 10 : 9));
    EXPECT(camera.units()[3].data == Joined({P(3)}));
    EXPECT(!camera.depacketizer().habits().marks_every_slice);
  }
}

void TwoFieldsAreOnePicture() {
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
  // Marker and time of their own, with a delimiter and an SEI in front of each.
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
    EXPECT(camera.units().size() == i + 1);
  }
  EXPECT(camera.units()[0].keyframe);
  EXPECT(camera.units()[0].data == Joined({kAud, Sps(sps), Pps(), field(0, 0, 5), kSei, field(0, 1)}));
  EXPECT(Damaged(camera.units()) == ".....");
  EXPECT(camera.units()[1].rtp_time - camera.units()[0].rtp_time == 3600);

  // Both in one packet of time, the marker at the end.
  Camera together = Make();
  together.SendPicture({Sps(sps), Pps(), field(0, 0, 5), field(0, 1)});
  together.SendPicture({field(1, 1), field(1, 0)});
  EXPECT(together.units().size() == 2);

  // Single fields: after a few pictures nothing waits for a second one.
  Camera single = Make();
  single.SendPicture({Sps(sps), Pps(), field(0, 0, 5)});
  for (uint32_t i = 1; i < 6; ++i) single.SendPicture({field(i, 0)});
  EXPECT(single.units().size() == 6);

  // Whole frames of an interlaced stream (MBAFF) do not wait.
  Camera mixed = Make();
  SliceOptions frame;
  frame.fields = true;
  frame.type = 5;
  frame.slice = 7;
  mixed.SendPicture({Sps(sps), Pps(), Slice(frame)});
  EXPECT(mixed.units().size() == 1);
}

void OddFragmentsAreRead() {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  // Start and end at once.
  const Bytes p = P(1);
  Bytes only = camera.FragmentHeader(p, true, true);
  only.insert(only.end(), p.begin() + 1, p.end());
  camera.set_time(100'000);
  camera.Send(only, true);
  EXPECT(camera.units().size() == 2 && camera.units()[1].data == Joined({p}));
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
  EXPECT(camera.units().size() == 3 && camera.units()[2].data == Joined({q}));
  EXPECT(Damaged(camera.units()) == "...");
}

void AFragmentedNalWithoutItsEndIsWholeWhenNothingWasLost() {
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
  EXPECT(camera.units().size() == 12);
  EXPECT(Damaged(camera.units()) == std::string(12, '.'));
  EXPECT(camera.units()[11].data == Joined({P(11, 2, 300)}));
}

void AggregatesAreRead() {
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
  EXPECT(camera.units().size() == 1 && camera.units()[0].data == Joined({Sps(), Pps(), kSei, Idr()}));
  // A length that is too large costs what is behind it.
  camera.set_time(100'000);
  Bytes broken = stap({P(1), P(2)});
  broken[1 + 2 + P(1).size()] = 0xff;
  camera.Send(broken, true);
  EXPECT(camera.units().size() == 2 && camera.units()[1].data == Joined({P(1)}) && camera.units()[1].damaged);
  const std::vector<Bytes> useless{{24},       {24, 0}, {24, 0, 0}, {24, 0, 0, 0}, {24, 0xff, 0xff, 1}, {25, 1}, {26},
                                   {30, 1, 2}, {31},    {0},        {28},          {28, 0x41}};
  for (const Bytes& payload : useless) {
    camera.Send(payload, true);
  }
  EXPECT(camera.units().size() == 2);
}

void FindsKeyframes() {
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
  EXPECT(!camera.units()[1].keyframe);
  EXPECT(camera.units()[2].keyframe && !camera.units()[2].recovery);
  EXPECT(!camera.units()[3].keyframe && !camera.units()[3].recovery);
  EXPECT(!camera.units()[4].keyframe && camera.units()[4].recovery);
  // Both begin with the sets, so that decoding can.
  EXPECT(camera.units()[2].data == Joined({Sps(), Pps(), Recovery(0), i_picture(2)}));
  EXPECT(camera.units()[4].data == Joined({Sps(), Pps(), Recovery(5), P(4)}));

  SpsOptions one;
  one.references = 1;
  Camera alone = Make();
  alone.SendPicture({Sps(one), Pps(), i_picture(0)});
  SliceOptions second;
  second.first_mb = 100;
  second.frame_num = 1;
  alone.SendPicture({i_picture(1, 2), Slice(second)});
  alone.SendPicture({i_picture(2, 2)});
  EXPECT(alone.units()[0].keyframe && !alone.units()[1].keyframe && alone.units()[2].keyframe);
  EXPECT(Damaged(alone.units()) == "...");
}

void LossDamagesUntilTheNextKeyframe() {
  for (const bool reliable : {false, true}) {
    Camera camera = Make("", reliable);
    SendGroup(camera, 3);
    camera.SendPicture({P(4, 2, 200)});
    camera.DropNext(1);
    camera.SendPicture({P(5)});  // whole picture
    camera.SendPicture({P(6)});
    SendGroup(camera, 2);
    EXPECT(Damaged(camera.units()) == ".....x...");
    // Within a keyframe: it is one still.
    camera.set_time(camera.time() + 3600);
    const Bytes idr = Idr();
    Bytes first = camera.FragmentHeader(idr, true, false);
    first.insert(first.end(), idr.begin() + 1, idr.begin() + 1000);
    camera.Send(first, false);
    camera.Lose(1);
    Bytes last = camera.FragmentHeader(idr, false, true);
    last.insert(last.end(), idr.begin() + 2000, idr.end());
    camera.Send(last, true);
    EXPECT(camera.units().back().keyframe && camera.units().back().damaged);
    camera.SendPicture({P(1)});
    EXPECT(camera.units().back().damaged);
  }
}

void LostStartAndEndFragmentsDamageTheirPicture() {
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
  EXPECT(Damaged(camera.units()) ==
         ".........."
         "x.");
}

void ALostPictureThatNothingRefersToDamagesNothing() {
  Camera camera = Make("", false);
  SendGroup(camera, 6);
  camera.DropNext(1);
  camera.SendPicture({P(7, 0)});
  camera.SendPicture({P(7)});
  camera.SendPicture({P(8)});
  EXPECT(Damaged(camera.units()) == ".........");
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
  EXPECT(Damaged(camera.units()) == ".........x.");
}

void PicturesThatTheCameraItselfDropsAreSeen() {
  Camera camera = Make();
  SendGroup(camera, 30);
  camera.SendPicture({P(32)});
  camera.SendPicture({P(33)});
  EXPECT(Damaged(camera.units()) == std::string(31, '.') + "xx");
}

void IntraRefreshHeals() {
  Camera camera = Make();
  // No keyframe ever.
  camera.SendNal(Sps(), false);
  camera.SendNal(Pps(), false);
  for (uint32_t i = 0; i < 60; ++i) {
    if (i % 10 == 5) {
      camera.SendPicture({Recovery(4), P(i)});
    } else {
      camera.SendPicture({P(i)});
    }
    EXPECT(camera.depacketizer().intra_refresh_only() == (camera.units().size() >= 50));
  }
  EXPECT(Damaged(camera.units()) == std::string(9, 'x') + std::string(51, '.'));
  EXPECT(camera.units()[5].recovery && !camera.units()[5].keyframe);
  camera.DropNext(1);
  for (uint32_t i = 60; i < 75; ++i) {
    if (i % 10 == 5) {
      camera.SendPicture({Recovery(4), P(i)});
    } else {
      camera.SendPicture({P(i)});
    }
  }
  EXPECT(Damaged(camera.units()).substr(60) == "xxxxxxxx......");
  // A stream with keyframes is not one of these.
  SendGroup(camera, 1);
  SendGroup(camera, 1);
  EXPECT(!camera.depacketizer().intra_refresh_only());
}

void SequenceNumbersThatLieAreFoundOut() {
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
  EXPECT(camera.depacketizer().habits().sequence_unreliable);
  EXPECT(camera.units().size() == 60);
  EXPECT(Damaged(camera.units()).substr(48) == std::string(12, '.'));
  EXPECT(camera.units()[59].data == Joined({P(11, 2, 300)}));

  Camera again = Make("", true, camera.depacketizer().habits());
  play(again, 1);
  EXPECT(Damaged(again.units()) == std::string(12, '.'));

  // Over UDP numbers are believed.
  Camera udp = Make("", false, camera.depacketizer().habits());
  play(udp, 5);
  EXPECT(Damaged(udp.units()).find('x') != std::string::npos);

  // Real loss is no lie: a third of the packets is missing.
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
  EXPECT(!lossy.depacketizer().habits().sequence_unreliable);
}

void APictureThatNeverEndsIsAProblem() {
  Camera camera = Make();
  camera.SendPicture({Sps(), Pps(), Idr()});
  EXPECT(camera.depacketizer().problem().empty());
  const Bytes p = P(1);
  Bytes fragment = camera.FragmentHeader(p, true, false);
  fragment.insert(fragment.end(), p.begin() + 1, p.end());
  camera.Send(fragment, false);
  fragment = Padded(camera.FragmentHeader(p, false, false), 60'000);
  for (int i = 0; i < 700 && camera.depacketizer().problem().empty(); ++i) camera.Send(fragment, false);
  EXPECT(camera.depacketizer().problem() == "A picture of the camera has more than 32 MiB and does not end.");
  EXPECT(camera.units().size() == 1);
}

void ManySeiAndSlicesAreOnePicture() {
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
    EXPECT(camera.units().size() == i + 1 && camera.units()[i].data == Joined(nals));
  }
  EXPECT(Damaged(camera.units()) == "...");
  // SEI without end and without a picture are bounded.
  for (int i = 0; i < 5000; ++i) camera.SendNal(Padded(kSei, 900), true);
  camera.SendPicture({P(3)});
  EXPECT(camera.units().size() == 4 && camera.units()[3].data.size() < 2 << 20);
}

void RestartDropsTheUnfinishedPicture() {
  Camera camera = Make();
  SendGroup(camera, 2);
  camera.SendNal(P(3), false);
  camera.depacketizer().Restart();
  camera.SendPicture({P(9)});
  SendGroup(camera, 1);
  EXPECT(Damaged(camera.units()) == "...x..");
}

}  // namespace

int main() {
  GivesAPictureOutAtItsLastPacket();
  ParameterSetsWithTheTimeBeforeBelongToTheNextPicture();
  SeiBehindAPictureMakesNoPicture();
  TheMarkerOnSeiBehindTheSliceEndsThePicture();
  StartCodesInsideANalUnitSeparateNalUnits();
  AStartCodeInFrontIsRemoved();
  AStartCodeWithinAnSeiMessageIsNone();
  ZerosBehindANalUnitAreRemoved();
  SetsOfTheDescriptionStandInFrontOfKeyframes();
  SetsOfTheStreamWin();
  BrokenSetsDoNotReplaceGoodOnes();
  ACameraThatMarksEverySliceIsLearnt();
  PicturesWithTheSameTimeAreSeparated();
  TwoFieldsAreOnePicture();
  OddFragmentsAreRead();
  AFragmentedNalWithoutItsEndIsWholeWhenNothingWasLost();
  AggregatesAreRead();
  FindsKeyframes();
  LossDamagesUntilTheNextKeyframe();
  LostStartAndEndFragmentsDamageTheirPicture();
  ALostPictureThatNothingRefersToDamagesNothing();
  PicturesThatTheCameraItselfDropsAreSeen();
  IntraRefreshHeals();
  SequenceNumbersThatLieAreFoundOut();
  APictureThatNeverEndsIsAProblem();
  ManySeiAndSlicesAreOnePicture();
  RestartDropsTheUnfinishedPicture();
  if (failures == 0) std::printf("h264_depacketizer: passed\n");
  return failures == 0 ? 0 : 1;
}
