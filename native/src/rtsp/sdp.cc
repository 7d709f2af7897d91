#include "rtsp/sdp.h"

#include "rtsp/text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace chrys::rtsp {

namespace {

constexpr size_t kMaxMedia = 32;
constexpr size_t kMaxFormats = 32;
constexpr size_t kMaxFormatLines = 1024;  // rtpmap and fmtp, of the whole description
constexpr size_t kMaxFormatLineBytes = 16 << 10;
constexpr size_t kMaxParameters = 64;
constexpr int64_t kMaxClockRate = 1'000'000;
constexpr int64_t kMaxChannels = 8;
constexpr double kMaxFrameRate = 1000;
constexpr int64_t kMaxDimension = 65535;
constexpr int kVideoClockRate = 90'000;
constexpr int kAudioClockRate = 8000;
constexpr int kFirstDynamicType = 96;

struct StaticType {
  int payload_type;
  const char* name;
  int clock_rate;
  int channels;
};

// RFC 3551, 6. Type 2 was G726-32 before it was withdrawn; cameras still use it.
constexpr StaticType kStaticTypes[] = {
    {0, "PCMU", 8000, 1},   {2, "G726-32", 8000, 1}, {3, "GSM", 8000, 1},    {4, "G723", 8000, 1},
    {5, "DVI4", 8000, 1},   {6, "DVI4", 16000, 1},   {7, "LPC", 8000, 1},    {8, "PCMA", 8000, 1},
    {9, "G722", 8000, 1},   {10, "L16", 44100, 2},   {11, "L16", 44100, 1},  {12, "QCELP", 8000, 1},
    {13, "CN", 8000, 1},    {14, "MPA", 90000, 1},   {15, "G728", 8000, 1},  {16, "DVI4", 11025, 1},
    {17, "DVI4", 22050, 1}, {18, "G729", 8000, 1},   {25, "CELB", 90000, 1}, {26, "JPEG", 90000, 1},
    {28, "NV", 90000, 1},   {31, "H261", 90000, 1},  {32, "MPV", 90000, 1},  {33, "MP2T", 90000, 1},
    {34, "H263", 90000, 1},
};

// The attribute of a payload type, and the section that it is in. Section 0 is the session's.
struct FormatLine {
  size_t section = 0;
  int payload_type = -1;
  std::string_view value;
};

// Removes the text up to the end of its first number, and returns that number.
std::optional<int64_t> TakeNumber(std::string_view& text, int64_t max) {
  while (!text.empty() && !IsDigit(text.front())) text.remove_prefix(1);
  const auto number = LeadingNumber(text, max);
  while (!text.empty() && IsDigit(text.front())) text.remove_prefix(1);
  return number;
}

// Reads "1280,720", "1280-720" and "1280x720".
void ParseDimensions(std::string_view text, Media* media) {
  const auto width = TakeNumber(text, kMaxDimension);
  const auto height = TakeNumber(text, kMaxDimension);
  if (!width || !height || *width == 0 || *height == 0 || media->width > 0) return;
  media->width = static_cast<int>(*width);
  media->height = static_cast<int>(*height);
}

// Reads "25", "29.97" and "30000/1001". 0: the text is none of these.
double ParseFrameRate(std::string_view text) {
  std::string_view denominator = text;
  const auto parse = [](std::string_view number) {
    double value = 0;
    number = Trim(number);
    const auto result = std::from_chars(number.data(), number.data() + number.size(), value, std::chars_format::fixed);
    return result.ec == std::errc() ? value : 0.0;
  };
  double rate = parse(TakeUntil(denominator, '/'));
  if (!denominator.empty()) rate = parse(denominator) > 0 ? rate / parse(denominator) : 0;
  return rate > 0 && rate <= kMaxFrameRate ? rate : 0;
}

struct Group {
  std::string address;
  int ttl = 0;
};

// The multicast group of a c= line; empty when the address is not multicast. Only the last word counts, because some
// cameras leave out the address or its type ("c=IN", "c=IN 10.0.0.1").
Group ParseConnection(std::string_view text) {
  std::string_view last;
  for (std::string_view word = TakeWord(text); !word.empty(); word = TakeWord(text)) last = word;
  const std::string address(TakeUntil(last, '/'));
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, address.c_str(), &v4) == 1) {
    if (ntohl(v4.s_addr) >> 28 != 14) return {};
    return {address, static_cast<int>(LeadingNumber(last, 255).value_or(0))};
  }
  if (inet_pton(AF_INET6, address.c_str(), &v6) == 1 && v6.s6_addr[0] == 0xff) return {address, 0};
  return {};
}

