// Plays a video file in real time, in an endless loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/av_handles.h"
#include "base/failure.h"
#include "base/interrupt.h"
#include "codec/parameters.h"
#include "source/loop_times.h"
#include "source/packet_source.h"

namespace chrys {

struct FileOptions {
  std::string path;  // absolute
  int64_t open_timeout_us = 0;
  bool audio = false;  // deliver audio too
  int64_t max_pixels = kDefaultMaxPixels;
};

// Packets that are decoded and not shown (edit lists) have AV_PKT_FLAG_DISCARD. If the file's display matrix turns the
// picture, H.264 and HEVC packets carry a display orientation SEI message.
class FileSource : public PacketSource {
 public:
  // `interrupt` outlives the source. The source sets its deadline.
  FileSource(FileOptions options, Interrupt& interrupt) : options_(std::move(options)), interrupt_(interrupt) {}

  // Takes at most open_timeout_us.
  std::optional<Failure> Open() override;
  // Fails with file_changed when the file was deleted, replaced or cut off.
  std::optional<Failure> Read(AVPacket* packet) override;

  const AVCodecParameters* parameters() const override;
  AVRational time_base() const override { return {1, 1'000'000}; }
  double declared_fps() const override;
  int64_t SenderUs(int64_t) const override { return 0; }
  const AudioStream* audio() const override { return audio_stream_ == nullptr ? nullptr : &audio_; }
  std::vector<std::string> TakeNotes() override {
    return audio_note_.empty() ? std::vector<std::string>() : std::vector<std::string>{std::exchange(audio_note_, {})};
  }
  std::vector<AudioPacket> TakeAudio() override { return std::exchange(audio_packets_, {}); }

 private:
  // Identifies a state of a file.
  struct Identity {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t bytes = 0;
    int64_t modified_ns = 0;
  };
  // nullopt: the file does not exist.
  std::optional<Identity> Identify() const;

  std::optional<Failure> OpenFormat();
  std::optional<Failure> PickStreams();
  std::optional<Failure> CheckIndex() const;
  void PickAudioStream();
  std::optional<Failure> OpenFilter();
  void NoteOrientation();
  // Goes back to the file's first packet.
  std::optional<Failure> BeginLoop();
  std::optional<Failure> Reopen();
  bool IsExpected(const AVPacket* packet);
  std::optional<Failure> CheckFile(bool at_end);
  std::optional<Failure> Unreadable(const std::string& why, int av_error) const;
  int ReadRaw(AVPacket* packet);
  void KeepAudio(const AVPacket* packet);
  void SetTimes(AVPacket* packet);
  int Turn(AVPacket* packet) const;
  std::optional<Failure> WaitUntilDue(int64_t dts_us);
  int64_t UsualDurationUs() const;

  const FileOptions options_;
  Interrupt& interrupt_;
  Identity opened_;
  AvPtr<AVFormatContext> format_;
  AvPtr<AVBSFContext> to_annexb_;
  AVStream* stream_ = nullptr;
  AVStream* audio_stream_ = nullptr;
  AudioStream audio_;
  std::string audio_note_;
  std::vector<AudioPacket> audio_packets_;
  std::vector<AudioPacket> early_audio_;  // with the file's times, until the loop's offset is known
  std::vector<uint8_t> orientation_sei_;  // empty: the pictures are upright

  bool seeks_to_begin_ = true;  // false: the file is opened again for each loop
  bool expects_first_ = true;   // the next video packet must be the file's first one
  std::optional<int64_t> first_place_;

  LoopTimes times_;
  // Times of the file, microseconds.
  std::optional<int64_t> last_dts_us_;
  std::optional<int64_t> max_pts_us_;
  int64_t reorder_us_ = 0;  // maximum distance of a pts behind an earlier one
  int64_t last_duration_us_ = 0;

  int64_t anchor_us_ = 0;  // monotonic time at which dts anchor_dts_us_ is due
  std::optional<int64_t> anchor_dts_us_;
  int64_t look_at_us_ = 0;  // monotonic time of the next CheckFile
};

}  // namespace chrys
