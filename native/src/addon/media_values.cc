#include "addon/media_values.h"

#include "addon/values.h"

namespace chrys {

std::vector<uint8_t> CopyOf(const Bytes& bytes) { return std::vector<uint8_t>(bytes.data, bytes.data + bytes.size); }

PacketRingView RingOf(const Napi::Value& value) {
  const Bytes ring = BytesOf(value, "packetRing");
  if (!CheckPacketRing(ring.data, ring.size)) {
    throw Napi::TypeError::New(value.Env(), "packetRing is not a packet ring of this layout");
  }
  return PacketRingView{ring.data};
}

PacketRingView OptionalRingOf(const Napi::Value& value) {
  return value.IsUndefined() ? PacketRingView{} : RingOf(value);
}

SegmentStream SegmentStreamOf(const Napi::Object& object) {
  SegmentStream stream;
  stream.codec_name = TextOf(object, "codecName");
  stream.extradata = CopyOf(BytesOf(object.Get("extradata"), "extradata"));
  stream.width = static_cast<int>(NumberOf(object, "width"));
  stream.height = static_cast<int>(NumberOf(object, "height"));
  const Napi::Value value = object.Get("audio");
  if (value.IsObject()) {
    const Napi::Object about = value.As<Napi::Object>();
    AudioStream& audio = stream.audio.emplace();
    audio.codec_name = TextOf(about, "codecName");
    audio.extradata = CopyOf(BytesOf(about.Get("extradata"), "extradata"));
    audio.sample_rate = static_cast<int>(NumberOf(about, "sampleRate"));
    audio.channels = static_cast<int>(NumberOf(about, "channels"));
  }
  return stream;
}

const std::atomic<int32_t>* CancelOf(const Napi::Object& object) {
  const Bytes cancel = BytesOf(object.Get("cancel"), "cancel");
  if (cancel.size < sizeof(int32_t) || reinterpret_cast<uintptr_t>(cancel.data) % sizeof(int32_t) != 0) {
    throw Napi::TypeError::New(object.Env(), "cancel must be four bytes on a boundary of four");
  }
  return reinterpret_cast<const std::atomic<int32_t>*>(cancel.data);
}

}  // namespace chrys
