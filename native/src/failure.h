// Why a capture ended: a typed code, a sentence, and libav's own error.
#pragma once

#include <string>

namespace chrys {

// The codes of CAPTURE_ENDS in src/native/types.ts.
namespace end {
constexpr const char* kStopped = "stopped";
constexpr const char* kUnauthorized = "unauthorized";
constexpr const char* kNotFound = "not_found";
constexpr const char* kRefused = "refused";
constexpr const char* kUnreachable = "unreachable";
constexpr const char* kOpenTimeout = "open_timeout";
constexpr const char* kStalled = "stalled";
constexpr const char* kDecodeStalled = "decode_stalled";
constexpr const char* kConnectionLost = "connection_lost";
constexpr const char* kNoVideo = "no_video";
constexpr const char* kUnsupportedCodec = "unsupported_codec";
constexpr const char* kFrameTooLarge = "frame_too_large";
constexpr const char* kProtocolError = "protocol_error";
constexpr const char* kReplayEnded = "replay_ended";
constexpr const char* kIoError = "io_error";
}  // namespace end

struct Failure {
  const char* end;
  std::string message;
  int av_error = 0;  // libav's error number, 0 when libav was not the cause
};

// libav's text for one of its error numbers.
std::string AvErrorText(int av_error);

// The code that a libav error of opening or reading means. Interruptions (AVERROR_EXIT) are the caller's to tell apart.
Failure FailureFromAv(int av_error, const char* doing);

}  // namespace chrys
