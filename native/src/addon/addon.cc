// Node-API functions of the capture and of the process. src/native/types.ts documents them. Any number of threads may
// load the addon. Its process-wide state is the clock (base/clock.cc) and what PrepareProcess sets.
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include <napi.h>

#include "addon/history_functions.h"
#include "addon/media_values.h"
#include "addon/relay_functions.h"
#include "addon/segment_functions.h"
#include "addon/values.h"
#include "base/av_log.h"
#include "base/clock.h"
#include "capture/capture.h"
#include "rings/frame_ring.h"
#include "rings/packet_ring.h"
#include "rings/ring_layout.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace chrys {
namespace {

Learned LearnedOf(const Napi::Value& value) {
  Learned learned;
  if (!value.IsObject()) return learned;
  const Napi::Object object = value.As<Napi::Object>();
  learned.transport = TextOf(object, "transport");
  learned.keepalive = TextOf(object, "keepalive");
  learned.authentication = TextOf(object, "authentication");
  learned.without_receiver_reports = FlagOf(object, "withoutReceiverReports");
  learned.marks_every_slice = FlagOf(object, "marksEverySlice");
  learned.sequence_unreliable = FlagOf(object, "sequenceUnreliable");
  learned.jpeg_width = static_cast<int>(NumberOf(object, "jpegWidth"));
  learned.jpeg_height = static_cast<int>(NumberOf(object, "jpegHeight"));
  learned.usual_gap_ms = NumberOf(object, "usualGapMs");
  learned.certificate = TextOf(object, "certificate");
  learned.session = TextOf(object, "session");
  learned.session_url = TextOf(object, "sessionUrl");
  learned.silent_tcp_sessions = static_cast<int>(NumberOf(object, "silentTcpSessions"));
  learned.ended_after_ms = NumberOf(object, "endedAfterMs");
  return learned;
}

Napi::Object ObjectOf(const Napi::Env& env, const Learned& learned) {
  Napi::Object object = Napi::Object::New(env);
  object["transport"] = learned.transport;
  object["keepalive"] = learned.keepalive;
  object["authentication"] = learned.authentication;
  object["withoutReceiverReports"] = learned.without_receiver_reports;
  object["marksEverySlice"] = learned.marks_every_slice;
  object["sequenceUnreliable"] = learned.sequence_unreliable;
  object["jpegWidth"] = learned.jpeg_width;
  object["jpegHeight"] = learned.jpeg_height;
  object["usualGapMs"] = static_cast<double>(learned.usual_gap_ms);
  object["certificate"] = learned.certificate;
  object["session"] = learned.session;
  object["sessionUrl"] = learned.session_url;
  object["silentTcpSessions"] = learned.silent_tcp_sessions;
  object["endedAfterMs"] = static_cast<double>(learned.ended_after_ms);
  return object;
}

rtsp::SourceOptions RtspOptionsOf(const Napi::Object& object) {
  rtsp::SourceOptions options;
  options.url = TextOf(object, "url");
  options.transport = TextOf(object, "transport");
  options.tls_verify = TextOf(object, "tlsVerify");
  options.open_timeout_us = NumberOf(object, "openTimeoutMs") * 1000;
  options.stall_timeout_us = NumberOf(object, "stallTimeoutMs") * 1000;
  options.learned = LearnedOf(object.Get("learned"));
  const Napi::Array addresses = object.Get("addresses").As<Napi::Array>();
  for (uint32_t i = 0; i < addresses.Length(); ++i) {
    options.addresses.push_back(addresses.Get(i).ToString().Utf8Value());
  }
  if (options.addresses.empty()) throw Napi::TypeError::New(object.Env(), "addresses must not be empty");
  return options;
}

CaptureOptions OptionsOf(const Napi::Object& object) {
  CaptureOptions options;
  if (object.Has("replay") && object.Get("replay").IsObject()) {
    const Napi::Object replay = object.Get("replay").As<Napi::Object>();
    ReplayOptions& made = options.replay.emplace();
    made.segments = SegmentsOf(replay.Get("segments"));
    made.from_us = NumberOf(replay, "fromUs");
    made.to_us = NumberOf(replay, "toUs");
    made.speed = replay.Get("speed").ToNumber().DoubleValue();
    made.loop = replay.Get("loop").ToBoolean().Value();
    if (!(made.speed > 0)) throw Napi::TypeError::New(object.Env(), "speed must be positive");
  }
  options.wake_fd = static_cast<int>(NumberOf(object, "wakeFd"));
  options.teardown_us = NumberOf(object, "teardownMs") * 1000;
  options.decoder_threads = static_cast<int>(NumberOf(object, "decoderThreads"));
  options.device_id = TextOf(object, "deviceId");
  options.frame_slots = static_cast<int>(NumberOf(object, "frameSlots"));
  options.max_message_bytes = static_cast<size_t>(NumberOf(object, "maxMessageBytes"));
  if (object.Get("maxPixels").IsNumber()) options.max_pixels = NumberOf(object, "maxPixels");
  const std::string level = TextOf(object, "logLevel");
  options.log_level = level == "debug" ? AV_LOG_DEBUG : level == "info" ? AV_LOG_INFO : AV_LOG_WARNING;
  const Bytes control = BytesOf(object.Get("control"), "control");
  options.control = reinterpret_cast<ControlBlock*>(control.data);
  if (control.size < kControlBytes || options.control->layoutVersion.load() != kLayoutVersion) {
    throw Napi::TypeError::New(object.Env(), "control is not a control block of this layout");
  }
  const Bytes ring = BytesOf(object.Get("packetRing"), "packetRing");
  if (!CheckPacketRing(ring.data, ring.size)) {
    throw Napi::TypeError::New(object.Env(), "packetRing is not a packet ring of this layout");
  }
  options.packet_ring.base = ring.data;
  options.audio_ring = OptionalRingOf(object.Get("audioRing"));
  const bool audio = options.audio_ring.base != nullptr;
  const std::string kind = TextOf(object, "kind");
  if (kind == "rtsp") {
    options.rtsp = RtspOptionsOf(object);
    options.rtsp->audio = audio;
  } else if (kind == "file") {
    options.file = {TextOf(object, "url"), NumberOf(object, "openTimeoutMs") * 1000, audio, options.max_pixels};
  } else if (!options.replay) {
    throw Napi::TypeError::New(object.Env(), "kind must be rtsp, file, or replay with a range");
  }
  if (options.frame_slots < 2 || options.frame_slots > 64) {
    throw Napi::TypeError::New(object.Env(), "frameSlots must be 2 to 64");
  }
  return options;
}

const char* LevelName(int level) {
  if (level <= AV_LOG_ERROR) return "error";
  if (level <= AV_LOG_WARNING) return "warn";
  if (level <= AV_LOG_INFO) return "info";
  return "debug";
}

class JsHost : public CaptureHost {
 public:
  explicit JsHost(const Napi::Object& hooks) : hooks_(hooks) {}

