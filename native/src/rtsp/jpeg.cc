// JPEG over RTP (RFC 2435), with ONVIF's extension for large pictures.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <optional>
#include <utility>

#include "rtsp/depacketizer.h"
#include "rtsp/jpeg_file.h"
#include "rtsp/jpeg_scan.h"
#include "rtsp/jpeg_size.h"

namespace chrys::rtsp {

namespace {

constexpr size_t kHeaderBytes = 8;
constexpr size_t kRestartHeaderBytes = 4;
constexpr size_t kQuantizationHeaderBytes = 4;
constexpr uint8_t kFirstRestartType = 64;
constexpr uint8_t kFirstReservedType = 128;
constexpr int kFirstTableQ = 128;
// Fragment offsets have 24 bits.
constexpr size_t kOffsetMask = 0xff'ffff;
constexpr uint16_t kOnvifJpeg = 0xffd8;
// ONVIF's replay extension. Other extensions may follow inside it, after its own 12 bytes.
constexpr uint16_t kOnvifReplay = 0xabac;
constexpr size_t kOnvifReplayBytes = 12;
// The stream ends with a problem after this time without a picture whose size fits and whose tables are known.
constexpr int64_t kGiveUpUs = 5'000'000;
constexpr int kMinMisfits = 3;
// Pause between two attempts to find the size after kMinMisfits. An attempt takes some milliseconds.
constexpr int64_t kRetryUs = 200'000;
// A size that the header cannot hold is checked again after this time, so that a change of size is noticed.
constexpr uint32_t kRecheckTicks = 2 * 90'000;
// After this many gaps in the sequence numbers inside whole pictures, the numbers count as unreliable.
constexpr int kFalseGaps = 3;
constexpr size_t kMaxWaiting = 16;

bool EndsWithEoi(const std::vector<uint8_t>& data) {
  return data.size() >= 2 && data[data.size() - 2] == 0xff && data.back() == 0xd9;
}

// ONVIF's marker segments among the header extensions of a packet.
std::optional<JpegExtension> ExtensionOf(const RtpPacket& packet) {
  const uint8_t* data = packet.extension;
  size_t size = packet.extension_size;
  if (data == nullptr) return std::nullopt;
  if (packet.extension_profile == kOnvifJpeg) return JpegExtension::Parse(data, size);
  if (packet.extension_profile != kOnvifReplay || size < kOnvifReplayBytes + 4) return std::nullopt;
  data += kOnvifReplayBytes;
  size -= kOnvifReplayBytes;
  if ((data[0] << 8 | data[1]) != kOnvifJpeg) return std::nullopt;
  const size_t words = static_cast<size_t>(data[2] << 8 | data[3]);
  return JpegExtension::Parse(data + 4, std::min(size - 4, 4 * words));
}

// The RTP/JPEG header of a picture.
struct Header {
  uint8_t type = 0;
  uint8_t q = 0;
  int width = 0;  // pixels, modulo what eight bits can hold
  int height = 0;
  bool SameKind(const Header& other) const {
    return type == other.type && width == other.width && height == other.height;
  }
};
struct Picture {
  Header header;
  uint32_t rtp_time = 0;
  int64_t arrival_us = 0;
  int restart_interval = 0;
  std::optional<JpegQuantization> quantization;  // nullopt: the tables are missing
  std::optional<JpegExtension> extension;
  std::vector<uint8_t> scan;
  bool broken = false;
};

// The size of pictures that have this header.
struct Known {
  Header header;
  JpegSize size;
  uint32_t checked_time = 0;
};

class Jpeg : public VideoDepacketizer {
 public:
  Jpeg(const Media& media, const DepacketizerHabits& habits)
      : declared_width_(media.width), declared_height_(media.height), habits_(habits) {}

  void Push(const RtpPacket& packet, int lost, int64_t arrival_us) override;
  void Restart() override;
  bool Take(AccessUnit* unit) override;
  std::vector<uint8_t> extradata() const override { return {}; }
  const DepacketizerHabits& habits() const override { return habits_; }
  const std::string& problem() const override { return problem_; }

 private:
  void Begin(const RtpPacket& packet, const Header& header, int restart_interval);
  bool ReadQuantization(const uint8_t** data, size_t* size);
  // `marked`: the marker says that the picture is whole.
  void Finish(bool marked);
  std::optional<JpegSize> SizeOf(const Picture& picture, bool marked);
  void NoteMisfit(const std::string& problem, int64_t arrival_us);
  void Deliver(Picture& picture, const std::vector<uint8_t>& head);

  const int declared_width_;
  const int declared_height_;
  DepacketizerHabits habits_;
  std::string problem_;
  std::optional<Picture> picture_;
  std::deque<AccessUnit> waiting_;
  // Tables that came for a Q of 128 to 255.
  std::array<std::optional<JpegQuantization>, 128> cached_;
  size_t last_scan_bytes_ = 0;
  int misfits_ = 0;  // pictures in a row
  int64_t first_misfit_us_ = 0;
  int64_t last_misfit_us_ = 0;
  int false_gaps_ = 0;

