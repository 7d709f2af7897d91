// RTSP statuses (RFC 2326, 7.1.1) as failures.
#pragma once

#include <string>
#include <string_view>

#include "base/failure.h"
#include "rtsp/message.h"

namespace chrys::rtsp {

// The failure for an answer whose status is not 2xx. Its message names the request, the status and the camera's text.
Failure FailureOfStatus(std::string_view method, const Message& answer);

// Text of the camera for messages: at most 120 bytes, without control characters.
std::string CameraText(std::string_view text);

}  // namespace chrys::rtsp
