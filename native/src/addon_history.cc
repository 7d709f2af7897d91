// History's face to JavaScript: src/native/types.ts says what each function takes and gives.
#include "addon_history.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "addon_values.h"
#include "history.h"

namespace chrys {
namespace {

bool FlagOf(const Napi::Object& object, const char* key) { return object.Get(key).ToBoolean().Value(); }

HistoryStream StreamOf(const Napi::Object& object) {
  HistoryStream stream;
  stream.codec_name = TextOf(object, "codecName");
  const Bytes extradata = BytesOf(object.Get("extradata"), "extradata");
  stream.extradata.assign(extradata.data, extradata.data + extradata.size);
  const Napi::Object look = object.Get("look").As<Napi::Object>();
  stream.look.format = static_cast<int32_t>(NumberOf(look, "format"));
  stream.look.width = static_cast<int32_t>(NumberOf(look, "width"));
  stream.look.height = static_cast<int32_t>(NumberOf(look, "height"));
  stream.look.quality = static_cast<int32_t>(NumberOf(look, "quality"));
  stream.look.enlarge = FlagOf(look, "enlarge");
  return stream;
}

PacketRingView RingOf(const Napi::Value& value) {
  const Bytes ring = BytesOf(value, "packetRing");
  if (!CheckPacketRing(ring.data, ring.size)) {
    throw Napi::TypeError::New(value.Env(), "packetRing is not a packet ring of this layout");
  }
  return PacketRingView{ring.data};
}

HistoryOptions OptionsOf(const Napi::Object& object) {
  HistoryOptions options;
  options.packet_ring = RingOf(object.Get("packetRing"));
  const Bytes cancel = BytesOf(object.Get("cancel"), "cancel");
  if (cancel.size < sizeof(int32_t) || reinterpret_cast<uintptr_t>(cancel.data) % sizeof(int32_t) != 0) {
    throw Napi::TypeError::New(object.Env(), "cancel must be four bytes on a boundary of four");
  }
  options.cancel = reinterpret_cast<const std::atomic<int32_t>*>(cancel.data);
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
  return options;
}

// Keeps the shared memory alive that the history reads.
struct Handle {
  explicit Handle(const Napi::Object& object)
      : history(std::make_unique<History>(OptionsOf(object))),
        ring(Napi::Persistent(object.Get("packetRing").As<Napi::Object>())),
        cancel(Napi::Persistent(object.Get("cancel").As<Napi::Object>())) {}

  std::unique_ptr<History> history;  // null once it is closed
  Napi::ObjectReference ring;
  Napi::ObjectReference cancel;
};

// So that no other addon's external is taken for one of these.
constexpr napi_type_tag kHandleTag{0x6368727973686973, 0x746f727968616e64};

Napi::Value Open(const Napi::CallbackInfo& call) {
  if (call.Length() != 1 || !call[0].IsObject()) throw Napi::TypeError::New(call.Env(), "openHistory takes options");
  auto external = Napi::External<Handle>::New(call.Env(), new Handle(call[0].As<Napi::Object>()),
                                              [](Napi::Env, Handle* handle) { delete handle; });
  external.TypeTag(&kHandleTag);
  return external;
}

Handle& HandleOf(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Handle>>().CheckTypeTag(&kHandleTag)) {
    throw Napi::TypeError::New(value.Env(), "this is nothing that openHistory returned");
  }
  return *value.As<Napi::External<Handle>>().Data();
}

Napi::Value Next(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Handle& handle = HandleOf(call[0]);
  const Bytes target = BytesOf(call[1], "target");
  if (!handle.history) return env.Undefined();
  const History::Answer answer = handle.history->Next(target.data, target.size);
  Napi::Object result = Napi::Object::New(env);
  switch (answer.kind) {
    case History::Answer::kEnd:
      return env.Undefined();
    case History::Answer::kTooLarge:
      throw Napi::RangeError::New(env, answer.failure);
    case History::Answer::kFailed:
      throw Napi::Error::New(env, answer.failure);
    case History::Answer::kTooSmall:
      result["needed"] = static_cast<double>(answer.bytes);
      return result;
    case History::Answer::kFrame:
      result["needed"] = 0;
      result["offset"] = static_cast<double>(answer.offset);
      result["bytes"] = static_cast<double>(answer.bytes);
      result["arrivalUs"] = static_cast<double>(answer.arrival_us);
      return result;
  }
  return env.Undefined();
}

Napi::Value Close(const Napi::CallbackInfo& call) {
  HandleOf(call[0]).history.reset();
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
  const auto unsettled = UnsettledFrames(view, view.header().nextSequence.load(std::memory_order_acquire));
  Napi::Float64Array ids = Napi::Float64Array::New(call.Env(), count);
  for (size_t i = 0; i < count; ++i) {
    const int64_t sequence = first + static_cast<int64_t>(i);
    const auto info = ReadPacketInfo(view, sequence);
    const bool known = info && std::find(unsettled.begin(), unsettled.end(), sequence) == unsettled.end();
    ids[i] = known ? static_cast<double>(FrameIdOf(view, *info)) : 0;
  }
  return ids;
}

// See NativeAddon.packetSums.
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
  exports["openHistory"] = Napi::Function::New(env, Open, "openHistory");
  exports["nextOfHistory"] = Napi::Function::New(env, Next, "nextOfHistory");
  exports["closeHistory"] = Napi::Function::New(env, Close, "closeHistory");
  exports["copyBytes"] = Napi::Function::New(env, CopyBytes, "copyBytes");
  exports["packetSums"] = Napi::Function::New(env, SumUp, "packetSums");
  exports["frameIds"] = Napi::Function::New(env, FrameIds, "frameIds");
}

}  // namespace chrys
