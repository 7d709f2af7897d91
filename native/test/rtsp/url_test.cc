// RTSP URLs and control values as cameras write them: `url_test`.
#include <doctest/doctest.h>

#include "rtsp/url.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

TEST_CASE("host, port and request are read") {
  const auto plain = ParseUrl("rtsp://Camera.local/live?x=1");
  REQUIRE(plain);
  CHECK(!plain->tls);
  CHECK(plain->host == "Camera.local");
  CHECK(plain->port == 554);
  CHECK(!plain->has_user);
  CHECK(plain->request == "rtsp://Camera.local/live?x=1");
  const auto tls = ParseUrl("RTSPS://10.0.0.1");
  REQUIRE(tls);
  CHECK(tls->tls);
  CHECK(tls->port == 322);
  CHECK(tls->request == "rtsps://10.0.0.1");
  const auto port = ParseUrl("rtsp://h:8554/a");
  REQUIRE(port);
  CHECK(port->port == 8554);
  CHECK(port->request == "rtsp://h:8554/a");
  const auto query = ParseUrl("rtsp://h?mail=a@b/c");
  REQUIRE(query);
  CHECK(query->host == "h");
  CHECK(!query->has_user);
  const auto no_port = ParseUrl("rtsp://h:/a");
  REQUIRE(no_port);
  CHECK(no_port->port == 554);
  const auto odd = ParseUrl("rtsp://h/a b\"\xc3\xa4\r\n");
  REQUIRE(odd);
  CHECK(odd->request == "rtsp://h/a%20b%22%C3%A4");
}

TEST_CASE("credentials are read") {
  const auto encoded = ParseUrl("rtsp://ad%40min%2Fx:p%40ss%3Aw%2Fo%3Fr%23d%2541+&=;%C3%A4@127.0.0.1:554/cam");
  REQUIRE(encoded);
  CHECK(encoded->has_user);
  CHECK(encoded->user == "ad@min/x");
  CHECK(encoded->password == "p@ss:w/o?r#d%41+&=;\xc3\xa4");
  CHECK(encoded->request == "rtsp://127.0.0.1:554/cam");
  const auto user_only = ParseUrl("rtsp://admin@h/");
  REQUIRE(user_only);
  CHECK(user_only->has_user);
  CHECK(user_only->user == "admin");
  CHECK(user_only->password.empty());
  const auto empty = ParseUrl("rtsp://admin:@h/");
  REQUIRE(empty);
  CHECK(empty->has_user);
  CHECK(empty->user == "admin");
  CHECK(empty->password.empty());
  const auto no_user = ParseUrl("rtsp://:secret@h/");
  REQUIRE(no_user);
  CHECK(no_user->has_user);
  REQUIRE(no_user->user.empty());
  CHECK(no_user->password == "secret");
  const auto raw_at = ParseUrl("rtsp://admin:p@ss@h/");
  REQUIRE(raw_at);
  CHECK(raw_at->password == "p@ss");
  CHECK(raw_at->host == "h");
  const auto percent = ParseUrl("rtsp://admin:100%@h/");
  REQUIRE(percent);
  CHECK(percent->password == "100%");
  const auto none = ParseUrl("rtsp://@h/");
  REQUIRE(none);
  CHECK(!none->has_user);
}

TEST_CASE("IPv6 addresses are read") {
  const auto brackets = ParseUrl("rtsp://u:p@[fe80::1%25eth0]:8554/a");
  REQUIRE(brackets);
  CHECK(brackets->host == "fe80::1%eth0");
  CHECK(brackets->port == 8554);
  CHECK(brackets->request == "rtsp://[fe80::1%25eth0]:8554/a");
  const auto no_port = ParseUrl("rtsp://[::1]/a");
  REQUIRE(no_port);
  CHECK(no_port->host == "::1");
  CHECK(no_port->port == 554);
  const auto bare = ParseUrl("rtsp://::ffff:192.168.1.123/a");
  REQUIRE(bare);
  CHECK(bare->host == "::ffff:192.168.1.123");
  CHECK(bare->port == 554);
}

TEST_CASE("what is not an RTSP URL is refused") {
  for (const char* text : {"", "rtsp://", "rtsp:///a", "http://h/", "rtsp:/h", "h/a", "rtsp://h:0/", "rtsp://h:65536/",
                           "rtsp://h:5x/", "rtsp://[::1", "rtsp://[::1]x/", "rtsp://u:p@/a", "rtsp://a b/"}) {
    CHECK(!ParseUrl(text));
  }
}

TEST_CASE("hosts are compared") {
  CHECK(SameHost(*ParseUrl("rtsp://Cam.local./a"), *ParseUrl("rtsps://cam.LOCAL:1/b")));
  CHECK(!SameHost(*ParseUrl("rtsp://cam/a"), *ParseUrl("rtsp://cam2/a")));
}

TEST_CASE("the base takes host and port of the request") {
  const char* request = "rtsp://public:8554/stream?x=1";
  CHECK(BaseUrl(request, "", "") == request);
  CHECK(BaseUrl(request, "rtsp://10.255.255.1:554/inner/", "") == "rtsp://public:8554/inner/");
  CHECK(BaseUrl(request, "", " rtsp://10.255.255.1/location ") == "rtsp://public:8554/location");
  CHECK(BaseUrl(request, "/inner/", "") == "rtsp://public:8554/inner/");
  CHECK(BaseUrl(request, "inner/", "") == request);
  CHECK(BaseUrl(request, "http://10.0.0.1/x", "") == request);
  CHECK(BaseUrl("rtsps://public/stream", "rtsp://10.0.0.1/inner", "") == "rtsps://public/inner");
}