bool IsDirection(std::string_view name) {
  return name == "sendonly" || name == "recvonly" || name == "sendrecv" || name == "inactive";
}

// Adds the pairs of "key=value; key=value". The first value of a key counts, unless it is empty.
void ParseParameters(std::string_view text, std::map<std::string, std::string>* parameters) {
  while (!text.empty() && parameters->size() < kMaxParameters) {
    std::string_view value = Trim(TakeUntil(text, ';'));
    const std::string key = Lower(Trim(TakeUntil(value, '=')));
    if (key.empty()) continue;
    std::string& kept = (*parameters)[key];
    if (kept.empty()) kept = std::string(Trim(value));
  }
}

// Reads "H264/90000" and "PCMU/8000/2". A clock rate that is missing or wrong becomes the usual one of the kind.
void ParseRtpmap(std::string_view text, const std::string& kind, Format* format) {
  format->name = Upper(Trim(TakeUntil(text, '/')));
  const auto clock_rate = LeadingNumber(Trim(TakeUntil(text, '/')), kMaxClockRate);
  const auto channels = LeadingNumber(Trim(text), kMaxChannels);
  format->clock_rate = static_cast<int>(clock_rate.value_or(0));
  if (format->clock_rate == 0) format->clock_rate = kind == "audio" ? kAudioClockRate : kVideoClockRate;
  format->channels = std::max(1, static_cast<int>(channels.value_or(1)));
  if (format->name == "OPUS") {
    // RFC 7587, 4.1: always these, whatever the camera writes.
    format->clock_rate = 48'000;
    format->channels = 2;
  }
}

