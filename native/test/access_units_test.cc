// Access units are cut into pieces as libav's RTP receivers do, in many ways, and must come out again unchanged, in
// order, none twice; from a camera that cuts regularly, after a while, each at its own last piece.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "../src/access_units.h"

using chrys::AccessUnit;
using chrys::AccessUnits;

namespace {

using Data = std::vector<uint8_t>;
int failures = 0;

void Expect(bool good, const std::string& what) {
  if (!good) {
    std::printf("FAILED: %s\n", what.c_str());
    ++failures;
  }
}

struct Nal {
  Data bytes;  // header and payload
};

struct Camera {
  AccessUnits::Codec codec = AccessUnits::Codec::kH264;
  size_t mtu = 1386;         // payload of a fragment
  int slices = 1;
  bool even_split = false;   // cuts a NAL unit into equal parts instead of full packets and a rest
  bool aggregates = false;   // delimiter and parameter sets in one packet
  bool same_pts = false;     // broken clock: every unit has the same time
  bool suffix_sei = false;   // something follows the last slice
};

Nal MakeNal(const Camera& camera, int h264_type, int hevc_type, bool first_slice, size_t size, std::mt19937* random) {
  Nal nal;
  if (camera.codec == AccessUnits::Codec::kH264) {
    nal.bytes.push_back(static_cast<uint8_t>(0x60 | h264_type));
  } else {
    nal.bytes.push_back(static_cast<uint8_t>(hevc_type << 1));
    nal.bytes.push_back(1);
  }
  nal.bytes.push_back(first_slice ? 0x80 : 0x40);
  // Never a zero: no start code can stand in it.
  while (nal.bytes.size() < size) nal.bytes.push_back(static_cast<uint8_t>(1 + (*random)() % 255));
  return nal;
}

std::vector<Nal> MakeUnit(const Camera& camera, bool keyframe, size_t slice_bytes, std::mt19937* random) {
  std::vector<Nal> unit{MakeNal(camera, 9, 35, false, 4, random)};
  if (keyframe) {
    unit.push_back(MakeNal(camera, 7, 33, false, 30, random));
    unit.push_back(MakeNal(camera, 8, 34, false, 10, random));
  }
  for (int i = 0; i < camera.slices; ++i) {
    unit.push_back(MakeNal(camera, keyframe ? 5 : 1, keyframe ? 19 : 1, i == 0, slice_bytes, random));
  }
  if (camera.suffix_sei) unit.push_back(MakeNal(camera, 12, 40, false, 20, random));
  return unit;
}

const Data kStartCode{0, 0, 0, 1};

Data Whole(const std::vector<Nal>& unit) {
  Data data;
  for (const Nal& nal : unit) {
    data.insert(data.end(), kStartCode.begin(), kStartCode.end());
    data.insert(data.end(), nal.bytes.begin(), nal.bytes.end());
  }
  return data;
}

size_t HeaderBytes(const Camera& camera) { return camera.codec == AccessUnits::Codec::kH264 ? 1 : 2; }

// A packet with a whole NAL unit has room for what the header of a fragment takes: that of the unit and one byte.
size_t MostWhole(const Camera& camera) { return camera.mtu + HeaderBytes(camera) + 1; }

std::vector<Data> Cut(const Camera& camera, const std::vector<Nal>& unit) {
  std::vector<Data> pieces;
  const size_t header = HeaderBytes(camera);
  for (size_t n = 0; n < unit.size(); ++n) {
    const Data& nal = unit[n].bytes;
    const bool joins = camera.aggregates && n > 0 && nal.size() + pieces.back().size() < 200 && pieces.back().size() < 200;
    if (joins) {
      pieces.back().insert(pieces.back().end(), kStartCode.begin(), kStartCode.end());
      pieces.back().insert(pieces.back().end(), nal.begin(), nal.end());
      continue;
    }
    Data first = kStartCode;
    if (nal.size() <= MostWhole(camera)) {
      first.insert(first.end(), nal.begin(), nal.end());
      pieces.push_back(first);
      continue;
    }
    const size_t payload = nal.size() - header;
    const size_t count = (payload + camera.mtu - 1) / camera.mtu;
    const size_t each = camera.even_split ? (payload + count - 1) / count : camera.mtu;
    first.insert(first.end(), nal.begin(), nal.begin() + static_cast<long>(std::min(nal.size(), header + each)));
    pieces.push_back(first);
    for (size_t at = header + each; at < nal.size(); at += each) {
      pieces.emplace_back(nal.begin() + static_cast<long>(at), nal.begin() + static_cast<long>(std::min(nal.size(), at + each)));
    }
  }
  return pieces;
}

struct Outcome {
  int early = 0;  // units that came out at their own last piece
  int late = 0;
  int wrong = 0;  // that are not what was sent
};

Outcome Play(const Camera& camera, int units, unsigned seed) {
  std::mt19937 random(seed);
  AccessUnits assembler(camera.codec);
  std::vector<Data> sent;
  Outcome outcome;
  size_t received = 0;
  AccessUnit unit;
  const auto check = [&](bool early) {
    if (received >= sent.size() || unit.data != sent[received]) ++outcome.wrong;
    ++received;
    early ? ++outcome.early : ++outcome.late;
  };
  for (int i = 0; i < units; ++i) {
    const bool keyframe = i % 25 == 0;
    size_t bytes = keyframe ? 20'000 + random() % 5'000 : 200 + random() % 6'000;
    if (i % 17 == 3) bytes = camera.mtu * 3 + 1;  // the last fragment is a full one
    if (i % 41 == 40) bytes = MostWhole(camera);
    const auto nals = MakeUnit(camera, keyframe, bytes, &random);
    sent.push_back(Whole(nals));
    const auto pieces = Cut(camera, nals);
    for (size_t p = 0; p < pieces.size(); ++p) {
      assembler.Push(pieces[p].data(), pieces[p].size(), camera.same_pts ? 0 : i * 3600, false);
      while (assembler.Take(&unit)) check(received == static_cast<size_t>(i) && p + 1 == pieces.size());
    }
  }
  Expect(received + 1 >= sent.size(), "every unit but the open one comes out");
  return outcome;
}

}  // namespace

