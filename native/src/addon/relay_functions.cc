// Node-API functions of the relay. src/native/types.ts documents them.
#include "addon/relay_functions.h"

#include <cerrno>
#include <memory>

#include "addon/media_values.h"
#include "addon/values.h"
#include "relay/relay.h"

namespace chrys {
namespace {

// A relay, and references that keep alive the shared memory that it reads.
struct Handle {
  Handle(const RelayOptions& options, const Napi::Object& object) : relay(std::make_unique<Relay>(options)) {
    for (const char* key : {"packetRing", "audioRing", "cancel"}) {
      if (object.Get(key).IsObject()) memory.push_back(Napi::Persistent(object.Get(key).As<Napi::Object>()));
    }
  }

  std::unique_ptr<Relay> relay;  // null once it is closed
  std::vector<Napi::ObjectReference> memory;
};

// Marks our externals, so that no other addon's external is accepted.
constexpr napi_type_tag kHandleTag{0x6368727973686973, 0x72656c6179207275};

[[noreturn]] void Throw(Napi::Env env, const Error& failure) {
  Napi::Error error = Napi::Error::New(env, failure.message);
  error.Set("code", failure.error_number == ECANCELED ? "ECANCELED" : "EIO");
  throw error;
}

Napi::Value OpenRelay(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  if (call.Length() != 1 || !call[0].IsObject()) throw Napi::TypeError::New(env, "openRelay takes options");
  const Napi::Object object = call[0].As<Napi::Object>();
  RelayOptions options;
  options.url = TextOf(object, "url");
  options.rings = {OptionalRingOf(object.Get("packetRing")), OptionalRingOf(object.Get("audioRing"))};
  if (options.rings.video.base == nullptr) throw Napi::TypeError::New(env, "packetRing is missing");
  options.stream = SegmentStreamOf(object.Get("stream").As<Napi::Object>());
  options.first_sequence = NumberOf(object, "firstSequence");
  options.cancel = CancelOf(object);
  options.open_timeout_us = NumberOf(object, "openTimeoutMs") * 1000;
  options.stall_timeout_us = NumberOf(object, "stallTimeoutMs") * 1000;
  options.max_lag_us = NumberOf(object, "maxLagMs") * 1000;
  auto handle = std::make_unique<Handle>(options, object);
  if (const auto failure = handle->relay->Open()) Throw(env, *failure);
  auto external = Napi::External<Handle>::New(env, handle.release(), [](Napi::Env, Handle* unused) { delete unused; });
  external.TypeTag(&kHandleTag);
  return external;
}

Handle& HandleOf(const Napi::Value& value) {
  if (!value.IsExternal() || !value.As<Napi::External<Handle>>().CheckTypeTag(&kHandleTag)) {
    throw Napi::TypeError::New(value.Env(), "This is not a handle that openRelay returned.");
  }
  return *value.As<Napi::External<Handle>>().Data();
}

const char* NameOf(RelayStep::Kind kind) {
  switch (kind) {
    case RelayStep::kIdle:
      return "idle";
    case RelayStep::kMore:
      return "more";
    case RelayStep::kOtherConnection:
      return "other_connection";
    case RelayStep::kOtherParameters:
      return "other_parameters";
  }
  return "idle";
}

Napi::Value RelayPackets(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Handle& handle = HandleOf(call[0]);
  if (!handle.relay) throw Napi::TypeError::New(env, "The relay is closed.");
  const auto step = handle.relay->Send(call[1].As<Napi::Number>().Int32Value());
  if (!step) Throw(env, step.error());
  Napi::Object result = Napi::Object::New(env);
  result["end"] = NameOf(step->kind);
  result["nextSequence"] = static_cast<double>(step->next_sequence);
  result["packets"] = static_cast<double>(step->packets);
  result["bytes"] = static_cast<double>(step->bytes);
  result["lost"] = static_cast<double>(step->lost);
  return result;
}

Napi::Value CloseRelay(const Napi::CallbackInfo& call) {
  HandleOf(call[0]).relay.reset();
  return call.Env().Undefined();
}

}  // namespace

void AddRelay(Napi::Env env, Napi::Object exports) {
  exports["openRelay"] = Napi::Function::New(env, OpenRelay, "openRelay");
  exports["relayPackets"] = Napi::Function::New(env, RelayPackets, "relayPackets");
  exports["closeRelay"] = Napi::Function::New(env, CloseRelay, "closeRelay");
}

}  // namespace chrys
