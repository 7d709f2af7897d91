// Why a capture ended: a typed code, a sentence, and libav's own error.
#pragma once

#include <string>

namespace chrys {

// The codes of CAPTURE_ENDS in src/native/types.ts. They are arrays, so that each code has one address, and codes can
// be compared by address.
namespace end {
inline constexpr char kStopped[] = "stopped";
inline constexpr char kUnauthorized[] = "unauthorized";
inline constexpr char kNotFound[] = "not_found";
inline constexpr char kRefused[] = "refused";
inline constexpr char kUnreachable[] = "unreachable";
inline constexpr char kOpenTimeout[] = "open_timeout";
inline constexpr char kStalled[] = "stalled";
inline constexpr char kDecodeStalled[] = "decode_stalled";
inline constexpr char kConnectionLost[] = "connection_lost";
inline constexpr char kNoVideo[] = "no_video";
inline constexpr char kUnsupportedCodec[] = "unsupported_codec";
inline constexpr char kProtocolError[] = "protocol_error";
inline constexpr char kCredentialsNeeded[] = "credentials_needed";
inline constexpr char kAuthUnsupported[] = "auth_unsupported";
inline constexpr char kForbidden[] = "forbidden";
inline constexpr char kSessionLimit[] = "session_limit";
inline constexpr char kSessionLost[] = "session_lost";
inline constexpr char kTransportRefused[] = "transport_refused";
inline constexpr char kOptionUnsupported[] = "option_unsupported";
inline constexpr char kRequestRefused[] = "request_refused";
inline constexpr char kCameraError[] = "camera_error";
inline constexpr char kTlsFailed[] = "tls_failed";
inline constexpr char kCertificateUntrusted[] = "certificate_untrusted";
inline constexpr char kCertificateChanged[] = "certificate_changed";
inline constexpr char kEncryptedMedia[] = "encrypted_media";
inline constexpr char kKeepalive[] = "keepalive";
inline constexpr char kNoData[] = "no_data";
inline constexpr char kTooManyRedirects[] = "too_many_redirects";
inline constexpr char kMessageTooLarge[] = "message_too_large";
inline constexpr char kPictureTooLarge[] = "picture_too_large";
inline constexpr char kTooManyPixels[] = "too_many_pixels";
inline constexpr char kFlood[] = "flood";
inline constexpr char kFileNotFound[] = "file_not_found";
inline constexpr char kFileUnreadable[] = "file_unreadable";
inline constexpr char kFileChanged[] = "file_changed";
inline constexpr char kReplayEnded[] = "replay_ended";
inline constexpr char kIoError[] = "io_error";
}  // namespace end

struct Failure {
  const char* end;
  // What src/cameras/reasons.ts does not say of this code by itself: sentences without advice. Empty: nothing.
  std::string message;
  int av_error = 0;  // libav's error number, 0 when libav was not the cause
};

// libav's text for one of its error numbers.
std::string AvErrorText(int av_error);

// The code that a libav error of opening or reading means. Interruptions (AVERROR_EXIT) are the caller's to tell apart.
Failure FailureFromAv(int av_error, const char* doing);

}  // namespace chrys
