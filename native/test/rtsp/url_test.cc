// RTSP URLs and control values as cameras write them: `url_test`.
#include "rtsp/url.h"
#include "expect.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

void ReadsHostPortAndRequest() {
  const auto plain = ParseUrl("rtsp://Camera.local/live?x=1");
  EXPECT(plain && !plain->tls && plain->host == "Camera.local" && plain->port == 554 && !plain->has_user);
  EXPECT(plain && plain->request == "rtsp://Camera.local/live?x=1");
  const auto tls = ParseUrl("RTSPS://10.0.0.1");
  EXPECT(tls && tls->tls && tls->port == 322 && tls->request == "rtsps://10.0.0.1");
  const auto port = ParseUrl("rtsp://h:8554/a");
  EXPECT(port && port->port == 8554 && port->request == "rtsp://h:8554/a");
  const auto query = ParseUrl("rtsp://h?mail=a@b/c");
  EXPECT(query && query->host == "h" && !query->has_user);
  const auto no_port = ParseUrl("rtsp://h:/a");
  EXPECT(no_port && no_port->port == 554);
  const auto odd = ParseUrl("rtsp://h/a b\"\xc3\xa4\r\n");
  EXPECT(odd && odd->request == "rtsp://h/a%20b%22%C3%A4");
}

void ReadsCredentials() {
  const auto encoded = ParseUrl("rtsp://ad%40min%2Fx:p%40ss%3Aw%2Fo%3Fr%23d%2541+&=;%C3%A4@127.0.0.1:554/cam");
  EXPECT(encoded && encoded->has_user && encoded->user == "ad@min/x");
  EXPECT(encoded && encoded->password == "p@ss:w/o?r#d%41+&=;\xc3\xa4");
  EXPECT(encoded && encoded->request == "rtsp://127.0.0.1:554/cam");
  const auto user_only = ParseUrl("rtsp://admin@h/");
  EXPECT(user_only && user_only->has_user && user_only->user == "admin" && user_only->password.empty());
  const auto empty = ParseUrl("rtsp://admin:@h/");
  EXPECT(empty && empty->has_user && empty->user == "admin" && empty->password.empty());
  const auto no_user = ParseUrl("rtsp://:secret@h/");
  EXPECT(no_user && no_user->has_user && no_user->user.empty() && no_user->password == "secret");
  const auto raw_at = ParseUrl("rtsp://admin:p@ss@h/");
  EXPECT(raw_at && raw_at->password == "p@ss" && raw_at->host == "h");
  const auto percent = ParseUrl("rtsp://admin:100%@h/");
  EXPECT(percent && percent->password == "100%");
  const auto none = ParseUrl("rtsp://@h/");
  EXPECT(none && !none->has_user);
}

void ReadsIpv6() {
  const auto brackets = ParseUrl("rtsp://u:p@[fe80::1%25eth0]:8554/a");
  EXPECT(brackets && brackets->host == "fe80::1%eth0" && brackets->port == 8554);
  EXPECT(brackets && brackets->request == "rtsp://[fe80::1%25eth0]:8554/a");
  const auto no_port = ParseUrl("rtsp://[::1]/a");
  EXPECT(no_port && no_port->host == "::1" && no_port->port == 554);
  const auto bare = ParseUrl("rtsp://::ffff:192.168.1.123/a");
  EXPECT(bare && bare->host == "::ffff:192.168.1.123" && bare->port == 554);
}

void RefusesWhatIsNoRtspUrl() {
  for (const char* text : {"", "rtsp://", "rtsp:///a", "http://h/", "rtsp:/h", "h/a", "rtsp://h:0/", "rtsp://h:65536/",
                           "rtsp://h:5x/", "rtsp://[::1", "rtsp://[::1]x/", "rtsp://u:p@/a", "rtsp://a b/"}) {
    EXPECT(!ParseUrl(text));
  }
}

void ComparesHosts() {
  EXPECT(SameHost(*ParseUrl("rtsp://Cam.local./a"), *ParseUrl("rtsps://cam.LOCAL:1/b")));
  EXPECT(!SameHost(*ParseUrl("rtsp://cam/a"), *ParseUrl("rtsp://cam2/a")));
}

void TakesHostAndPortOfTheRequestForTheBase() {
  const char* request = "rtsp://public:8554/stream?x=1";
  EXPECT(BaseUrl(request, "", "") == request);
  EXPECT(BaseUrl(request, "rtsp://10.255.255.1:554/inner/", "") == "rtsp://public:8554/inner/");
  EXPECT(BaseUrl(request, "", " rtsp://10.255.255.1/location ") == "rtsp://public:8554/location");
  EXPECT(BaseUrl(request, "/inner/", "") == "rtsp://public:8554/inner/");
  EXPECT(BaseUrl(request, "inner/", "") == request);
  EXPECT(BaseUrl(request, "http://10.0.0.1/x", "") == request);
  EXPECT(BaseUrl("rtsps://public/stream", "rtsp://10.0.0.1/inner", "") == "rtsps://public/inner");
}

