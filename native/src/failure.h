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
constexpr const char* kCredentialsNeeded = "credentials_needed";
constexpr const char* kAuthUnsupported = "auth_unsupported";
constexpr const char* kForbidden = "forbidden";
constexpr const char* kSessionLimit = "session_limit";
constexpr const char* kSessionLost = "session_lost";
constexpr const char* kTransportRefused = "transport_refused";
constexpr const char* kOptionUnsupported = "option_unsupported";
constexpr const char* kRequestRefused = "request_refused";
constexpr const char* kCameraError = "camera_error";
constexpr const char* kTlsFailed = "tls_failed";
constexpr const char* kCertificateUntrusted = "certificate_untrusted";
constexpr const char* kCertificateChanged = "certificate_changed";
constexpr const char* kEncryptedMedia = "encrypted_media";
constexpr const char* kKeepalive = "keepalive";
constexpr const char* kNoData = "no_data";
constexpr const char* kTooManyRedirects = "too_many_redirects";
constexpr const char* kMessageTooLarge = "message_too_large";
constexpr const char* kPictureTooLarge = "picture_too_large";
constexpr const char* kTooManyPixels = "too_many_pixels";
constexpr const char* kFlood = "flood";
constexpr const char* kFileNotFound = "file_not_found";
constexpr const char* kFileUnreadable = "file_unreadable";
constexpr const char* kFileChanged = "file_changed";
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