int main() {
  for (const auto codec : {AccessUnits::Codec::kH264, AccessUnits::Codec::kHevc}) {
    const std::string name = codec == AccessUnits::Codec::kH264 ? "h264" : "hevc";
    for (unsigned seed = 1; seed <= 4; ++seed) {
      Camera camera;
      camera.codec = codec;
      Outcome outcome = Play(camera, 1000, seed);
      Expect(outcome.wrong == 0, name + " regular: unchanged");
      Expect(outcome.early > 800, name + " regular: most units come at their last piece");

      camera.slices = 4;
      outcome = Play(camera, 1000, seed);
      Expect(outcome.wrong == 0, name + " four slices: unchanged");
      Expect(outcome.early > 800, name + " four slices: most units come at their last piece");

      camera.slices = 1;
      camera.aggregates = true;
      outcome = Play(camera, 1000, seed);
      Expect(outcome.wrong == 0 && outcome.early > 800, name + " aggregated: unchanged and early");

      camera.aggregates = false;
      camera.same_pts = true;
      outcome = Play(camera, 1000, seed);
      Expect(outcome.wrong == 0, name + " without times: unchanged");

      camera.same_pts = false;
      camera.even_split = true;
      outcome = Play(camera, 1000, seed);
      Expect(outcome.wrong == 0, name + " evenly cut: unchanged, because it is never believed");

      camera.even_split = false;
      camera.suffix_sei = true;
      outcome = Play(camera, 1000, seed);
      Expect(outcome.wrong == 0, name + " with something behind the picture: unchanged");
    }
  }
  std::printf("access units: %s\n", failures == 0 ? "passed" : "FAILED");
  return failures == 0 ? 0 : 1;
}
