#include "rtsp/parameter_sets.h"

extern "C" {
#include <libavutil/base64.h>
}

#include <algorithm>
#include <array>
#include <string>

namespace chrys::rtsp {

namespace {

constexpr int kHevcVps = 32;
constexpr int kHevcSps = 33;
constexpr int kH264Sps = 7;
constexpr size_t kMaxBase64Characters = 16 << 10;

enum class SetType { kVps, kSps, kPps, kNone };

SetType TypeOf(NalCodec codec, const uint8_t* nal) {
  const int type = NalType(codec, nal);
  if (codec == NalCodec::kH264) return type == kH264Sps ? SetType::kSps : SetType::kPps;
  if (type == kHevcVps) return SetType::kVps;
  return type == kHevcSps ? SetType::kSps : SetType::kPps;
}

// Cameras pad with too many or too few '=', and put spaces and line ends in between.
std::vector<uint8_t> DecodeBase64(std::string_view text) {
  std::string clean;
  for (const char c : text.substr(0, kMaxBase64Characters)) {
    if (c == '=') break;
    if (c > ' ' && c != '"') clean += c;
  }
  std::vector<uint8_t> data(AV_BASE64_DECODE_SIZE(clean.size()) + 4);
  const int size = av_base64_decode(data.data(), clean.c_str(), static_cast<int>(data.size()));
  data.resize(static_cast<size_t>(std::max(size, 0)));
  return data;
}

}  // namespace

void AppendNal(const uint8_t* nal, size_t size, std::vector<uint8_t>* out) {
  constexpr std::array<uint8_t, 4> kStartCode{0, 0, 0, 1};
  out->insert(out->end(), kStartCode.begin(), kStartCode.end());
  out->insert(out->end(), nal, nal + size);
}

void ParameterSets::AddBase64(std::string_view list) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    const std::vector<uint8_t> data = DecodeBase64(list.substr(0, comma));
    // Some cameras write start codes here as well, each followed by a NAL unit.
    size_t begin = 0;
    for (size_t i = 0; i <= data.size(); ++i) {
      const bool code = i + 3 <= data.size() && data[i] == 0 && data[i + 1] == 0 && data[i + 2] == 1;
      if (!code && i < data.size()) continue;
      size_t end = i;
      while (end > begin && data[end - 1] == 0) --end;
      if (KindOfNal(codec_, data.data() + begin, end - begin) == NalKind::kSet) Add(data.data() + begin, end - begin);
      begin = i + 3;
    }
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
}

template <typename Fields>
bool ParameterSets::Store(const Fields& fields, const uint8_t* nal, size_t size, std::map<int, Stored<Fields>>* sets) {
  const auto found = sets->find(fields.id);
  const size_t freed = found == sets->end() ? 0 : found->second.nal.size();
  if (size > kMaxSetBytes || total_bytes_ - freed + size > kMaxTotalBytes) return false;
  // Cameras repeat the same sets with each keyframe.
  if (freed == size && std::equal(nal, nal + size, found->second.nal.begin())) return true;
  total_bytes_ = total_bytes_ - freed + size;
  Stored<Fields>& stored = (*sets)[fields.id];
  stored.fields = fields;
  stored.nal.assign(nal, nal + size);
  return true;
}

ParameterSets::Verdict ParameterSets::Add(const uint8_t* nal, size_t size) {
  bool taken = false;
  switch (TypeOf(codec_, nal)) {
    case SetType::kVps:
      if (const auto id = ParseVpsId(nal, size)) taken = Store(VpsFields{*id}, nal, size, &vps_);
      break;
    case SetType::kSps:
      if (const auto sps = ParseSps(codec_, nal, size)) taken = Store(*sps, nal, size, &sps_);
      break;
    default:
      if (const auto pps = ParsePps(codec_, nal, size)) taken = Store(*pps, nal, size, &pps_);
      break;
  }
  return taken ? Verdict::kTaken : Verdict::kBroken;
}

bool ParameterSets::HasTypeOf(const uint8_t* nal) const {
  switch (TypeOf(codec_, nal)) {
    case SetType::kVps:
      return !vps_.empty();
    case SetType::kSps:
      return !sps_.empty();
    default:
      return !pps_.empty();
  }
}

const PpsFields* ParameterSets::Pps(int id) const {
  const auto found = pps_.find(id);
  return found == pps_.end() ? nullptr : &found->second.fields;
}

const SpsFields* ParameterSets::Sps(int id) const {
  const auto found = sps_.find(id);
  return found == sps_.end() ? nullptr : &found->second.fields;
}

void ParameterSets::AppendFor(int pps_id, std::vector<uint8_t>* out) const {
  const PpsFields* pps = Pps(pps_id);
  const SpsFields* sps = pps == nullptr ? nullptr : Sps(pps->sps_id);
  for (const auto& [id, stored] : vps_) {
    if (sps == nullptr || sps->vps_id == id) AppendNal(stored.nal.data(), stored.nal.size(), out);
  }
  for (const auto& [id, stored] : sps_) {
    if (sps == nullptr || sps->id == id) AppendNal(stored.nal.data(), stored.nal.size(), out);
  }
  // Pictures of one sequence may use different PPS.
  for (const auto& [id, stored] : pps_) {
    if (sps == nullptr || stored.fields.sps_id == sps->id) AppendNal(stored.nal.data(), stored.nal.size(), out);
  }
}

std::vector<uint8_t> ParameterSets::Extradata() const {
  std::vector<uint8_t> data;
  const bool complete = !sps_.empty() && !pps_.empty() && (codec_ == NalCodec::kH264 || !vps_.empty());
  if (complete) AppendFor(used_pps_, &data);
  return data;
}

bool CodedSizeOf(NalCodec codec, const std::vector<uint8_t>& sets, int* width, int* height) {
  constexpr std::array<uint8_t, 4> kStartCode{0, 0, 0, 1};
  bool found = false;
  auto begin = std::search(sets.begin(), sets.end(), kStartCode.begin(), kStartCode.end());
  while (begin != sets.end()) {
    begin += kStartCode.size();
    const auto end = std::search(begin, sets.end(), kStartCode.begin(), kStartCode.end());
    const auto size = static_cast<size_t>(end - begin);
    const bool is_sps = size > 2 && (codec == NalCodec::kH264 ? (*begin & 0x1f) == 7 : (*begin >> 1 & 0x3f) == 33);
    if (const auto sps = is_sps ? ParseSps(codec, &*begin, size) : std::nullopt) {
      if (!found || int64_t{sps->width} * sps->height > int64_t{*width} * *height) {
        *width = sps->width;
        *height = sps->height;
      }
      found = true;
    }
    begin = end;
  }
  return found;
}

}  // namespace chrys::rtsp
