#include "base/failure.h"

#include <cerrno>

extern "C" {
#include <libavutil/error.h>
}

namespace chrys {

std::string AvErrorText(int av_error) {
  char text[AV_ERROR_MAX_STRING_SIZE] = "";
  av_strerror(av_error, text, sizeof text);
  return text;
}

namespace {

const char* EndOf(int av_error) {
  switch (av_error) {
    case AVERROR_HTTP_UNAUTHORIZED:
    case AVERROR_HTTP_FORBIDDEN:
      return end::kUnauthorized;
    case AVERROR_HTTP_NOT_FOUND:
    case AVERROR(ENOENT):
      return end::kNotFound;
    case AVERROR(ECONNREFUSED):
      return end::kRefused;
    case AVERROR(EHOSTUNREACH):
    case AVERROR(ENETUNREACH):
    case AVERROR(ENETDOWN):
    case AVERROR(EHOSTDOWN):
      return end::kUnreachable;
    case AVERROR(ETIMEDOUT):
      return end::kOpenTimeout;
    case AVERROR_EOF:
    case AVERROR(ECONNRESET):
    case AVERROR(ECONNABORTED):
    case AVERROR(EPIPE):
      return end::kConnectionLost;
    case AVERROR_STREAM_NOT_FOUND:
      return end::kNoVideo;
    case AVERROR_INVALIDDATA:
    case AVERROR_HTTP_BAD_REQUEST:
    case AVERROR_HTTP_OTHER_4XX:
    case AVERROR_HTTP_SERVER_ERROR:
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_DEMUXER_NOT_FOUND:
      return end::kProtocolError;
    default:
      return end::kIoError;
  }
}

}  // namespace

Failure FailureFromAv(int av_error, const char* doing) {
  return Failure{EndOf(av_error), std::string(doing) + ": " + AvErrorText(av_error), av_error};
}

}  // namespace chrys
