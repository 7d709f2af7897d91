// Node-API functions of the history. src/native/types.ts documents them.
#include "addon/history_functions.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "addon/media_values.h"
#include "addon/values.h"
#include "history/clip.h"
#include "history/history.h"

namespace chrys {
namespace {

OutputFormat OutputFormatOf(const Napi::Object& object) {
  OutputFormat output_format;
  output_format.format = static_cast<int32_t>(NumberOf(object, "format"));
  output_format.width = static_cast<int32_t>(NumberOf(object, "width"));
  output_format.height = static_cast<int32_t>(NumberOf(object, "height"));
  output_format.quality = static_cast<int32_t>(NumberOf(object, "quality"));
  output_format.enlarge = FlagOf(object, "enlarge");
  return output_format;
}

HistoryStream StreamOf(const Napi::Object& object) {
  HistoryStream stream;
  stream.codec_name = TextOf(object, "codecName");
  stream.extradata = CopyOf(BytesOf(object.Get("extradata"), "extradata"));
  stream.output_format = OutputFormatOf(object.Get("outputFormat").As<Napi::Object>());
  return stream;
}

}  // namespace

std::vector<HistorySegment> SegmentsOf(const Napi::Value& value) {
  std::vector<HistorySegment> segments;
  const Napi::Array array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Object object = array.Get(i).As<Napi::Object>();
    HistorySegment segment;
    segment.path = TextOf(object, "path");
    segment.first_sequence = NumberOf(object, "firstSequence");
    segment.end_sequence = NumberOf(object, "endSequence");
    segment.output_format = OutputFormatOf(object.Get("outputFormat").As<Napi::Object>());
    segments.push_back(segment);
  }
  return segments;
}

namespace {

HistoryOptions HistoryOptionsOf(const Napi::Object& object) {
  HistoryOptions options;
  options.packet_ring = OptionalRingOf(object.Get("packetRing"));
  options.cancel = CancelOf(object);
  options.segments = SegmentsOf(object.Get("segments"));
  options.more_segments = FlagOf(object, "moreSegments");
  const Napi::Array streams = object.Get("streams").As<Napi::Array>();
  for (uint32_t i = 0; i < streams.Length(); ++i) {
    const Napi::Object stream = streams.Get(i).As<Napi::Object>();
    options.streams[static_cast<int32_t>(NumberOf(stream, "connection"))] = StreamOf(stream);
  }
  options.device_id = TextOf(object, "deviceId");
  options.range.from_us = NumberOf(object, "fromUs");
  options.range.to_us = NumberOf(object, "toUs");
  options.range.nearest_us = NumberOf(object, "nearestUs");
  options.range.keyframes_only = FlagOf(object, "keyframesOnly");
  options.range.interval_ms = static_cast<int32_t>(NumberOf(object, "intervalMs"));
  options.withhold_corrupt = FlagOf(object, "withholdCorrupt");
  options.max_message_bytes = static_cast<size_t>(NumberOf(object, "maxMessageBytes"));
  if (object.Get("maxPixels").IsNumber()) options.max_pixels = NumberOf(object, "maxPixels");
  return options;
}

ClipOptions ClipOptionsOf(const Napi::Object& object) {
  ClipOptions options;
  options.rings = {OptionalRingOf(object.Get("packetRing")), OptionalRingOf(object.Get("audioRing"))};
  options.cancel = CancelOf(object);
  options.from_us = NumberOf(object, "fromUs");
  options.to_us = NumberOf(object, "toUs");
  const Napi::Array paths = object.Get("paths").As<Napi::Array>();
  for (uint32_t i = 0; i < paths.Length(); ++i) options.paths.push_back(paths.Get(i).ToString().Utf8Value());
  const Napi::Array streams = object.Get("streams").As<Napi::Array>();
  for (uint32_t i = 0; i < streams.Length(); ++i) {
    const Napi::Object stream = streams.Get(i).As<Napi::Object>();
    options.streams[static_cast<int32_t>(NumberOf(stream, "connection"))] = SegmentStreamOf(stream);
  }
  return options;
}

// A job, and references that keep alive the shared memory that it reads.
struct Handle {
  Handle(std::unique_ptr<HistoryJob> made, const Napi::Object& object)
      : job(std::move(made)), cancel(Napi::Persistent(object.Get("cancel").As<Napi::Object>())) {
    const Napi::Value memory = object.Get("packetRing");
    if (memory.IsObject()) ring = Napi::Persistent(memory.As<Napi::Object>());
    const Napi::Value audio = object.Get("audioRing");
    if (audio.IsObject()) audio_ring = Napi::Persistent(audio.As<Napi::Object>());
  }

