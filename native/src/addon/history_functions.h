#pragma once

#include <vector>

#include <napi.h>

#include "history/history_packets.h"

namespace chrys {

// PastSegment[] of src/native/types.ts.
std::vector<HistorySegment> SegmentsOf(const Napi::Value& value);

// Adds what reads and writes the past.
void AddHistory(Napi::Env env, Napi::Object exports);

}  // namespace chrys
