// Supplemental enhancement information (SEI) of H.264 and HEVC (ITU-T H.264 and H.265, 7.3.2.3 and annex D).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "rtsp/nal_headers.h"

namespace chrys::rtsp {

// recovery_frame_cnt (H.264) or recovery_poc_cnt (HEVC) of the recovery point message in an SEI NAL unit; nullopt:
// there is none.
std::optional<int> RecoveryCount(NalCodec codec, const uint8_t* nal, size_t size);

// Whether these first bytes of an SEI NAL unit end exactly at the end of an SEI message.
bool EndsAfterSeiMessage(NalCodec codec, const uint8_t* nal, size_t size);

}  // namespace chrys::rtsp
