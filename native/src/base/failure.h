// Why a capture ended: a code, a sentence, and libav's error number.
#pragma once

#include <string>

namespace chrys {

// The codes of CAPTURE_ENDS in src/native/capture-end.ts. Each is an array with one address, so that codes can be
// compared by address.
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
  // Details that src/cameras/reasons.ts adds to the text of the code: a sentence without advice, or empty.
  std::string message;
  int av_error = 0;  // libav's error number, 0 when libav was not the cause
};

// libav's text for one of its error numbers.
std::string AvErrorText(int av_error);

// The failure that a libav error during opening or reading means. The caller handles interruptions (AVERROR_EXIT).
Failure FailureFromAv(int av_error, const char* doing);

}  // namespace chrys