  void OnStream(const StreamFacts& facts) override {
    const Napi::Env env = hooks_.Env();
    const Napi::HandleScope scope(env);
    const AVCodecParameters* parameters = facts.parameters;
    const AVCodecDescriptor* descriptor = avcodec_descriptor_get(parameters->codec_id);
    const char* profile = avcodec_profile_name(parameters->codec_id, facts.profile);
    const char* format = av_get_pix_fmt_name(static_cast<AVPixelFormat>(facts.pixel_format));
    Napi::Object info = Napi::Object::New(env);
    info["connection"] = facts.connection;
    info["codecName"] = avcodec_get_name(parameters->codec_id);
    info["codecLongName"] = descriptor != nullptr && descriptor->long_name != nullptr ? descriptor->long_name : "";
    info["profile"] = profile == nullptr ? "" : profile;
    info["width"] = facts.width;
    info["height"] = facts.height;
    info["pixelFormat"] = format == nullptr ? "" : format;
    const auto extradata_size = static_cast<size_t>(std::max(0, parameters->extradata_size));
    Napi::Uint8Array extradata = Napi::Uint8Array::New(env, extradata_size);
    if (extradata_size > 0) std::memcpy(extradata.Data(), parameters->extradata, extradata_size);
    info["extradata"] = extradata;
    info["timeBaseNum"] = facts.time_base.num;
    info["timeBaseDen"] = facts.time_base.den;
    info["declaredFps"] = facts.declared_fps;
    if (facts.audio != nullptr) {
      Napi::Object audio = Napi::Object::New(env);
      audio["codecName"] = facts.audio->codec_name;
      Napi::Uint8Array about = Napi::Uint8Array::New(env, facts.audio->extradata.size());
      std::copy(facts.audio->extradata.begin(), facts.audio->extradata.end(), about.Data());
      audio["extradata"] = about;
      audio["sampleRate"] = facts.audio->sample_rate;
      audio["channels"] = facts.audio->channels;
      info["audio"] = audio;
    }
    Call("onStream", {info});
  }

