#include "rtsp/status.h"

namespace chrys::rtsp {

namespace {

constexpr size_t kMaxTextBytes = 120;

const char* EndOf(int status) {
  switch (status) {
    case 401:
      return end::kUnauthorized;
    case 403:
      return end::kForbidden;
    case 404:
    case 410:
      return end::kNotFound;
    case 453:
      return end::kSessionLimit;
    case 454:
      return end::kSessionLost;
    case 461:
      return end::kTransportRefused;
    case 551:
      return end::kOptionUnsupported;
    default:
      if (status >= 500) return end::kCameraError;
      return status >= 400 ? end::kRequestRefused : end::kProtocolError;
  }
}

}  // namespace

std::string CameraText(std::string_view text) {
  std::string clean;
  for (const char character : text.substr(0, kMaxTextBytes)) {
    const auto byte = static_cast<unsigned char>(character);
    clean += byte < 0x20 || byte == 0x7f || byte == '"' ? ' ' : character;
  }
  // A multi-byte character that was cut off in the middle is left out.
  while (!clean.empty() && text.size() > kMaxTextBytes && (static_cast<unsigned char>(clean.back()) & 0x80) != 0) {
    clean.pop_back();
  }
  return clean;
}

Failure FailureOfStatus(std::string_view method, const Message& answer) {
  std::string message = "The camera answered " + std::string(method) + " with " + std::to_string(answer.status);
  const std::string text = CameraText(answer.reason);
  if (!text.empty()) message += " \"" + text + "\"";
  return {EndOf(answer.status), message + ".", 0};
}

}  // namespace chrys::rtsp
