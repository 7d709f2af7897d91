// History's face to JavaScript: src/native/types.ts says what each function takes and gives.
#include "addon_history.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>

#include "addon_values.h"
#include "clip.h"
#include "history.h"
#include "segment_file.h"

namespace chrys {
namespace {

// As Node names it, for the errors that a disk gives.
const char* NameOfSystemError(int error_number) {
  switch (error_number) {
    case ENOSPC: return "ENOSPC";
    case EDQUOT: return "EDQUOT";
    case EROFS: return "EROFS";
    case EACCES: return "EACCES";
    case EPERM: return "EPERM";
    case ENOENT: return "ENOENT";
    case ENOTDIR: return "ENOTDIR";
    case EEXIST: return "EEXIST";
    case ELOOP: return "ELOOP";
    case EMFILE: return "EMFILE";
    case ENFILE: return "ENFILE";
    case ENOMEM: return "ENOMEM";
    case ENAMETOOLONG: return "ENAMETOOLONG";
    default: return "EIO";
  }
}

bool FlagOf(const Napi::Object& object, const char* key) { return object.Get(key).ToBoolean().Value(); }

Look LookOf(const Napi::Object& object) {
  Look look;
  look.format = static_cast<int32_t>(NumberOf(object, "format"));
  look.width = static_cast<int32_t>(NumberOf(object, "width"));
  look.height = static_cast<int32_t>(NumberOf(object, "height"));
  look.quality = static_cast<int32_t>(NumberOf(object, "quality"));
  look.enlarge = FlagOf(object, "enlarge");
  return look;
}

std::vector<uint8_t> CopyOf(const Bytes& bytes) { return std::vector<uint8_t>(bytes.data, bytes.data + bytes.size); }

HistoryStream StreamOf(const Napi::Object& object) {
  HistoryStream stream;
  stream.codec_name = TextOf(object, "codecName");
  stream.extradata = CopyOf(BytesOf(object.Get("extradata"), "extradata"));
  stream.look = LookOf(object.Get("look").As<Napi::Object>());
  return stream;
}

PacketRingView RingOf(const Napi::Value& value) {
  const Bytes ring = BytesOf(value, "packetRing");
  if (!CheckPacketRing(ring.data, ring.size)) {
    throw Napi::TypeError::New(value.Env(), "packetRing is not a packet ring of this layout");
  }
  return PacketRingView{ring.data};
}

}  // namespace

PacketRingView OptionalRingOf(const Napi::Value& value) {
  return value.IsUndefined() ? PacketRingView{} : RingOf(value);
}

SegmentStream SegmentStreamOf(const Napi::Object& object) {
  SegmentStream stream;
  stream.codec_name = TextOf(object, "codecName");
  stream.extradata = CopyOf(BytesOf(object.Get("extradata"), "extradata"));
  stream.width = static_cast<int>(NumberOf(object, "width"));
  stream.height = static_cast<int>(NumberOf(object, "height"));
  const Napi::Value sound = object.Get("audio");
  if (sound.IsObject()) {
    const Napi::Object about = sound.As<Napi::Object>();
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

std::vector<PastSegment> SegmentsOf(const Napi::Value& value) {
  std::vector<PastSegment> segments;
  const Napi::Array array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Object object = array.Get(i).As<Napi::Object>();
    PastSegment segment;
    segment.path = TextOf(object, "path");
    segment.first_sequence = NumberOf(object, "firstSequence");
    segment.end_sequence = NumberOf(object, "endSequence");
    segment.look = LookOf(object.Get("look").As<Napi::Object>());
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

// Keeps the shared memory alive that the job reads.
struct Handle {
  Handle(std::unique_ptr<PastJob> made, const Napi::Object& object)
      : job(std::move(made)), cancel(Napi::Persistent(object.Get("cancel").As<Napi::Object>())) {
    const Napi::Value memory = object.Get("packetRing");
    if (memory.IsObject()) ring = Napi::Persistent(memory.As<Napi::Object>());
    const Napi::Value sound = object.Get("audioRing");
    if (sound.IsObject()) audio_ring = Napi::Persistent(sound.As<Napi::Object>());
  }

  std::unique_ptr<PastJob> job;  // null once it is closed
  Napi::ObjectReference ring;
  Napi::ObjectReference audio_ring;
  Napi::ObjectReference cancel;
};

// So that no other addon's external is taken for one of these.
constexpr napi_type_tag kHandleTag{0x6368727973686973, 0x746f727968616e64};

Napi::Value Wrap(const Napi::CallbackInfo& call, std::unique_ptr<PastJob> job) {
  auto* handle = new Handle(std::move(job), call[0].As<Napi::Object>());
  auto external =
      Napi::External<Handle>::New(call.Env(), handle, [](Napi::Env, Handle* unused) { delete unused; });
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
    throw Napi::TypeError::New(value.Env(), "this is nothing that openHistory or openClip returned");
  }
  return *value.As<Napi::External<Handle>>().Data();
}

Napi::Value Next(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Handle& handle = HandleOf(call[0]);
  const Bytes target = BytesOf(call[1], "target");
  if (!handle.job) return env.Undefined();
  const PastJob::Answer answer = handle.job->Next(target.data, target.size);
  Napi::Object result = Napi::Object::New(env);
  switch (answer.kind) {
    case PastJob::Answer::kEnd:
      return env.Undefined();
    case PastJob::Answer::kTooLarge:
      throw Napi::RangeError::New(env, answer.failure);
    case PastJob::Answer::kFailed:
      throw Napi::Error::New(env, answer.failure);
    case PastJob::Answer::kTooSmall:
      result["needed"] = static_cast<double>(answer.bytes);
      return result;
    case PastJob::Answer::kMore:
      result["needed"] = 0;
      result["wanted"] = static_cast<double>(handle.job->wanted());
      return result;
    case PastJob::Answer::kPiece:
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
  facts["audio"] = !segment.sound.empty();
  return facts;
}

Napi::Error DiskError(Napi::Env env, const std::string& sentence, int error_number) {
  const std::string text = error_number == 0 ? sentence : sentence + ": " + std::strerror(error_number);
  Napi::Error error = Napi::Error::New(env, text);
  if (error_number != 0) error.Set("code", Napi::String::New(env, NameOfSystemError(error_number)));
  return error;
}

Napi::Value Write(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  if (call.Length() != 1 || !call[0].IsObject()) throw Napi::TypeError::New(env, "writeSegment takes options");
  const Napi::Object options = call[0].As<Napi::Object>();
  const PacketRingView view = RingOf(options.Get("packetRing"));
  const SegmentStream stream = SegmentStreamOf(options.Get("stream").As<Napi::Object>());
  const PacketRingView audio = OptionalRingOf(options.Get("audioRing"));
  const SegmentResult result = WriteSegment({view, audio}, NumberOf(options, "firstSequence"), NumberOf(options, "endSequence"),
                                            stream, TextOf(options, "path"));
  if (result.kind == SegmentResult::kOverrun) return env.Undefined();
  if (result.kind == SegmentResult::kFailed) throw DiskError(env, result.failure, result.error_number);
  return FactsOf(env, result.segment);
}

Napi::Value Read(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  if (call.Length() != 1 || !call[0].IsString()) throw Napi::TypeError::New(env, "readSegment takes a path");
  const OpenedSegment opened = OpenSegment(call[0].As<Napi::String>().Utf8Value());
  if (!opened.bytes) throw DiskError(env, "the file cannot be opened", opened.error_number);
  const auto segment = ReadSegment(*opened.bytes);
  return segment ? FactsOf(env, *segment) : env.Undefined();
}

// Reads what a segment says of its packets on a thread of libuv's, so that a slow disk holds up nobody else.
class SegmentPackets : public Napi::AsyncWorker {
 public:
  SegmentPackets(Napi::Env env, std::string path)
      : Napi::AsyncWorker(env), path_(std::move(path)), answer_(Napi::Promise::Deferred::New(env)) {}
  Napi::Promise promise() const { return answer_.Promise(); }

 protected:
  void Execute() override {
    const OpenedSegment opened = OpenSegment(path_);
    error_number_ = opened.error_number;
    if (!opened.bytes) return;
    const auto segment = ReadSegment(*opened.bytes);
    if (!segment) return;
    packets_ = segment->packets();
    for (const PacketInfo& packet : packets_) ids_.push_back(FrameIdOf(packets_, packet));
  }

  void OnOK() override {
    const Napi::Env env = Env();
    if (error_number_ != 0) {
      answer_.Reject(DiskError(env, "the file cannot be opened", error_number_).Value());
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
  int error_number_ = 0;
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
  exports["openHistory"] = Napi::Function::New(env, OpenHistory, "openHistory");
  exports["openClip"] = Napi::Function::New(env, OpenClip, "openClip");
  exports["nextOfPast"] = Napi::Function::New(env, Next, "nextOfPast");
  exports["closePast"] = Napi::Function::New(env, Close, "closePast");
  exports["addSegments"] = Napi::Function::New(env, Add, "addSegments");
  exports["writeSegment"] = Napi::Function::New(env, Write, "writeSegment");
  exports["readSegment"] = Napi::Function::New(env, Read, "readSegment");
  exports["segmentFrames"] = Napi::Function::New(env, ReadPackets, "segmentFrames");
  exports["copyBytes"] = Napi::Function::New(env, CopyBytes, "copyBytes");
  exports["packetSums"] = Napi::Function::New(env, SumUp, "packetSums");
  exports["frameIds"] = Napi::Function::New(env, FrameIds, "frameIds");
}

}  // namespace chrys
