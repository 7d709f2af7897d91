// RTSP statuses (RFC 2326, 7.1.1) as failures.
#pragma once

#include <string>
#include <string_view>

#include "base/failure.h"
#include "rtsp/message.h"

namespace chrys::rtsp {

// A sentence that names the request, the status and the camera's own text. `answer` is not of status 2xx.
Failure FailureOfStatus(std::string_view method, const Message& answer);

// The camera's own words for people: without control characters, at most 120 bytes of them.
std::string CameraText(std::string_view text);

}  // namespace chrys::rtsp
