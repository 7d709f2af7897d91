// Session descriptions of cameras, good and bad: `sdp_test`. A test that names a camera uses the description of that
// camera.
#include "rtsp/sdp.h"

#include <doctest/doctest.h>

#include <string>

using namespace chrys;
using namespace chrys::rtsp;

namespace {

constexpr char kHead[] = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";

bool Is(const Format& format, int payload_type, const std::string& name, int clock_rate, int channels = 1) {
  return format.payload_type == payload_type && format.name == name && format.clock_rate == clock_rate &&
         format.channels == channels;
}

// Whether the media has exactly this format.
bool Only(const Media& media, int payload_type, const std::string& name, int clock_rate, int channels = 1) {
  return media.formats.size() == 1 && Is(media.formats[0], payload_type, name, clock_rate, channels);
}

std::string Parameter(const Media& media, const std::string& key) {
  if (media.formats.empty()) return "";
  const auto found = media.formats[0].fmtp.find(key);
  return found == media.formats[0].fmtp.end() ? "" : found->second;
}

// Parses a description, which must have `media` sections.
SessionDescription Parse(const std::string& text, size_t media) {
  SessionDescription description = ParseSdp(text);
  CHECK(description.media.size() == media);
  description.media.resize(media);
  return description;
}

TEST_CASE("an ordinary description is read (Reolink)") {
  const auto sdp = Parse(
      "v=0\r\no=- 1619813458434609 1 IN IP4 192.168.5.206\r\ns=Session streamed by "
      "\"preview\"\r\ni=h264Preview_01_main\r\n"
      "t=0 0\r\na=control:*\r\na=type:broadcast\r\na=range:npt=0-\r\nm=video 0 RTP/AVP 96\r\nc=IN IP4 "
      "0.0.0.0\r\nb=AS:500\r\n"
      "a=rtpmap:96 H264/90000\r\na=range:npt=0-\r\na=fmtp:96 packetization-mode=1;profile-level-id=640033;"
      "sprop-parameter-sets=Z2QAM6zoAoALWQ==,aO48MA==\r\na=control:trackID=1\r\nm=audio 0 RTP/AVP 97\r\n"
      "a=rtpmap:97 MPEG4-GENERIC/16000\r\na=fmtp:97 "
      "streamtype=5;profile-level-id=15;mode=AAC-hbr;sizeLength=13;config=1408; "
      "profile=1;\r\na=control:trackID=2\r\n",
      2);
  CHECK(sdp.control == "*");
  CHECK(sdp.range == "npt=0-");
  const Media& video = sdp.media[0];
  CHECK(video.kind == "video");
  CHECK(video.protocol == "RTP/AVP");
  CHECK(video.port == 0);
  CHECK(video.control == "trackID=1");
  CHECK(Only(video, 96, "H264", 90000));
  CHECK(Parameter(video, "sprop-parameter-sets") == "Z2QAM6zoAoALWQ==,aO48MA==");
  REQUIRE(video.direction.empty());
  CHECK(!video.back_channel);
  CHECK(!video.encrypted);
  CHECK(video.multicast_address.empty());
  const Media& audio = sdp.media[1];
  CHECK(Only(audio, 97, "MPEG4-GENERIC", 16000));
  CHECK(Parameter(audio, "sizelength") == "13");
  CHECK(Parameter(audio, "config") == "1408");
  CHECK(Parameter(audio, "profile") == "1");
  CHECK(audio.control == "trackID=2");
}

TEST_CASE("all line ends and blanks are accepted") {
  for (const std::string end : {"\r\n", "\n", "\r", " \r\n", "\r\n\r\n", "\t\n "}) {
    const auto sdp =
        Parse("v=0" + end + "m=video 0 RTP/AVP 96" + end + "a=rtpmap:96 H264/90000" + end + "a=control:track1", 1);
    CHECK(Only(sdp.media[0], 96, "H264", 90000));
    CHECK(sdp.media[0].control == "track1");
  }
}

TEST_CASE("three lines are enough") {
  const auto sdp = Parse("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n", 1);
  CHECK(Only(sdp.media[0], 96, "H264", 90000));
  CHECK(sdp.media[0].control == "trackID=0");
}

TEST_CASE("only formats that the media line lists are taken") {
  const auto two = Parse("m=video 0 RTP/AVP 98 96\r\na=rtpmap:96 H264/90000\r\na=rtpmap:98 H265/90000\r\n", 1);
  CHECK(two.media[0].formats.size() == 2);
  CHECK(Is(two.media[0].formats.front(), 98, "H265", 90000));
  CHECK(Is(two.media[0].formats.back(), 96, "H264", 90000));
  const auto unnamed = Parse("m=video 0 RTP/AVP 98 96\r\na=rtpmap:96 H264/90000\r\n", 1);
  CHECK(Only(unnamed.media[0], 96, "H264", 90000));
  const auto orphan = Parse("m=video 0 RTP/AVP 96\r\na=rtpmap:102 H265/90000\r\na=rtpmap:96 H264/90000\r\n", 1);
  CHECK(Only(orphan.media[0], 96, "H264", 90000));
}

TEST_CASE("formats that the media line does not list are named") {
  for (const char* line : {"m=video 0 RTP/AVP\r\n", "m=video\r\n", "m=video 0 RTP/AVP x\r\n"}) {
    const auto sdp = Parse(std::string(line) + "a=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\n", 1);
    CHECK(Only(sdp.media[0], 97, "H264", 90000));
    CHECK(Parameter(sdp.media[0], "packetization-mode") == "1");
  }
  // The numbers of the two lines differ: the camera may send either.
  const auto other = Parse("m=video 0 RTP/AVP 96\r\na=rtpmap:97 H264/90000\r\n", 1);
  REQUIRE(other.media[0].formats.size() == 2);
  CHECK(Is(other.media[0].formats.front(), 96, "H264", 90000));
  CHECK(Is(other.media[0].formats.back(), 97, "H264", 90000));
}

TEST_CASE("format lines are found in other sections") {
  // go2rtc's WebRTC issue 419: the fmtp of the video comes after the audio.
  const auto swapped = Parse(
      "v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track0\r\nm=audio 0 RTP/AVP 8\r\n"
      "a=rtpmap:0 pcma/8000/1\r\na=control:track1\r\na=framerate:25\r\na=fmtp:96 "
      "packetization-mode=1;profile-level-id=64001F\r\n",
      2);
  CHECK(Only(swapped.media[0], 96, "H264", 90000));
  CHECK(Parameter(swapped.media[0], "profile-level-id") == "64001F");
  CHECK(Only(swapped.media[1], 8, "PCMA", 8000));
  CHECK(Parameter(swapped.media[1], "packetization-mode").empty());
  const auto before = Parse("v=0\r\na=rtpmap:96 H265/90000\r\na=fmtp:96 sprop-vps=a\r\nm=video 0 RTP/AVP 96\r\n", 1);
  CHECK(Only(before.media[0], 96, "H265", 90000));
  CHECK(Parameter(before.media[0], "sprop-vps") == "a");
  // VLC gives both tracks the number 96.
  const auto same = Parse(
      "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 mpeg4-generic/22050\r\na=fmtp:96 config=1388\r\nm=video 0 RTP/AVP 96\r\n"
      "a=rtpmap:96 H264/90000\r\n",
      2);
  CHECK(Only(same.media[0], 96, "MPEG4-GENERIC", 22050));
  CHECK(Only(same.media[1], 96, "H264", 90000));
  CHECK(Parameter(same.media[1], "config").empty());
}

TEST_CASE("static payload types are known") {
  const auto sdp = Parse(
      "m=audio 0 RTP/AVP 0 2 8 9 10 11 14\r\nm=video 0 RTP/AVP 26 33\r\nm=audio 0 RTP/AVP 8\r\na=rtpmap:8 "
      "PCMU/8000/1\r\n",
      3);
  const auto& audio = sdp.media[0].formats;
  CHECK(audio.size() == 7);
  if (audio.size() == 7) {
    CHECK(Is(audio[0], 0, "PCMU", 8000));
    CHECK(Is(audio[1], 2, "G726-32", 8000));
    CHECK(Is(audio[2], 8, "PCMA", 8000));
    CHECK(Is(audio[3], 9, "G722", 8000));
    CHECK(Is(audio[4], 10, "L16", 44100, 2));
    CHECK(Is(audio[5], 11, "L16", 44100));
    CHECK(Is(audio[6], 14, "MPA", 90000));
  }
  REQUIRE(sdp.media[1].formats.size() == 2);
  CHECK(Is(sdp.media[1].formats[0], 26, "JPEG", 90000));
  // GW Security: rtpmap wins.
  CHECK(Only(sdp.media[2], 8, "PCMU", 8000));
}

TEST_CASE("odd rtpmaps are read") {
  const auto name_only = Parse("m=video 0 RTP/AVP 96 98\r\na=rtpmap:96 H264\r\na=rtpmap:98 MetaData\r\n", 1);
  REQUIRE(name_only.media[0].formats.size() == 2);
  CHECK(Is(name_only.media[0].formats[0], 96, "H264", 90000));
  const auto zero = Parse("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 PCMU/0/99\r\n", 1);
  CHECK(Only(zero.media[0], 97, "PCMU", 8000));
  const auto channels = Parse("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 L16/44100/9\r\n", 1);
  CHECK(Only(channels.media[0], 97, "L16", 44100));
  const auto spaces = Parse("m=video 0 RTP/AVP 96\r\na = rtpmap:96 H264/90000\r\na=rtpmap: 96  H264 / 90000 \r\n", 1);
  CHECK(Only(spaces.media[0], 96, "H264", 90000));
  const auto opus = Parse("m=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/16000/1\r\n", 1);
  CHECK(Only(opus.media[0], 97, "OPUS", 48000, 2));
  const auto bosch = Parse("m=video 0 RTP/AVP 35\r\na=rtpmap:35 H264/90000\r\n", 1);
  CHECK(Only(bosch.media[0], 35, "H264", 90000));
  const auto bzbgear = Parse("m=meta 0 RTP/AVP 123\r\na=rtpmap:123 META /0\r\n", 1);
  CHECK(Only(bzbgear.media[0], 123, "META", 90000));
  const auto hikvision = Parse("m=audio 0 RTP/AVP 11\r\na=rtpmap:11 PCM/48000\r\n", 1);
  CHECK(Only(hikvision.media[0], 11, "PCM", 48000));
}

TEST_CASE("odd fmtps are read") {
  // Ubiquiti: a payload type and nothing else.
  const auto empty = Parse("m=audio 0 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96\r\n", 1);
  CHECK(Only(empty.media[0], 96, "OPUS", 48000, 2));
  CHECK(empty.media[0].formats[0].fmtp.empty());
  const auto sdp = Parse(
      "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 ;; sprop-parameter-sets = ; flag;=x; A=b=c==\r\n"
      "a=fmtp:96 sprop-parameter-sets=Zw==,aA==;a=other\r\n",
      1);
  CHECK(Parameter(sdp.media[0], "sprop-parameter-sets") == "Zw==,aA==");
  CHECK(Parameter(sdp.media[0], "a") == "b=c==");
  CHECK(sdp.media.at(0).formats.at(0).fmtp.count("flag") == 1);
  CHECK(sdp.media[0].formats[0].fmtp.count("") == 0);
}

TEST_CASE("broken connection lines are read") {
  for (const char* c :
       {"c=IN", "c=IN ", "c=", "c=IN IP4", "c=IN 192.168.4.27", "c=IN c=IN IP4 0.0.0.0", "c=In IPV4 0.0.0.0",
        "c=IN IP4 movie.example.com", "c=IN IP4 223.255.255.255/5", "c=IN IP6 fe80::1"}) {
    const auto sdp =
        Parse(std::string("o=- 1001 1 IN\r\nm=video 0 RTP/AVP 96\r\n") + c + "\r\na=rtpmap:96 H264/90000\r\n", 1);
    CHECK(Only(sdp.media[0], 96, "H264", 90000));
    CHECK(sdp.media[0].multicast_address.empty());
  }
}

TEST_CASE("multicast groups are read") {
  const auto sdp = Parse(
      "c=IN IP4 239.3.1.142/127\r\nm=video 8048/2 MP2T/AVP 33\r\nm=audio 49170 RTP/AVP 0\r\nc=IN IP6 FF15::101/3\r\n",
      2);
  CHECK(sdp.media[0].multicast_address == "239.3.1.142");
  CHECK(sdp.media[0].multicast_ttl == 127);
  CHECK(sdp.media[0].port == 8048);
  CHECK(sdp.media[0].protocol == "MP2T/AVP");
  CHECK(Only(sdp.media[0], 33, "MP2T", 90000));
  CHECK(sdp.media[1].multicast_address == "FF15::101");
  CHECK(sdp.media[1].multicast_ttl == 0);
  CHECK(sdp.media[1].port == 49170);
}

TEST_CASE("rate and size are read") {
  const auto hikvision =
      Parse("m=video 0 RTP/AVP 96\r\na=framerate:0S\r\na=framerate:25\r\na=framesize:96 1280-720\r\n", 1);
  CHECK(hikvision.media[0].frame_rate == 25);
  CHECK(hikvision.media[0].width == 1280);
  CHECK(hikvision.media[0].height == 720);
  const auto anjvision = Parse("m=video 0 RTP/AVP 96\r\na=x-dimensions: 1280, 720\r\na=x-framerate: 5\r\n", 1);
  CHECK(anjvision.media[0].frame_rate == 5);
  CHECK(anjvision.media[0].width == 1280);
  CHECK(anjvision.media[0].height == 720);
  const auto equals = Parse("m=video 0 RTP/AVP 96\r\na=framerate=25.0\r\n", 1);
  CHECK(equals.media[0].frame_rate == 25);
  const auto fraction = Parse("a=x-dimensions:1920,1080\r\nm=video 0 RTP/AVP 96\r\na=framerate:30000/1001\r\n", 1);
  CHECK(fraction.media[0].frame_rate > 29.96);
  CHECK(fraction.media[0].frame_rate < 29.98);
  CHECK(fraction.media[0].width == 1920);
  for (const char* rate : {"-5", "1e9", "nan", "inf", "1001", "5/0", "/", ""}) {
    CHECK(Parse(std::string("m=video 0 RTP/AVP 96\r\na=framerate:") + rate + "\r\n", 1).media[0].frame_rate <= 1);
  }
  for (const char* size : {"1280", "0,720", "99999999999,5", "", "x"}) {
    CHECK(Parse(std::string("m=video 0 RTP/AVP 96\r\na=x-dimensions:") + size + "\r\n", 1).media[0].width == 0);
  }
}

TEST_CASE("unknown media are read (TP-Link)") {
  const auto sdp = Parse(
      "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\nm=application/TP-LINK 0 RTP/AVP smart/1/90000\r\n"
      "a=rtpmap:95 TP-LINK/90000\r\na=control:track3\r\nm=vana 0 RTP/AVP 108\r\na=rtpmap:108 "
      "video.analysis/90000/500\r\n",
      3);
  CHECK(sdp.media[1].kind == "application");
  CHECK(sdp.media[1].protocol == "RTP/AVP");
  CHECK(sdp.media[1].control == "track3");
  CHECK(sdp.media[2].kind == "vana");
  CHECK(Only(sdp.media[2], 108, "VIDEO.ANALYSIS", 90000));
}

TEST_CASE("encryption is recognized") {
  const auto sdp = Parse(
      "m=video 0 RTP/SAVP 96\r\nm=audio 0 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x\r\nm=audio 0 "
      "RTP/AVP 0\r\n",
      3);
  CHECK(sdp.media[0].encrypted);
  CHECK(sdp.media[1].encrypted);
  CHECK(!sdp.media[2].encrypted);
  CHECK(Parse("a=key-mgmt:mikey AAAA\r\nm=video 0 RTP/AVP 96\r\n", 1).media[0].encrypted);
}

TEST_CASE("back channels are found") {
  const auto onvif = Parse(
      "m=video 0 RTP/AVP 26\r\na=control:rtsp://192.168.0.1/video\r\na=recvonly\r\nm=audio 0 RTP/AVP 0\r\n"
      "a=control:rtsp://192.168.0.1/audio\r\na=recvonly\r\nm=audio 0 RTP/AVP "
      "0\r\na=control:rtsp://192.168.0.1/audioback\r\n"
      "a=rtpmap:0 PCMU/8000\r\na=sendonly\r\n",
      3);
  CHECK(!onvif.media[0].back_channel);
  CHECK(!onvif.media[1].back_channel);
  CHECK(onvif.media[2].back_channel);
  CHECK(onvif.media[1].direction == "recvonly");
  CHECK(onvif.media[2].direction == "sendonly");
  // Reolink: the control is a number; the other audio track shows which one is the back channel.
  const auto reolink = Parse(
      "m=video 0 RTP/AVP 96\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000\r\nm=audio 0 RTP/AVP 8\r\n"
      "a=control:track3\r\na=sendonly\r\n",
      3);
  CHECK(!reolink.media[1].back_channel);
  CHECK(reolink.media[2].back_channel);
  const auto only =
      Parse("m=video 0 RTP/AVP 96\r\na=recvonly\r\nm=audio 0 RTP/AVP 0\r\na=control:trackID=5\r\na=sendonly\r\n", 2);
  CHECK(only.media[1].back_channel);
  const auto avigilon = Parse(
      "m=audio 0 RTP/AVP 0\r\na=control:rtsp://h/micCfg0/trackID=9?mtu=1440\r\na=recvonly\r\nm=audio 0 RTP/AVP 0 97\r\n"
      "c=IN IP4 192.168.1.63\r\nc=SM SM spk0_trackID2\r\na=control:rtsp://h/spk0/trackID=2?mtu=1440\r\na=sendonly\r\n"
      "a=rtpmap:0 pcmu/8000\r\na=rtpmap:97 opus/48000/2\r\nm=video 0 RTP/AVP 96\r\n",
      3);
  CHECK(!avigilon.media[0].back_channel);
  CHECK(avigilon.media[1].back_channel);
  CHECK(avigilon.media[1].formats.size() == 2);
  const auto uniview = Parse(
      "m=audio 0 RTP/AVP 0\r\na=control:rtsp://1.0.1.113/media/video2/backchannel\r\na=rtpmap:0 PCMA/8000\r\n"
      "a=rtpmap:0 PCMU/8000\r\na=sendonly\r\n",
      1);
  CHECK(uniview.media[0].back_channel);
  CHECK(Only(uniview.media[0], 0, "PCMA", 8000));
}

TEST_CASE("ordinary tracks that are marked sendonly are taken") {
  const auto handler = Parse(
      "o=CV-RTSPHandler 1 0 IN IP4 192.168.1.22\r\nm=video 0 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n"
      "a=sendonly\r\nm=audio 0 RTP/AVP 127\r\na=rtpmap:127 mpeg4-generic/8000/1\r\n",
      2);
  CHECK(!handler.media[0].back_channel);
  CHECK(!handler.media[1].back_channel);
  const auto all = Parse(
      "m=video 0 RTP/AVP 96\r\na=sendonly\r\nm=audio 0 RTP/AVP 0\r\na=sendonly\r\n"
      "m=application 0 RTP/AVP 106\r\na=sendonly\r\n",
      3);
  for (const Media& media : all.media) CHECK((!media.back_channel && media.direction == "sendonly"));
  const auto session = Parse("a=sendonly\r\nm=video 0 RTP/AVP 96\r\nm=audio 0 RTP/AVP 0\r\n", 2);
  CHECK(!session.media[1].back_channel);
  CHECK(session.media[1].direction == "sendonly");
  const auto fritzbox =
      Parse("m=video 0 RTP/AVP 33\nc=In IP4 0.0.0.0\na=control:stream=1\na=fmtp:33 ver=1.2;src=1\na=sendonly\n", 1);
  CHECK(!fritzbox.media[0].back_channel);
  CHECK(Only(fritzbox.media[0], 33, "MP2T", 90000));
}

TEST_CASE("the first of repeated attributes counts") {
  const auto sdp =
      Parse(std::string(kHead) +
                "s=again\r\na=control:*\r\na=control:rtsp://h/other\r\nm=video 0 RTP/AVP 96\r\n"
                "s=RtspServer\r\ni=live\r\na=control:track0\r\na=rtpmap:96 H264/90000\r\na=control:track9\r\n",
            1);
  CHECK(sdp.control == "*");
  CHECK(sdp.media[0].control == "track0");
}

TEST_CASE("what is kept is bounded") {
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:" + std::to_string(i) + "\r\n";
  const auto sdp = ParseSdp(many);
  REQUIRE(sdp.media.size() == 32);
  CHECK(sdp.media.back().control == "31");
  std::string formats = "m=audio 0 RTP/AVP";
  for (int i = 0; i < 128; ++i) formats += " " + std::to_string(i) + " " + std::to_string(i);
  for (int i = 0; i < 128; ++i) formats += "\r\na=rtpmap:" + std::to_string(i) + " PCMU/8000";
  CHECK(Parse(formats, 1).media[0].formats.size() == 32);
  const auto lines =
      Parse("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 a=" + std::string(100'000, 'a') + "\r\n", 1);
  REQUIRE(lines.media[0].formats.size() == 1);
  CHECK(lines.media[0].formats[0].fmtp.empty());
  for (const char* text :
       {"", "m", "m=", "a=", "a=:", "a=rtpmap:", "a=rtpmap:999 x", "m=\r\na=rtpmap:0", "=\r\n==", "c=/"}) {
    CHECK(ParseSdp(text).media.size() <= 1);
  }
}

}  // namespace