  std::optional<Known> known_;
};

void Jpeg::Push(const RtpPacket& packet, int lost, int64_t arrival_us) {
  if (!problem_.empty()) return;
  const uint8_t* data = packet.payload;
  size_t size = packet.size;
  if (picture_ && packet.timestamp != picture_->rtp_time) Finish(false);
  if (size < kHeaderBytes) return;
  const size_t offset = static_cast<size_t>(data[1] << 16 | data[2] << 8 | data[3]);
  const Header header{data[4], data[5], data[6] * 8, data[7] * 8};
  data += kHeaderBytes;
  size -= kHeaderBytes;
  if (header.type >= kFirstReservedType) {
    if (offset > 0) return;
    NoteMisfit("The camera sends JPEG of RTP type " + std::to_string(header.type) +
                   ", which RFC 2435 does not define. Set the camera to H.264, H.265 or another JPEG format.",
               arrival_us);
    return;
  }
  int restart_interval = 0;
  if (header.type >= kFirstRestartType) {
    if (size < kRestartHeaderBytes) return;
    restart_interval = data[0] << 8 | data[1];
    data += kRestartHeaderBytes;
    size -= kRestartHeaderBytes;
  }
  // Offset 0 begins a picture, unless the offset has wrapped, which it does every 16 MiB. The timestamp does not help,
  // because a new picture may have the timestamp of the previous one.
  const bool wraps = picture_ && !picture_->scan.empty() && (picture_->scan.size() & kOffsetMask) == 0;
  if (offset == 0 && !wraps) {
    if (picture_ && !picture_->scan.empty()) Finish(false);
    Begin(packet, header, restart_interval);
    if (header.q >= kFirstTableQ && !ReadQuantization(&data, &size)) picture_->broken = true;
  }
  // The first packet was lost, or the connection began inside a picture.
  if (!picture_) return;
  Picture& picture = *picture_;
  if (const size_t expected = picture.scan.size() & kOffsetMask; offset == expected) {
    // No fragment is missing, so nothing was lost.
    if (lost > 0 && offset > 0 && ++false_gaps_ >= kFalseGaps) habits_.sequence_unreliable = true;
  } else if (const size_t behind = (expected - offset) & kOffsetMask; behind <= kOffsetMask / 2 && behind >= size) {
    return;  // repeated
  } else {
    picture.broken = true;
  }
  if (!picture.broken) {
    if (picture.scan.size() + size > kMaxPictureBytes) {
      problem_ = "A picture of the camera is larger than " + std::to_string(kMaxPictureBytes >> 20) + " MiB.";
      picture_.reset();
      return;
    }
    picture.scan.insert(picture.scan.end(), data, data + size);
    picture.arrival_us = arrival_us;
  }
  if (packet.marker) Finish(true);
}

void Jpeg::Begin(const RtpPacket& packet, const Header& header, int restart_interval) {
  picture_.emplace();
  picture_->header = header;
  picture_->rtp_time = packet.timestamp;
  picture_->restart_interval = restart_interval;
  picture_->extension = ExtensionOf(packet);
  picture_->scan.reserve(last_scan_bytes_);
  if (header.q >= kFirstTableQ) return;
  const auto tables = QuantizationTables(header.q);
  JpegQuantization& quantization = picture_->quantization.emplace();
  for (const auto& table : tables) quantization.tables.push_back({false, {table.begin(), table.end()}});
}

// The quantization header of a picture's first packet (RFC 2435, 3.1.8). False: it is cut off.
bool Jpeg::ReadQuantization(const uint8_t** data, size_t* size) {
  if (*size < kQuantizationHeaderBytes) return false;
  int precision = (*data)[1];
  const size_t length = static_cast<size_t>((*data)[2] << 8 | (*data)[3]);
  *data += kQuantizationHeaderBytes;
  *size -= kQuantizationHeaderBytes;
  if (length > *size) return false;
  const uint8_t* values = *data;
  *data += length;
  *size -= length;
  auto& cached = cached_[picture_->header.q - kFirstTableQ];
  if (length > 0) {
    // Some cameras leave garbage in the precision bits of tables of 8 bits.
    if (length == 64 || (length == 128 && (precision & 3) != 1)) precision = 0;
    JpegQuantization quantization;
    for (size_t at = 0; quantization.tables.size() < 4;) {
      const bool is_16_bit = (precision >> quantization.tables.size() & 1) != 0;
      const size_t bytes = is_16_bit ? 128 : 64;
      if (length - at < bytes) break;
      quantization.tables.push_back({is_16_bit, {values + at, values + at + bytes}});
      at += bytes;
    }
    if (quantization.tables.empty()) return false;
    cached = std::move(quantization);
  }
  picture_->quantization = cached;
  return true;
}

void Jpeg::Finish(bool marked) {
  Picture picture = std::move(*picture_);
  picture_.reset();
  const bool has_tables = picture.quantization || (picture.extension && picture.extension->has_quantization);
  if (picture.broken || picture.scan.empty()) return;
  last_scan_bytes_ = picture.scan.size();
  // Some cameras send a whole file in place of the entropy-coded data.
  if (picture.scan.size() > 4 && picture.scan[0] == 0xff && picture.scan[1] == 0xd8 && picture.scan[2] == 0xff) {
    if (marked || EndsWithEoi(picture.scan)) Deliver(picture, {});
    return;
  }
  if (!has_tables) {
    NoteMisfit("The camera sends JPEG pictures without quantization tables (Q = " + std::to_string(picture.header.q) +
                   "). Set the camera to H.264 or H.265.",
               picture.arrival_us);
    return;
  }
  const auto size = SizeOf(picture, marked);
  if (!size) return;
  const JpegQuantization quantization = picture.quantization ? *picture.quantization : JpegQuantization();
  Deliver(picture,
          JpegHead(*size, quantization, picture.restart_interval, picture.extension ? &*picture.extension : nullptr));
}

// nullopt: the picture is not whole, or its size is not clear.
std::optional<JpegSize> Jpeg::SizeOf(const Picture& picture, bool marked) {
  const Header& header = picture.header;
  if (picture.extension && !picture.extension->frame.empty()) {
    if (!marked && !EndsWithEoi(picture.scan)) return std::nullopt;
    habits_.jpeg_width = picture.extension->width;
    habits_.jpeg_height = picture.extension->height;
    return JpegSize{picture.extension->width, picture.extension->height, true};
  }
  const bool is_declared_420 = header.type % kFirstRestartType != 0;
  const bool is_known = known_ && known_->header.SameKind(header);
  const bool holds_size = is_known && known_->size.width == header.width && known_->size.height == header.height;
  const bool is_fresh = holds_size || (is_known && picture.rtp_time - known_->checked_time < kRecheckTicks);
  if (is_known && is_fresh && (marked || EndsWithEoi(picture.scan))) return known_->size;

  if (misfits_ >= kMinMisfits && picture.arrival_us - last_misfit_us_ < kRetryUs) return std::nullopt;
  const JpegHints hints{header.width,     header.height,      declared_width_,
                        declared_height_, habits_.jpeg_width, habits_.jpeg_height};
  std::optional<size_t> units;
  for (const bool is_420 : {is_declared_420, !is_declared_420}) {
    const auto scan = ReadJpegScan(picture.scan.data(), picture.scan.size(), is_420, picture.restart_interval,
                                   StandardHuffmanTables());
    if (!scan) continue;
    if (!units) units = scan->units;
    const auto size = FitJpegSize(*scan, is_420, hints);
    if (!size) continue;
    known_ = Known{header, *size, picture.rtp_time};
    if (size->width != header.width || size->height != header.height) {
      habits_.jpeg_width = size->width;
      habits_.jpeg_height = size->height;
    }
    return size;
  }
  // The end of the picture is missing.
  if (!marked) return std::nullopt;
  const std::string declared = std::to_string(header.width) + "x" + std::to_string(header.height);
  if (!units) {
    NoteMisfit(
        "The camera's JPEG pictures (RTP header: " + declared +
            ") cannot be read: they are not whole, or use Huffman tables that RTP does not carry. Set the camera to "
            "H.264 or H.265.",
        picture.arrival_us);
  } else {
    NoteMisfit("The size of the camera's JPEG pictures is unknown: the RTP header says " + declared +
                   ", and they have " + std::to_string(*units) + " blocks of 16x" + (is_declared_420 ? "16" : "8") +
                   " pixels. Set the camera to at most 2040x2040 pixels, or to H.264 or H.265.",
               picture.arrival_us);
  }
  return std::nullopt;
}

void Jpeg::NoteMisfit(const std::string& problem, int64_t arrival_us) {
  if (misfits_++ == 0) first_misfit_us_ = arrival_us;
  last_misfit_us_ = arrival_us;
  if (misfits_ >= kMinMisfits && arrival_us - first_misfit_us_ >= kGiveUpUs) problem_ = problem;
}

void Jpeg::Deliver(Picture& picture, const std::vector<uint8_t>& head) {
  misfits_ = 0;
  AccessUnit unit;
  unit.data.reserve(head.size() + picture.scan.size() + 2);
  unit.data.insert(unit.data.end(), head.begin(), head.end());
  unit.data.insert(unit.data.end(), picture.scan.begin(), picture.scan.end());
  if (!EndsWithEoi(unit.data)) unit.data.insert(unit.data.end(), {0xff, 0xd9});
  unit.rtp_time = picture.rtp_time;
  unit.arrival_us = picture.arrival_us;
  unit.keyframe = true;
  if (waiting_.size() >= kMaxWaiting) waiting_.pop_front();
  waiting_.push_back(std::move(unit));
}

void Jpeg::Restart() {
  picture_.reset();
  known_.reset();
  cached_.fill(std::nullopt);
}

bool Jpeg::Take(AccessUnit* unit) {
  if (waiting_.empty()) return false;
  *unit = std::move(waiting_.front());
  waiting_.pop_front();
  return true;
}

}  // namespace

std::unique_ptr<VideoDepacketizer> MakeJpeg(const Media& media, const DepacketizerHabits& habits) {
  return std::make_unique<Jpeg>(media, habits);
}

}  // namespace chrys::rtsp
