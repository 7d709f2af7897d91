#pragma once

#include <vector>

#include <napi.h>

#include "history/history_packets.h"

namespace chrys {

// The segments of a HistorySegment[] (src/native/history.ts).
std::vector<HistorySegment> SegmentsOf(const Napi::Value& value);

// Adds the functions of the history to `exports`.
void AddHistory(Napi::Env env, Napi::Object exports);

}  // namespace chrys