  uint8_t* AllocateFrameRing(int output, size_t bytes) override {
    const Napi::Env env = hooks_.Env();
    const Napi::HandleScope scope(env);
    const Napi::Value view =
        Call("allocateFrameRing", {Napi::Number::New(env, output), Napi::Number::New(env, static_cast<double>(bytes))});
    const Bytes memory = BytesOf(view, "what allocateFrameRing returns");
    if (memory.size < bytes) throw Napi::TypeError::New(env, "allocateFrameRing returned too small a view");
    // The reference keeps the shared memory alive. One per output is enough, because a new ring replaces the old one.
    frame_rings_[static_cast<size_t>(output)] = Napi::Persistent(view.As<Napi::Object>());
    return memory.data;
  }

  void OnFrame() override { Notify("onFrame"); }
  void OnPacket() override { Notify("onPacket"); }

  void OnLearned(const Learned& learned) override {
    const Napi::HandleScope scope(hooks_.Env());
    Call("onLearned", {ObjectOf(hooks_.Env(), learned)});
  }

  void OnLog(const LogLine& line) override {
    const Napi::Env env = hooks_.Env();
    const Napi::HandleScope scope(env);
    Call("onLog", {Napi::String::New(env, LevelName(line.level)), Napi::String::New(env, line.text)});
  }

 private:
  void Notify(const char* hook) {
    const Napi::HandleScope scope(hooks_.Env());
    Call(hook, {});
  }

  Napi::Value Call(const char* hook, const std::initializer_list<napi_value>& arguments) {
    return hooks_.Get(hook).As<Napi::Function>().Call(hooks_, arguments);
  }

  const Napi::Object hooks_;  // valid during the call of capture()
  std::array<Napi::ObjectReference, kOutputs> frame_rings_;
};

// Blocks until the capture ends.
Napi::Value RunCapture(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  if (call.Length() != 2 || !call[0].IsObject() || !call[1].IsObject()) {
    throw Napi::TypeError::New(env, "capture takes options and hooks");
  }
  const CaptureOptions options = OptionsOf(call[0].As<Napi::Object>());
  JsHost host(call[1].As<Napi::Object>());
  Capture capture(options, host);
  const Failure failure = capture.Run();
  Napi::Object result = Napi::Object::New(env);
  result["end"] = failure.end;
  result["message"] = failure.message;
  result["avError"] = failure.av_error;
  result["avText"] = failure.av_error == 0 ? std::string() : AvErrorText(failure.av_error);
  return result;
}

Napi::Value InitRing(const Napi::CallbackInfo& call) {
  const Bytes ring = BytesOf(call[0], "ring");
  const auto number = [&](size_t i) { return call[i].As<Napi::Number>().Int64Value(); };
  if (!InitPacketRing(ring.data, ring.size, static_cast<int32_t>(number(1)), number(2), number(3))) {
    throw Napi::TypeError::New(call.Env(),
                               "ring is too small, entryCount is not a power of two, or firstSequence is not positive");
  }
  return call.Env().Undefined();
}

Napi::Value CopySlot(const Napi::CallbackInfo& call) {
  const Bytes ring = BytesOf(call[0], "ring");
  const Bytes target = BytesOf(call[5], "target");
  const auto number = [&](size_t i) { return static_cast<size_t>(call[i].As<Napi::Number>().Int64Value()); };
  const size_t slot_offset = number(1);
  const size_t source_offset = number(3);
  const size_t bytes = number(4);
  const size_t target_offset = number(6);
  const auto inside = [](size_t offset, size_t length, size_t size) {
    return offset <= size && length <= size - offset;
  };
  if (slot_offset % 8 != 0 || !inside(slot_offset, kFrameSlotHeaderBytes, ring.size) ||
      !inside(source_offset, bytes, ring.size) || !inside(target_offset, bytes, target.size)) {
    throw Napi::RangeError::New(call.Env(), "copyFromSlot would leave the ring or the target");
  }
  const bool whole = CopyFromSlot(*reinterpret_cast<const FrameSlotHeader*>(ring.data + slot_offset),
                                  call[2].As<Napi::Number>().Int32Value(), ring.data + source_offset, bytes,
                                  target.data + target_offset);
  return Napi::Boolean::New(call.Env(), whole);
}

// See releaseBuffer in src/native/types.ts.
Napi::Value ReleaseBuffer(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  const Bytes bytes = BytesOf(call[0], "buffer");
  const napi_value array_buffer = call[0].As<Napi::Uint8Array>().ArrayBuffer();
  void* data = nullptr;
  size_t size = 0;
  // A small Buffer shares its memory with others. Shared memory is not an ArrayBuffer.
  const bool whole = napi_get_arraybuffer_info(env, array_buffer, &data, &size) == napi_ok && data == bytes.data &&
                     size == bytes.size && napi_detach_arraybuffer(env, array_buffer) == napi_ok;
  return Napi::Boolean::New(env, whole);
}

Napi::Value Wall(const Napi::CallbackInfo& call) {
  return Napi::Number::New(call.Env(), static_cast<double>(WallUs()));
}

Napi::Value KeepWall(const Napi::CallbackInfo& call) {
  KeepWallAfter(call[0].As<Napi::Number>().Int64Value());
  return call.Env().Undefined();
}

Napi::Value OpenWake(const Napi::CallbackInfo& call) {
  const int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) throw Napi::Error::New(call.Env(), std::string("eventfd: ") + std::strerror(errno));
  return Napi::Number::New(call.Env(), descriptor);
}

