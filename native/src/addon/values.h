// Converts values from JavaScript. Each function throws a TypeError that names the wrong value.
#pragma once

#include <cstdint>
#include <string>

#include <napi.h>

namespace chrys {

struct Bytes {
  uint8_t* data = nullptr;
  size_t size = 0;
};

// The bytes of a Uint8Array. Node-API's ArrayBuffer functions refuse a SharedArrayBuffer, so the typed array is read.
inline Bytes BytesOf(const Napi::Value& value, const char* what) {
  napi_typedarray_type type;
  Bytes bytes;
  void* data = nullptr;
  if (!value.IsTypedArray() ||
      napi_get_typedarray_info(value.Env(), value, &type, &bytes.size, &data, nullptr, nullptr) != napi_ok ||
      type != napi_uint8_array) {
    throw Napi::TypeError::New(value.Env(), std::string(what) + " must be a Uint8Array");
  }
  bytes.data = static_cast<uint8_t*>(data);
  return bytes;
}

inline std::string TextOf(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsString()) throw Napi::TypeError::New(object.Env(), std::string(key) + " must be a string");
  return value.As<Napi::String>().Utf8Value();
}

inline bool FlagOf(const Napi::Object& object, const char* key) { return object.Get(key).ToBoolean().Value(); }

inline int64_t NumberOf(const Napi::Object& object, const char* key) {
  const Napi::Value value = object.Get(key);
  if (!value.IsNumber()) throw Napi::TypeError::New(object.Env(), std::string(key) + " must be a number");
  return value.As<Napi::Number>().Int64Value();
}

}  // namespace chrys