void UnderstandsOddBases() {
  EXPECT(BaseUrl("rtsp://turret2-cam.lan/stream1", "rtsp://rtsp://turret2-cam.lan:554/stream1/", "") ==
         "rtsp://turret2-cam.lan/stream1/");
  EXPECT(BaseUrl("rtsp://192.168.1.10:554/stream0", "192.168.1.10:554/stream0/", "") ==
         "rtsp://192.168.1.10:554/stream0/");  // Anjvision
  EXPECT(BaseUrl("rtsp://1.2.3.4:1935/a", "192.168.253.220:1935/", "") == "rtsp://1.2.3.4:1935/");
  EXPECT(BaseUrl("rtsp://cam/onvif", "rtsp://::ffff:192.168.1.123/onvif/profile.1/", "") ==
         "rtsp://cam/onvif/profile.1/");
}

void AppendsRelativeControls() {
  EXPECT(JoinControl("rtsp://h/a", "trackID=1") == "rtsp://h/a/trackID=1");
  EXPECT(JoinControl("rtsp://h/a/", "trackID=1") == "rtsp://h/a/trackID=1");
  EXPECT(JoinControl("rtsp://h", "track1") == "rtsp://h/track1");
  EXPECT(JoinControl("rtsp://h/a/", "/track1") == "rtsp://h/a/track1");
  EXPECT(JoinControl("rtsp://h/a", "/track1") == "rtsp://h/a/track1");
  // Dahua: a base with a query is appended to.
  EXPECT(JoinControl("rtsp://h/cam/realmonitor?channel=1&subtype=0", "trackID=0") ==
         "rtsp://h/cam/realmonitor?channel=1&subtype=0/trackID=0");
  EXPECT(JoinControl("rtsp://h/dss/cameraid=1%241%26substream=1?token=7&trackID=0", "trackID=0") ==
         "rtsp://h/dss/cameraid=1%241%26substream=1?token=7&trackID=0/trackID=0");
  // GW Security.
  EXPECT(JoinControl("rtsp://h:5050/H264?channel=1&proto=Onvif", "video") ==
         "rtsp://h:5050/H264?channel=1&proto=Onvif/video");
  EXPECT(JoinControl("rtsp://h/stream", "?ctype=video") == "rtsp://h/stream?ctype=video");
  EXPECT(JoinControl("rtsp://h:554/", "?ctype=video") == "rtsp://h:554/?ctype=video");
  EXPECT(JoinControl("rtsp://h/video/", "video") == "rtsp://h/video/video");
  EXPECT(JoinControl("rtsp://video/a", "video") == "rtsp://video/a/video");
  EXPECT(JoinControl("rtsp://h/a", "track:1") == "rtsp://h/a/track:1");
}

void TakesAbsoluteControlsWithTheHostOfTheBase() {
  const char* base = "rtsp://public:8554/live/";
  EXPECT(JoinControl(base, "rtsp://10.0.0.1/live/trackID=1") == "rtsp://public:8554/live/trackID=1");
  EXPECT(JoinControl(base, "rtsps://10.0.0.1:322/live/trackID=1") == "rtsp://public:8554/live/trackID=1");
  EXPECT(JoinControl(base, "rtsp://rtsp://10.0.0.1/live/t") == "rtsp://public:8554/live/t");
  EXPECT(JoinControl(base, "10.0.0.1:554/live/t") == "rtsp://public:8554/live/t");
  EXPECT(JoinControl("rtsp://cam.lan/live", "Cam.lan/live/t") == "rtsp://cam.lan/live/t");
  EXPECT(JoinControl("rtsp://cam.lan/live", "nvr.lan:554/live/t") == "rtsp://cam.lan/live/t");
  EXPECT(JoinControl(base, "//10.0.0.1/live/t") == "rtsp://public:8554/live/t");
  EXPECT(JoinControl("rtsp://[::1]:8554/live", "rtsp://[fe80::2]/live/t") == "rtsp://[::1]:8554/live/t");
}

void UnderstandsControlsThatRepeatTheBase() {
  EXPECT(JoinControl("rtsp://h/live/ch0", "ch0/track1") == "rtsp://h/live/ch0/track1");
  EXPECT(JoinControl("rtsp://h/live/ch0/", "/live/ch0/track1") == "rtsp://h/live/ch0/track1");
  EXPECT(JoinControl("rtsp://h/cam?channel=1", "cam?channel=1/trackID=2") == "rtsp://h/cam?channel=1/trackID=2");
}

void GivesTheBaseForNoControl() {
  for (const char* control : {"", "*", " ", " *\r"}) EXPECT(JoinControl("rtsp://h/a?b", control) == "rtsp://h/a?b");
}

void EncodesWhatCannotStandInARequest() {
  EXPECT(JoinControl("rtsp://h/a", "track 1\x01\r\nX: y") == "rtsp://h/a/track%201%01%0D%0AX:%20y");
}

}  // namespace

int main() {
  ReadsHostPortAndRequest();
  ReadsCredentials();
  ReadsIpv6();
  RefusesWhatIsNoRtspUrl();
  ComparesHosts();
  TakesHostAndPortOfTheRequestForTheBase();
  UnderstandsOddBases();
  AppendsRelativeControls();
  TakesAbsoluteControlsWithTheHostOfTheBase();
  UnderstandsControlsThatRepeatTheBase();
  GivesTheBaseForNoControl();
  EncodesWhatCannotStandInARequest();
  if (failures == 0) std::printf("url: passed\n");
  return failures == 0 ? 0 : 1;
}
