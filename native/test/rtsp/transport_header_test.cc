// The Transport and Session headers as cameras write them: `transport_header_test`.
#include <doctest/doctest.h>

#include "rtsp/transport_header.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

TEST_CASE("interleaved channels are read") {
  for (const char* value : {
           "RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=10117CB7",
           "RTP/AVP/TCP;ssrc=22345682;interleaved=4-5",                                       // Luckfox
           "RTP/AVP;unicast;destination=192.168.1.111;source=192.168.1.222;interleaved=4-5",  // Escam Q6
           "RTP/AVP/TCP;unicast;interleaved=4-5;ssrc=     D93FF",                             // Dahua
           "interleaved=4-5;RTP/AVP/TCP;mode=\"PLAY\";unicast",
           " rtp/avp/tcp ; UNICAST ; Interleaved = 4 - 5 ",
           "RTP/AVP/TCP;unicast;mode=\"PLAY,RECORD\";interleaved=4-5",
       }) {
    const auto transport = ParseTransport(value);
    REQUIRE(transport);
    CHECK(transport->interleaved);
    CHECK(!transport->multicast);
    CHECK(transport->rtp_channel == 4);
    CHECK(transport->rtcp_channel == 5);
  }
  const auto single = ParseTransport("RTP/AVP/TCP;unicast;interleaved=0");
  REQUIRE(single);
  CHECK(single->interleaved);
  CHECK(single->rtp_channel == 0);
  CHECK(single->rtcp_channel == -1);
  for (const char* value : {"RTP/AVP/TCP;unicast", "RTP/AVP;interleaved=", "RTP/AVP;interleaved=256-257"}) {
    const auto none = ParseTransport(value);
    REQUIRE(none);
    CHECK(none->interleaved);
    CHECK(none->rtp_channel == -1);
    CHECK(none->rtcp_channel == -1);
  }
}

TEST_CASE("ports are read") {
  const auto pair = ParseTransport("RTP/AVP/UDP;unicast;client_port=3056-3057;server_port=5000-5001;ssrc= 4317f");
  REQUIRE(pair);
  CHECK(!pair->interleaved);
  CHECK(pair->client_rtp_port == 3056);
  CHECK(pair->client_rtcp_port == 3057);
  CHECK(pair->server_rtp_port == 5000);
  CHECK(pair->server_rtcp_port == 5001);
  const auto single = ParseTransport("RTP/AVP;unicast;client_port=14236;source=172.16.8.2;server_port=56002");
  REQUIRE(single);
  CHECK(single->server_rtp_port == 56002);
  CHECK(single->server_rtcp_port == 0);
  CHECK(single->source == "172.16.8.2");
  const auto none = ParseTransport("RTP/AVP/UDP;unicast;client_port=59612-59613");  // OpenIPC
  REQUIRE(none);
  CHECK(none->server_rtp_port == 0);
  const auto empty_source = ParseTransport("RTP/AVP/UDP;unicast;source=;server_port=3046-3047");
  REQUIRE(empty_source);
  REQUIRE(empty_source->source.empty());
  CHECK(empty_source->server_rtp_port == 3046);
  const auto too_large = ParseTransport("RTP/AVP;server_port=65536-65537");
  REQUIRE(too_large);
  CHECK(too_large->server_rtp_port == 0);
  CHECK(too_large->server_rtcp_port == 0);
}

TEST_CASE("multicast is read") {
  const auto transport = ParseTransport("RTP/AVP;multicast;destination=225.219.201.15;port=7000-7001;ttl=127");
  REQUIRE(transport);
  CHECK(transport->multicast);
  CHECK(transport->destination == "225.219.201.15");
  CHECK(transport->multicast_port == 7000);
  CHECK(transport->ttl == 127);
}

TEST_CASE("the first usable transport is taken") {
  const auto transport = ParseTransport("foo;bar, RTP/AVP/TCP;interleaved=2-3,RTP/AVP;client_port=1-2");
  REQUIRE(transport);
  CHECK(transport->rtp_channel == 2);
  CHECK(transport->client_rtp_port == 0);
  for (const char* value : {"", ";", ",;,=", "foo", "source=1.2.3.4"}) CHECK(!ParseTransport(value));
}

TEST_CASE("odd addresses are refused") {
  const auto transport = ParseTransport("RTP/AVP;source=a\x01z;destination=" + std::string(300, 'a'));
  REQUIRE(transport);
  REQUIRE(transport->source.empty());
  CHECK(transport->destination.empty());
}

TEST_CASE("transports are written") {
  CHECK(TcpTransport(2) == "RTP/AVP/TCP;unicast;interleaved=2-3");
  CHECK(UdpTransport(5000) == "RTP/AVP;unicast;client_port=5000-5001");
  CHECK(MulticastTransport() == "RTP/AVP;multicast");
}

TEST_CASE("session headers are read") {
  const auto is = [](std::string_view value, std::string_view id, int timeout_s) {
    const SessionHeader session = ParseSession(value);
    return session.id == id && session.timeout_s == timeout_s;
  };
  CHECK(is("7116520596809429228", "7116520596809429228", 60));
  CHECK(is("216525287999;timeout=30", "216525287999", 30));
  CHECK(is(" 1 ; Timeout = 10 ; x", "1", 10));
  CHECK(is("1;timeout=0", "1", 60));
  CHECK(is("1;timeout=-5", "1", 60));
  CHECK(is("1;timeout=", "1", 60));
  CHECK(is("1;timeout=4294967295", "1", 86400));
  CHECK(is("1;timeout=99999999999999999999999", "1", 60));
  CHECK(is("a\x01z;timeout=20s", "az", 20));
  CHECK(is("", "", 60));
}

}  // namespace
