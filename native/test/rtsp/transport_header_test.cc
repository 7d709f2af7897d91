// The Transport and Session headers as cameras write them: `transport_header_test`.
#include "rtsp/transport_header.h"
#include "expect.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

void ReadsInterleavedChannels() {
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
    EXPECT(transport && transport->interleaved && !transport->multicast);
    EXPECT(transport && transport->rtp_channel == 4 && transport->rtcp_channel == 5);
  }
  const auto single = ParseTransport("RTP/AVP/TCP;unicast;interleaved=0");
  EXPECT(single && single->interleaved && single->rtp_channel == 0 && single->rtcp_channel == -1);
  for (const char* value : {"RTP/AVP/TCP;unicast", "RTP/AVP;interleaved=", "RTP/AVP;interleaved=256-257"}) {
    const auto none = ParseTransport(value);
    EXPECT(none && none->interleaved && none->rtp_channel == -1 && none->rtcp_channel == -1);
  }
}

void ReadsPorts() {
  const auto pair = ParseTransport("RTP/AVP/UDP;unicast;client_port=3056-3057;server_port=5000-5001;ssrc= 4317f");
  EXPECT(pair && !pair->interleaved && pair->client_rtp_port == 3056 && pair->client_rtcp_port == 3057);
  EXPECT(pair && pair->server_rtp_port == 5000 && pair->server_rtcp_port == 5001);
  const auto single = ParseTransport("RTP/AVP;unicast;client_port=14236;source=172.16.8.2;server_port=56002");
  EXPECT(single && single->server_rtp_port == 56002 && single->server_rtcp_port == 0 && single->source == "172.16.8.2");
  const auto none = ParseTransport("RTP/AVP/UDP;unicast;client_port=59612-59613");  // OpenIPC
  EXPECT(none && none->server_rtp_port == 0);
  const auto empty_source = ParseTransport("RTP/AVP/UDP;unicast;source=;server_port=3046-3047");
  EXPECT(empty_source && empty_source->source.empty() && empty_source->server_rtp_port == 3046);
  const auto too_large = ParseTransport("RTP/AVP;server_port=65536-65537");
  EXPECT(too_large && too_large->server_rtp_port == 0 && too_large->server_rtcp_port == 0);
}

void ReadsMulticast() {
  const auto transport = ParseTransport("RTP/AVP;multicast;destination=225.219.201.15;port=7000-7001;ttl=127");
  EXPECT(transport && transport->multicast && transport->destination == "225.219.201.15");
  EXPECT(transport && transport->multicast_port == 7000 && transport->ttl == 127);
}

void TakesTheFirstUsableOne() {
  const auto transport = ParseTransport("foo;bar, RTP/AVP/TCP;interleaved=2-3,RTP/AVP;client_port=1-2");
  EXPECT(transport && transport->rtp_channel == 2 && transport->client_rtp_port == 0);
  for (const char* value : {"", ";", ",;,=", "foo", "source=1.2.3.4"}) EXPECT(!ParseTransport(value));
}

void RefusesOddAddresses() {
  const auto transport = ParseTransport("RTP/AVP;source=a\x01z;destination=" + std::string(300, 'a'));
  EXPECT(transport && transport->source.empty() && transport->destination.empty());
}

void WritesTransports() {
  EXPECT(TcpTransport(2) == "RTP/AVP/TCP;unicast;interleaved=2-3");
  EXPECT(UdpTransport(5000) == "RTP/AVP;unicast;client_port=5000-5001");
  EXPECT(MulticastTransport() == "RTP/AVP;multicast");
}

void ReadsSessions() {
  const auto is = [](std::string_view value, std::string_view id, int timeout_s) {
    const SessionHeader session = ParseSession(value);
    return session.id == id && session.timeout_s == timeout_s;
  };
  EXPECT(is("7116520596809429228", "7116520596809429228", 60));
  EXPECT(is("216525287999;timeout=30", "216525287999", 30));
  EXPECT(is(" 1 ; Timeout = 10 ; x", "1", 10));
  EXPECT(is("1;timeout=0", "1", 60));
  EXPECT(is("1;timeout=-5", "1", 60));
  EXPECT(is("1;timeout=", "1", 60));
  EXPECT(is("1;timeout=4294967295", "1", 86400));
  EXPECT(is("1;timeout=99999999999999999999999", "1", 60));
  EXPECT(is("a\x01z;timeout=20s", "az", 20));
  EXPECT(is("", "", 60));
}

}  // namespace

int main() {
  ReadsInterleavedChannels();
  ReadsPorts();
  ReadsMulticast();
  TakesTheFirstUsableOne();
  RefusesOddAddresses();
  WritesTransports();
  ReadsSessions();
  if (failures == 0) std::printf("transport header: passed\n");
  return failures == 0 ? 0 : 1;
}