Napi::Value Wake(const Napi::CallbackInfo& call) {
  const uint64_t one = 1;
  // The write fails only when the counter is full, and then the capture is awake.
  const ssize_t written = write(call[0].As<Napi::Number>().Int32Value(), &one, sizeof one);
  (void)written;
  return call.Env().Undefined();
}

Napi::Value CloseWake(const Napi::CallbackInfo& call) {
  close(call[0].As<Napi::Number>().Int32Value());
  return call.Env().Undefined();
}

// See compactHeap in src/native/types.ts. Node-API has no function for it. V8 collects garbage at once and returns
// memory when the reported external memory exceeds its heap limit. The first round finds unused functions, the second
// round frees them.
Napi::Value CompactHeap(const Napi::CallbackInfo& call) {
  constexpr int64_t kPressureBytes = int64_t{1} << 30;
  constexpr int kRounds = 2;
  for (int round = 0; round < kRounds; ++round) {
    Napi::MemoryManagement::AdjustExternalMemory(call.Env(), kPressureBytes);
    Napi::MemoryManagement::AdjustExternalMemory(call.Env(), -kPressureBytes);
  }
  return call.Env().Undefined();
}

Napi::Value EndProcess(const Napi::CallbackInfo& call) { _exit(call[0].As<Napi::Number>().Int32Value()); }

Napi::Value LimitUnsent(const Napi::CallbackInfo& call) {
  const int descriptor = call[0].As<Napi::Number>().Int32Value();
  const int bytes = call[1].As<Napi::Number>().Int32Value();
  return Napi::Boolean::New(call.Env(),
                            setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes) == 0);
}

std::string VersionText(unsigned version) {
  return std::to_string(AV_VERSION_MAJOR(version)) + "." + std::to_string(AV_VERSION_MINOR(version)) + "." +
         std::to_string(AV_VERSION_MICRO(version));
}

// Sets what the whole process shares. The thread that loads the addon first does it.
void PrepareProcess() {
  static std::once_flag once;
  std::call_once(once, [] {
    LogSink::Install();
    avformat_network_init();
    // Frame messages have megabytes. Without this, glibc maps and unmaps memory for each message and the kernel clears
    // its pages, which takes a third of the main thread's time (docs/design/performance.md).
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_TOP_PAD, 64 << 20);
  });
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  PrepareProcess();
  Napi::Object libraries = Napi::Object::New(env);
  libraries["avformat"] = VersionText(avformat_version());
  libraries["avcodec"] = VersionText(avcodec_version());
  libraries["swscale"] = VersionText(swscale_version());
  libraries["avutil"] = VersionText(avutil_version());
  exports["layoutVersion"] = kLayoutVersion;
  exports["libraries"] = libraries;
  exports["capture"] = Napi::Function::New(env, RunCapture, "capture");
  exports["initPacketRing"] = Napi::Function::New(env, InitRing, "initPacketRing");
  exports["releaseBuffer"] = Napi::Function::New(env, ReleaseBuffer, "releaseBuffer");
  exports["wallUs"] = Napi::Function::New(env, Wall, "wallUs");
  exports["keepWallAfter"] = Napi::Function::New(env, KeepWall, "keepWallAfter");
  exports["openWake"] = Napi::Function::New(env, OpenWake, "openWake");
  exports["wake"] = Napi::Function::New(env, Wake, "wake");
  exports["closeWake"] = Napi::Function::New(env, CloseWake, "closeWake");
  exports["compactHeap"] = Napi::Function::New(env, CompactHeap, "compactHeap");
  exports["endProcess"] = Napi::Function::New(env, EndProcess, "endProcess");
  exports["limitUnsent"] = Napi::Function::New(env, LimitUnsent, "limitUnsent");
  exports["copyFromSlot"] = Napi::Function::New(env, CopySlot, "copyFromSlot");
  AddHistory(env, exports);
  AddSegments(env, exports);
  AddRelay(env, exports);
  return exports;
}

NODE_API_MODULE(chrys_native, Init)

}  // namespace
}  // namespace chrys
