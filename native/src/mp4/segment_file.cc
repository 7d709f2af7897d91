#include "mp4/segment_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "codec/parameters.h"
#include "mp4/segment_box.h"

namespace chrys {

namespace {

constexpr mode_t kFileMode = 0640;

class File : public SegmentBytes {
 public:
  File(int descriptor, int64_t size) : descriptor_(descriptor), size_(size) {}
  ~File() override { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool Read(int64_t offset, uint8_t* target, size_t bytes) const override {
    size_t done = 0;
    while (done < bytes) {
      const ssize_t got = pread(descriptor_, target + done, bytes - done, offset + static_cast<int64_t>(done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      done += static_cast<size_t>(got);
    }
    return true;
  }
  int64_t size() const override { return size_; }

 private:
  const int descriptor_;
  const int64_t size_;
};

class Memory : public SegmentBytes {
 public:
  explicit Memory(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}

  bool Read(int64_t offset, uint8_t* target, size_t bytes) const override {
    if (offset < 0 || static_cast<uint64_t>(offset) + bytes > bytes_.size()) return false;
    std::memcpy(target, bytes_.data() + offset, bytes);
    return true;
  }
  int64_t size() const override { return static_cast<int64_t>(bytes_.size()); }

 private:
  const std::vector<uint8_t> bytes_;
};

// The error in errno. `done`: what cannot be done with the file.
Error SystemError(const char* done) {
  return {std::string("The file cannot be ") + done + ": " + std::strerror(errno), errno};
}

}  // namespace

std::vector<PacketInfo> Segment::packets() const {
  std::vector<PacketInfo> infos;
  for (const SegmentSample& sample : samples) infos.push_back(sample.packet);
  return infos;
}

bool Segment::length_prefixed() const {
  const AVCodecDescriptor* codec = avcodec_descriptor_get_by_name(stream.codec_name.c_str());
  return codec != nullptr && HasParameterSets(codec->id);
}

Result<std::unique_ptr<SegmentBytes>> OpenSegment(const std::string& path) {
  // A link could lead anywhere, so it is not followed.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  struct stat about {};
  if (descriptor < 0 || fstat(descriptor, &about) < 0) {
    Error error = SystemError("opened");
    if (descriptor >= 0) close(descriptor);
    return error;
  }
  return std::unique_ptr<SegmentBytes>(std::make_unique<File>(descriptor, S_ISREG(about.st_mode) ? about.st_size : 0));
}

std::unique_ptr<SegmentBytes> SegmentInMemory(std::vector<uint8_t> bytes) {
  return std::make_unique<Memory>(std::move(bytes));
}

std::optional<Segment> ReadSegment(const SegmentBytes& bytes) {
  const auto content = FindSegmentBox(bytes);
  if (!content) return std::nullopt;
  auto segment = ParseSegmentBox(*content);
  if (!segment || segment->samples.empty()) return std::nullopt;
  segment->bytes = bytes.size();
  // Samples do not overlap, so together they are not larger than the file.
  int64_t total = 0;
  const auto fits = [&](int64_t offset, int32_t size) {
    total += size;
    return offset >= 0 && offset + size <= segment->bytes && total <= segment->bytes;
  };
  for (const SegmentSample& sample : segment->samples) {
    if (!fits(sample.offset, sample.packet.size)) return std::nullopt;
  }
  for (const AudioSample& sample : segment->audio_samples) {
    if (!fits(sample.offset, sample.size)) return std::nullopt;
  }
  return segment;
}

int64_t AudioDuration(const std::vector<int64_t>& times, size_t index, int64_t last) {
  return index + 1 < times.size() ? times[index + 1] - times[index] : last;
}

Result<std::optional<MadeSegment>> WriteSegment(const SegmentRings& rings, int64_t first, int64_t end,
                                                const SegmentStream& stream, const std::string& path) {
  auto result = MakeSegment(rings, first, end, stream);
  if (!result || !*result) return result;
  const std::vector<uint8_t>& bytes = (*result)->bytes;
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kFileMode);
  if (descriptor < 0) return SystemError("made");
  int error = 0;
  size_t done = 0;
  while (error == 0 && done < bytes.size()) {
    const ssize_t written = write(descriptor, bytes.data() + done, bytes.size() - done);
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) done += static_cast<size_t>(written);
  }
  if (error == 0 && fdatasync(descriptor) < 0) error = errno;
  if (close(descriptor) < 0 && error == 0) error = errno;
  if (error == 0) return result;
  unlink(path.c_str());
  errno = error;
  return SystemError("written");
}

}  // namespace chrys
