// Node-API functions that write and read segments. src/native/segments.ts documents them.
#include "addon/segment_functions.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "addon/media_values.h"
#include "addon/values.h"
#include "mp4/segment_file.h"

namespace chrys {
namespace {

// Node's names of the errors that a disk gives.
const char* NameOfSystemError(int error_number) {
  switch (error_number) {
    case ENOSPC:
      return "ENOSPC";
    case EDQUOT:
      return "EDQUOT";
    case EROFS:
      return "EROFS";
    case EACCES:
      return "EACCES";
    case EPERM:
      return "EPERM";
    case ENOENT:
      return "ENOENT";
    case ENOTDIR:
      return "ENOTDIR";
    case EEXIST:
      return "EEXIST";
    case ELOOP:
      return "ELOOP";
    case EMFILE:
      return "EMFILE";
    case ENFILE:
      return "ENFILE";
    case ENOMEM:
      return "ENOMEM";
    case ENAMETOOLONG:
      return "ENAMETOOLONG";
    default:
      return "EIO";
  }
}

Napi::Value FactsOf(Napi::Env env, const Segment& segment) {
  const PacketInfo& first = segment.samples.front().packet;
  int64_t last_us = first.arrival_us;
  std::vector<double> keyframes;
  for (const SegmentSample& sample : segment.samples) {
    last_us = std::max(last_us, sample.packet.arrival_us);
    if (sample.packet.is_keyframe) keyframes.push_back(static_cast<double>(sample.packet.arrival_us));
  }
  Napi::Array keyframes_us = Napi::Array::New(env, keyframes.size());
  for (uint32_t i = 0; i < keyframes.size(); ++i) keyframes_us[i] = keyframes[i];
  const double seconds = static_cast<double>(segment.duration) * first.time_base_num / first.time_base_den;
  Napi::Object facts = Napi::Object::New(env);
  facts["startUs"] = static_cast<double>(first.arrival_us);
  facts["lastUs"] = static_cast<double>(last_us);
  facts["durationUs"] = std::round(seconds * 1e6);
  facts["bytes"] = static_cast<double>(segment.bytes);
  facts["frames"] = static_cast<double>(segment.samples.size());
  facts["firstSequence"] = static_cast<double>(first.sequence);
  facts["endSequence"] = static_cast<double>(segment.samples.back().packet.sequence + 1);
  facts["connection"] = first.connection;
  facts["codecName"] = segment.stream.codec_name;
  facts["width"] = segment.stream.width;
  facts["height"] = segment.stream.height;
  facts["keyframesUs"] = keyframes_us;
  facts["audio"] = !segment.audio_samples.empty();
  return facts;
}

Napi::Error ToJs(Napi::Env env, const Error& error) {
  Napi::Error js = Napi::Error::New(env, error.message);
  if (error.error_number != 0) js.Set("code", Napi::String::New(env, NameOfSystemError(error.error_number)));
  return js;
}

Napi::Value Write(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  if (call.Length() != 1 || !call[0].IsObject()) throw Napi::TypeError::New(env, "writeSegment takes options");
  const Napi::Object options = call[0].As<Napi::Object>();
  const PacketRingView view = RingOf(options.Get("packetRing"));
  const SegmentStream stream = SegmentStreamOf(options.Get("stream").As<Napi::Object>());
  const PacketRingView audio = OptionalRingOf(options.Get("audioRing"));
  const auto result = WriteSegment({view, audio}, NumberOf(options, "firstSequence"), NumberOf(options, "endSequence"),
                                   stream, TextOf(options, "path"));
  if (!result) throw ToJs(env, result.error());
  return *result ? FactsOf(env, (*result)->segment) : env.Undefined();
}

Napi::Value Read(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  if (call.Length() != 1 || !call[0].IsString()) throw Napi::TypeError::New(env, "readSegment takes a path");
  const auto opened = OpenSegment(call[0].As<Napi::String>().Utf8Value());
  if (!opened) throw ToJs(env, opened.error());
  const auto segment = ReadSegment(**opened);
  return segment ? FactsOf(env, *segment) : env.Undefined();
}

// Reads the packets of a segment on one of libuv's threads, so that a slow disk does not block the caller's thread.
class SegmentPackets : public Napi::AsyncWorker {
 public:
  SegmentPackets(Napi::Env env, std::string path)
      : Napi::AsyncWorker(env), path_(std::move(path)), answer_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return answer_.Promise(); }

 protected:
  void Execute() override {
    const auto opened = OpenSegment(path_);
    if (!opened) {
      error_ = opened.error();
      return;
    }
    const auto segment = ReadSegment(**opened);
    if (!segment) return;
    packets_ = segment->packets();
    for (const PacketInfo& packet : packets_) ids_.push_back(FrameIdOf(packets_, packet));
  }

  void OnOK() override {
    const Napi::Env env = Env();
    if (error_) {
      answer_.Reject(ToJs(env, *error_).Value());
      return;
    }
    if (packets_.empty()) {
      answer_.Resolve(env.Undefined());
      return;
    }
    const size_t count = packets_.size();
    Napi::Float64Array ids = Napi::Float64Array::New(env, count);
    Napi::Float64Array arrivals = Napi::Float64Array::New(env, count);
    Napi::Float64Array pts = Napi::Float64Array::New(env, count);
    Napi::Int32Array bytes = Napi::Int32Array::New(env, count);
    Napi::Uint8Array keyframes = Napi::Uint8Array::New(env, count);
    for (size_t i = 0; i < count; ++i) {
      ids[i] = static_cast<double>(ids_[i]);
      arrivals[i] = static_cast<double>(packets_[i].arrival_us);
      pts[i] = static_cast<double>(packets_[i].pts);
      bytes[i] = packets_[i].size;
      keyframes[i] = packets_[i].is_keyframe ? 1 : 0;
    }
    Napi::Object found = Napi::Object::New(env);
    found["firstSequence"] = static_cast<double>(packets_.front().sequence);
    found["frameIds"] = ids;
    found["arrivalsUs"] = arrivals;
    found["pts"] = pts;
    found["bytes"] = bytes;
    found["keyframes"] = keyframes;
    answer_.Resolve(found);
  }

  void OnError(const Napi::Error& error) override { answer_.Reject(error.Value()); }

 private:
  const std::string path_;
  Napi::Promise::Deferred answer_;
  std::optional<Error> error_;
  std::vector<PacketInfo> packets_;
  std::vector<int64_t> ids_;
};

Napi::Value ReadPackets(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  if (call.Length() != 1 || !call[0].IsString()) throw Napi::TypeError::New(env, "segmentFrames takes a path");
  auto* worker = new SegmentPackets(env, call[0].As<Napi::String>().Utf8Value());
  const Napi::Promise promise = worker->promise();
  worker->Queue();
  return promise;
}

}  // namespace

void AddSegments(Napi::Env env, Napi::Object exports) {
  exports["writeSegment"] = Napi::Function::New(env, Write, "writeSegment");
  exports["readSegment"] = Napi::Function::New(env, Read, "readSegment");
  exports["segmentFrames"] = Napi::Function::New(env, ReadPackets, "segmentFrames");
}

}  // namespace chrys