class Parser {
 public:
  SessionDescription Parse(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find_first_of("\r\n"), text.size());
      ParseLine(Trim(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    Finish();
    return std::move(session_);
  }

 private:
  // What the parser knows about a section in addition to the media itself.
  struct Section {
    std::vector<int> payload_types;
    std::string direction;  // of the section itself
  };

  void ParseLine(std::string_view line) {
    if (line.size() < 2 || line[1] != '=') return;
    const std::string_view value = Trim(line.substr(2));
    switch (LowerChar(line[0])) {
      case 'm':
        ParseMedia(value);
        break;
      case 'a':
        ParseAttribute(value);
        break;
      case 'c':
        ParseConnectionLine(value);
        break;
      default:
        break;
    }
  }

  // "video 0 RTP/AVP 96 98". Everything after the kind may be missing or wrong.
  void ParseMedia(std::string_view text) {
    skipping_ = session_.media.size() >= kMaxMedia;
    if (skipping_) return;
    Media& media = session_.media.emplace_back();
    Section& section = sections_.emplace_back();
    std::string_view kind = TakeWord(text);
    media.kind = Lower(TakeUntil(kind, '/'));  // "application/TP-LINK"
    media.port = static_cast<int>(LeadingNumber(TakeWord(text), 65535).value_or(0));
    for (std::string_view word = TakeWord(text); !word.empty(); word = TakeWord(text)) {
      const auto payload_type = LeadingNumber(word, 127);
      if (!IsDigit(word.front())) {
        if (media.protocol.empty()) media.protocol = Upper(word);
      } else if (payload_type && std::all_of(word.begin(), word.end(), IsDigit)) {
        AddPayloadType(static_cast<int>(*payload_type), &section);
      }
    }
    media.encrypted = media.protocol.find("SAVP") != std::string::npos;
  }

  static void AddPayloadType(int payload_type, Section* section) {
    auto& types = section->payload_types;
    if (types.size() >= kMaxFormats || std::find(types.begin(), types.end(), payload_type) != types.end()) return;
    types.push_back(payload_type);
  }

  void ParseConnectionLine(std::string_view text) {
    if (skipping_) return;
    Group group = ParseConnection(text);
    if (group.address.empty()) return;
    if (session_.media.empty()) {
      group_ = group;
    } else {
      session_.media.back().multicast_address = group.address;
      session_.media.back().multicast_ttl = group.ttl;
    }
  }

  void ParseAttribute(std::string_view text) {
    if (skipping_) return;
    // Some cameras write "a=framerate=25".
    const size_t end = std::min(text.find_first_of(":="), text.size());
    const std::string name = Lower(Trim(text.substr(0, end)));
    const std::string_view value = Trim(text.substr(std::min(end + 1, text.size())));
    if (name == "rtpmap") {
      AddFormatLine(value, &rtpmaps_);
    } else if (name == "fmtp") {
      AddFormatLine(value, &fmtps_);
    } else if (name == "control") {
      std::string& control = session_.media.empty() ? session_.control : session_.media.back().control;
      if (control.empty()) control = std::string(value);
    } else if (name == "range") {
      if (session_.range.empty()) session_.range = std::string(value);
    } else if (IsDirection(name)) {
      (session_.media.empty() ? direction_ : sections_.back().direction) = name;
    } else if (!session_.media.empty()) {
      ParseMediaAttribute(name, value, &session_.media.back());
    } else if (name == "crypto" || name == "key-mgmt") {
      encrypted_ = true;
    } else {
      ParseMediaAttribute(name, value, &defaults_);
    }
  }

  static void ParseMediaAttribute(const std::string& name, std::string_view value, Media* media) {
    if (name == "framerate" || name == "x-framerate") {
      const double rate = ParseFrameRate(value);
      if (rate > 0) media->frame_rate = rate;  // Hikvision writes "0S" first and the rate later
    } else if (name == "x-dimensions") {
      ParseDimensions(value, media);
    } else if (name == "framesize") {
      std::string_view dimensions = value;
      TakeWord(dimensions);  // the payload type
      ParseDimensions(dimensions, media);
    } else if (name == "crypto" || name == "key-mgmt") {
      media->encrypted = true;
    }
  }

  void AddFormatLine(std::string_view text, std::vector<FormatLine>* lines) {
    const auto payload_type = LeadingNumber(TakeWord(text), 127);
    if (!payload_type || lines->size() >= kMaxFormatLines || text.size() > kMaxFormatLineBytes) return;
    lines->push_back({session_.media.size(), static_cast<int>(*payload_type), Trim(text)});
  }

  void Finish() {
    for (size_t i = 0; i < session_.media.size(); ++i) {
      Media& media = session_.media[i];
      media.direction = sections_[i].direction.empty() ? direction_ : sections_[i].direction;
      media.encrypted = media.encrypted || encrypted_;
      if (media.multicast_address.empty()) {
        media.multicast_address = group_.address;
        media.multicast_ttl = group_.ttl;
      }
      if (media.kind == "video") {
        if (media.frame_rate <= 0) media.frame_rate = defaults_.frame_rate;
        if (media.width == 0) media.width = defaults_.width, media.height = defaults_.height;
      }
      AddFormats(i);
    }
    for (size_t i = 0; i < session_.media.size(); ++i) session_.media[i].back_channel = IsBackChannel(i);
  }

  // The formats of a section: those of its m= line that have a name. When none has one, the section's own rtpmap lines
  // count, both under their own payload types and under those of the m= line.
  void AddFormats(size_t index) {
    Media& media = session_.media[index];
    const Section& section = sections_[index];
    for (const int payload_type : section.payload_types) {
      Format format = MakeFormat(payload_type, FindLine(rtpmaps_, index, payload_type), media.kind);
      if (format.name.empty()) continue;
      AddParameters(index, payload_type, &format);
      media.formats.push_back(std::move(format));
    }
    if (!media.formats.empty()) return;
    for (const FormatLine& line : rtpmaps_) {
      if (line.section != index + 1) continue;
      Section types = section;
      AddPayloadType(line.payload_type, &types);
      for (const int payload_type : types.payload_types) {
        if (media.formats.size() >= kMaxFormats) return;
        Format format = MakeFormat(payload_type, &line, media.kind);
        AddParameters(index, line.payload_type, &format);
        if (!format.name.empty()) media.formats.push_back(std::move(format));
      }
      return;
    }
  }

  static Format MakeFormat(int payload_type, const FormatLine* rtpmap, const std::string& kind) {
    Format format;
    format.payload_type = payload_type;
    if (rtpmap != nullptr) {
      ParseRtpmap(rtpmap->value, kind, &format);
      return format;
    }
    for (const StaticType& known : kStaticTypes) {
      if (known.payload_type != payload_type) continue;
      format.name = known.name;
      format.clock_rate = known.clock_rate;
      format.channels = known.channels;
    }
    return format;
  }

  // The first line of a payload type in its own section, else, for a dynamic type, in a section that does not list that
  // type itself. nullptr: none.
  const FormatLine* FindLine(const std::vector<FormatLine>& lines, size_t index, int payload_type) const {
    const FormatLine* foreign = nullptr;
    for (const FormatLine& line : lines) {
      if (line.payload_type != payload_type) continue;
      if (line.section == index + 1) return &line;
      if (foreign == nullptr && payload_type >= kFirstDynamicType && !Lists(line.section, payload_type))
        foreign = &line;
    }
    return foreign;
  }

  bool Lists(size_t section, int payload_type) const {
    if (section == 0) return false;
    const auto& types = sections_[section - 1].payload_types;
    return std::find(types.begin(), types.end(), payload_type) != types.end();
  }

  void AddParameters(size_t index, int payload_type, Format* format) const {
    bool has_own = false;
    for (const FormatLine& line : fmtps_) {
      if (line.section != index + 1 || line.payload_type != payload_type) continue;
      ParseParameters(line.value, &format->fmtp);
      has_own = true;
    }
    const FormatLine* foreign = has_own ? nullptr : FindLine(fmtps_, index, payload_type);
    if (foreign != nullptr) ParseParameters(foreign->value, &format->fmtp);
  }

  // ONVIF streaming, 5.3: a back channel is an audio track that the camera marks "sendonly", from the client's point of
  // view. The direction alone is not enough: some cameras mark all their tracks sendonly, from their own point of view
  // (CV-RTSPHandler its video, FRITZ!Box its transport stream, others their metadata). So an audio track is a back
  // channel when its own section says "sendonly" and one of these holds:
  // - its control names a back channel ("audioback", "backchannel", "talk");
  // - there is another audio track that is not sendonly: that is the ordinary one;
  // - a video track says "recvonly": this camera writes directions from the client's point of view.
  // Video and application tracks are never back channels.
  bool IsBackChannel(size_t index) const {
    const Media& media = session_.media[index];
    if (media.kind != "audio" || sections_[index].direction != "sendonly") return false;
    const std::string control = Lower(LastPart(media.control));
    for (const char* tag : {"backchannel", "back_channel", "audioback", "audio_back", "talk"}) {
      if (control.find(tag) != std::string::npos) return true;
    }
    for (size_t i = 0; i < session_.media.size(); ++i) {
      const std::string& direction = sections_[i].direction;
      if (session_.media[i].kind == "audio" && direction != "sendonly") return true;
      if (session_.media[i].kind == "video" && direction == "recvonly") return true;
    }
    return false;
  }

  // What follows the last '/': the rest of a control may be the name of the stream.
  static std::string_view LastPart(std::string_view control) {
    const size_t slash = control.rfind('/');
    return slash == std::string_view::npos ? control : control.substr(slash + 1);
  }

  SessionDescription session_;
  std::vector<Section> sections_;  // one for each of session_.media
  std::vector<FormatLine> rtpmaps_;
  std::vector<FormatLine> fmtps_;
  std::string direction_;  // of the session
  Media defaults_;         // video attributes of the session
  Group group_;
  bool encrypted_ = false;
  bool skipping_ = false;  // after the last media that is kept
};

}  // namespace

SessionDescription ParseSdp(std::string_view text) { return Parser().Parse(text); }

}  // namespace chrys::rtsp