TEST_CASE("odd bases are understood") {
  CHECK(BaseUrl("rtsp://turret2-cam.lan/stream1", "rtsp://rtsp://turret2-cam.lan:554/stream1/", "") ==
        "rtsp://turret2-cam.lan/stream1/");
  CHECK(BaseUrl("rtsp://192.168.1.10:554/stream0", "192.168.1.10:554/stream0/", "") ==
        "rtsp://192.168.1.10:554/stream0/");  // Anjvision
  CHECK(BaseUrl("rtsp://1.2.3.4:1935/a", "192.168.253.220:1935/", "") == "rtsp://1.2.3.4:1935/");
  CHECK(BaseUrl("rtsp://cam/onvif", "rtsp://::ffff:192.168.1.123/onvif/profile.1/", "") ==
        "rtsp://cam/onvif/profile.1/");
}

TEST_CASE("relative controls are appended") {
  CHECK(JoinControl("rtsp://h/a", "trackID=1") == "rtsp://h/a/trackID=1");
  CHECK(JoinControl("rtsp://h/a/", "trackID=1") == "rtsp://h/a/trackID=1");
  CHECK(JoinControl("rtsp://h", "track1") == "rtsp://h/track1");
  CHECK(JoinControl("rtsp://h/a/", "/track1") == "rtsp://h/a/track1");
  CHECK(JoinControl("rtsp://h/a", "/track1") == "rtsp://h/a/track1");
  // Dahua: the control is appended to a base with a query.
  CHECK(JoinControl("rtsp://h/cam/realmonitor?channel=1&subtype=0", "trackID=0") ==
        "rtsp://h/cam/realmonitor?channel=1&subtype=0/trackID=0");
  CHECK(JoinControl("rtsp://h/dss/cameraid=1%241%26substream=1?token=7&trackID=0", "trackID=0") ==
        "rtsp://h/dss/cameraid=1%241%26substream=1?token=7&trackID=0/trackID=0");
  // GW Security.
  CHECK(JoinControl("rtsp://h:5050/H264?channel=1&proto=Onvif", "video") ==
        "rtsp://h:5050/H264?channel=1&proto=Onvif/video");
  CHECK(JoinControl("rtsp://h/stream", "?ctype=video") == "rtsp://h/stream?ctype=video");
  CHECK(JoinControl("rtsp://h:554/", "?ctype=video") == "rtsp://h:554/?ctype=video");
  CHECK(JoinControl("rtsp://h/video/", "video") == "rtsp://h/video/video");
  CHECK(JoinControl("rtsp://video/a", "video") == "rtsp://video/a/video");
  CHECK(JoinControl("rtsp://h/a", "track:1") == "rtsp://h/a/track:1");
}

TEST_CASE("absolute controls get the host of the base") {
  const char* base = "rtsp://public:8554/live/";
  CHECK(JoinControl(base, "rtsp://10.0.0.1/live/trackID=1") == "rtsp://public:8554/live/trackID=1");
  CHECK(JoinControl(base, "rtsps://10.0.0.1:322/live/trackID=1") == "rtsp://public:8554/live/trackID=1");
  CHECK(JoinControl(base, "rtsp://rtsp://10.0.0.1/live/t") == "rtsp://public:8554/live/t");
  CHECK(JoinControl(base, "10.0.0.1:554/live/t") == "rtsp://public:8554/live/t");
  CHECK(JoinControl("rtsp://cam.lan/live", "Cam.lan/live/t") == "rtsp://cam.lan/live/t");
  CHECK(JoinControl("rtsp://cam.lan/live", "nvr.lan:554/live/t") == "rtsp://cam.lan/live/t");
  CHECK(JoinControl(base, "//10.0.0.1/live/t") == "rtsp://public:8554/live/t");
  CHECK(JoinControl("rtsp://[::1]:8554/live", "rtsp://[fe80::2]/live/t") == "rtsp://[::1]:8554/live/t");
}

TEST_CASE("controls that repeat the base are understood") {
  CHECK(JoinControl("rtsp://h/live/ch0", "ch0/track1") == "rtsp://h/live/ch0/track1");
  CHECK(JoinControl("rtsp://h/live/ch0/", "/live/ch0/track1") == "rtsp://h/live/ch0/track1");
  CHECK(JoinControl("rtsp://h/cam?channel=1", "cam?channel=1/trackID=2") == "rtsp://h/cam?channel=1/trackID=2");
}

TEST_CASE("no control means the base") {
  for (const char* control : {"", "*", " ", " *\r"}) CHECK(JoinControl("rtsp://h/a?b", control) == "rtsp://h/a?b");
}

TEST_CASE("characters that cannot stand in a request are encoded") {
  CHECK(JoinControl("rtsp://h/a", "track 1\x01\r\nX: y") == "rtsp://h/a/track%201%01%0D%0AX:%20y");
}

}  // namespace