  std::unique_ptr<HistoryJob> job;  // null once it is closed
  Napi::ObjectReference ring;
  Napi::ObjectReference audio_ring;
  Napi::ObjectReference cancel;
};

// Marks our externals, so that no other addon's external is accepted.
constexpr napi_type_tag kHandleTag{0x6368727973686973, 0x746f727968616e64};

Napi::Value Wrap(const Napi::CallbackInfo& call, std::unique_ptr<HistoryJob> job) {
  auto* handle = new Handle(std::move(job), call[0].As<Napi::Object>());
  auto external = Napi::External<Handle>::New(call.Env(), handle, [](Napi::Env, Handle* unused) { delete unused; });
  external.TypeTag(&kHandleTag);
  return external;
}

Napi::Value OpenHistory(const Napi::CallbackInfo& call) {
  if (call.Length() != 1 || !call[0].IsObject()) throw Napi::TypeError::New(call.Env(), "openHistory takes options");
  return Wrap(call, std::make_unique<History>(HistoryOptionsOf(call[0].As<Napi::Object>())));
}

Napi::Value OpenClip(const Napi::CallbackInfo& call) {
  if (call.Length() != 1 || !call[0].IsObject()) throw Napi::TypeError::New(call.Env(), "openClip takes options");
  return Wrap(call, std::make_unique<Clip>(ClipOptionsOf(call[0].As<Napi::Object>())));
}

Handle& HandleOf(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Handle>>().CheckTypeTag(&kHandleTag)) {
    throw Napi::TypeError::New(value.Env(), "This is not a handle that openHistory or openClip returned.");
  }
  return *value.As<Napi::External<Handle>>().Data();
}

Napi::Value Next(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Handle& handle = HandleOf(call[0]);
  const Bytes target = BytesOf(call[1], "target");
  if (!handle.job) return env.Undefined();
  const HistoryJob::Answer answer = handle.job->Next(target.data, target.size);
  Napi::Object result = Napi::Object::New(env);
  switch (answer.kind) {
    case HistoryJob::Answer::kEnd:
      return env.Undefined();
    case HistoryJob::Answer::kTooLarge:
      throw Napi::RangeError::New(env, answer.failure);
    case HistoryJob::Answer::kFailed:
      throw Napi::Error::New(env, answer.failure);
    case HistoryJob::Answer::kTooSmall:
      result["needed"] = static_cast<double>(answer.bytes);
      return result;
    case HistoryJob::Answer::kMore:
      result["needed"] = 0;
      result["nextSequence"] = static_cast<double>(handle.job->next_sequence());
      return result;
    case HistoryJob::Answer::kPiece:
      result["needed"] = 0;
      result["offset"] = static_cast<double>(answer.offset);
      result["bytes"] = static_cast<double>(answer.bytes);
      result["arrivalUs"] = static_cast<double>(answer.arrival_us);
      return result;
  }
  return env.Undefined();
}

Napi::Value Add(const Napi::CallbackInfo& call) {
  Handle& handle = HandleOf(call[0]);
  if (handle.job) handle.job->Add(SegmentsOf(call[1]), call[2].ToBoolean().Value());
  return call.Env().Undefined();
}

Napi::Value Close(const Napi::CallbackInfo& call) {
  HandleOf(call[0]).job.reset();
  return call.Env().Undefined();
}

Napi::Value CopyBytes(const Napi::CallbackInfo& call) {
  const Bytes source = BytesOf(call[0], "source");
  const Bytes target = BytesOf(call[1], "target");
  const auto offset = static_cast<size_t>(call[2].As<Napi::Number>().Int64Value());
  if (offset > target.size || source.size > target.size - offset) {
    throw Napi::RangeError::New(call.Env(), "copyBytes would leave the target");
  }
  std::memcpy(target.data + offset, source.data, source.size);
  return call.Env().Undefined();
}

Napi::Value FrameIds(const Napi::CallbackInfo& call) {
  const PacketRingView view = RingOf(call[0]);
  const int64_t first = call[1].As<Napi::Number>().Int64Value();
  const auto count = static_cast<size_t>(call[2].As<Napi::Number>().Uint32Value());
  const auto unsettled = UnsettledFrames(view, view.next_sequence());
  Napi::Float64Array ids = Napi::Float64Array::New(call.Env(), count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t sequence = first + static_cast<int64_t>(i);
    const auto info = ReadPacketInfo(view, sequence);
    const bool known = info && std::find(unsettled.begin(), unsettled.end(), sequence) == unsettled.end();
    ids[i] = known ? static_cast<double>(FrameIdOf(view, *info)) : 0;
  }
  return ids;
}

Napi::Value SumUp(const Napi::CallbackInfo& call) {
  const PacketSums sums = SumPackets(RingOf(call[0]));
  Napi::Object answer = Napi::Object::New(call.Env());
  answer["frames"] = static_cast<double>(sums.frames);
  answer["keyframes"] = static_cast<double>(sums.keyframes);
  answer["bytes"] = static_cast<double>(sums.bytes);
  answer["oldestUs"] = static_cast<double>(sums.oldest_us);
  answer["newestUs"] = static_cast<double>(sums.newest_us);
  answer["newestFrames"] = static_cast<double>(sums.newest_frames);
  answer["newestSeconds"] = sums.newest_seconds;
  return answer;
}

}  // namespace

void AddHistory(Napi::Env env, Napi::Object exports) {
  exports["openHistory"] = Napi::Function::New(env, OpenHistory, "openHistory");
  exports["openClip"] = Napi::Function::New(env, OpenClip, "openClip");
  exports["nextHistoryPiece"] = Napi::Function::New(env, Next, "nextHistoryPiece");
  exports["closeHistory"] = Napi::Function::New(env, Close, "closeHistory");
  exports["addSegments"] = Napi::Function::New(env, Add, "addSegments");
  exports["copyBytes"] = Napi::Function::New(env, CopyBytes, "copyBytes");
  exports["packetSums"] = Napi::Function::New(env, SumUp, "packetSums");
  exports["frameIds"] = Napi::Function::New(env, FrameIds, "frameIds");
}

}  // namespace chrys
