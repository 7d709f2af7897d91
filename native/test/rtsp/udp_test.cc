// Pairs of UDP sockets: `udp_test`.
#include <cstdio>

#include "expect.h"
#include "loopback.h"
#include "rtsp/socket.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

// The camera's side: a socket of its own.
struct Sender {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  explicit Sender(const char* address = "127.0.0.1") {
    const sockaddr_in bound = Loopback(address, 0);
    EXPECT(bind(fd, reinterpret_cast<const sockaddr*>(&bound), sizeof bound) == 0);
  }
  ~Sender() { close(fd); }
  int port() const { return PortOf(fd); }
  void Send(const std::vector<uint8_t>& data, int port, const char* address = "127.0.0.1") const {
    const sockaddr_in target = Loopback(address, port);
    sendto(fd, data.data(), data.size(), 0, reinterpret_cast<const sockaddr*>(&target), sizeof target);
  }
  std::vector<uint8_t> Receive() const {
    pollfd descriptor{fd, POLLIN, 0};
    if (poll(&descriptor, 1, 10'000) != 1) return {};
    std::vector<uint8_t> data(2'000);
    const ssize_t size = recv(fd, data.data(), data.size(), 0);
    data.resize(size > 0 ? static_cast<size_t>(size) : 0);
    return data;
  }
};

std::vector<uint8_t> Receive(UdpPair& pair, bool rtcp = false) {
  pollfd descriptor{rtcp ? pair.rtcp_fd() : pair.rtp_fd(), POLLIN, 0};
  poll(&descriptor, 1, 200);
  std::vector<uint8_t> data(UdpPair::kMaxDatagram);
  data.resize(pair.Receive(rtcp, data.data(), data.size()));
  return data;
}

void BindsNeighbouringPorts() {
  std::vector<std::unique_ptr<UdpPair>> pairs;
  for (int i = 0; i < 20; ++i) {
    pairs.push_back(std::make_unique<UdpPair>());
    EXPECT(pairs.back()->Open("127.0.0.1"));
    EXPECT(pairs.back()->rtp_port() % 2 == 0);
    EXPECT(PortOf(pairs.back()->rtp_fd()) == pairs.back()->rtp_port());
    EXPECT(PortOf(pairs.back()->rtcp_fd()) == pairs.back()->rtp_port() + 1);
  }
  UdpPair pair;
  EXPECT(!pair.Open("camera.test"));
  EXPECT(!pair.Open("192.0.2.1"));  // no address of this machine
}

void TakesDatagramsOfTheCameraOnly() {
  UdpPair pair;
  Sender camera;
  Sender other("127.0.0.2");
  EXPECT(pair.Open("127.0.0.1"));
  uint8_t byte = 0;
  EXPECT(pair.Receive(false, &byte, 1) == 0);
  pair.SetPeer("127.0.0.1", 1, 2);  // it sends from other ports than it says
  other.Send({1, 2, 3}, pair.rtp_port());
  camera.Send({4, 5}, pair.rtp_port());
  EXPECT((Receive(pair) == std::vector<uint8_t>{4, 5}));
  EXPECT(Receive(pair).empty());
}

void TakesLargeDatagramsAndNotTheirTruncatedFronts() {
  UdpPair pair;
  Sender camera;
  EXPECT(pair.Open("127.0.0.1"));
  const std::vector<uint8_t> large(65'507, 7);
  camera.Send(large, pair.rtp_port());
  EXPECT(Receive(pair) == large);
  camera.Send({1, 2, 3, 4}, pair.rtp_port());
  camera.Send({5}, pair.rtp_port());
  uint8_t small[2];
  EXPECT(pair.Receive(false, small, sizeof small) == 1 && small[0] == 5);
}

void PunchesHolesAndSendsReports() {
  UdpPair pair;
  Sender rtp;
  Sender rtcp;
  EXPECT(pair.Open("127.0.0.1"));
  EXPECT(!pair.SendRtcp({1}));
  pair.SetPeer("127.0.0.1", rtp.port(), rtcp.port());
  pair.PunchHole();
  EXPECT(rtp.Receive().size() == 12);
  EXPECT(rtcp.Receive().size() == 8);
  EXPECT(pair.SendRtcp({1, 2, 3}));
  EXPECT((rtcp.Receive() == std::vector<uint8_t>{1, 2, 3}));
}

void LearnsAnUnknownPort() {
  UdpPair pair;
  Sender rtcp;
  EXPECT(pair.Open("127.0.0.1"));
  pair.SetPeer("127.0.0.1", 0, 0);
  pair.PunchHole();
  EXPECT(!pair.SendRtcp({1}));
  rtcp.Send({1}, pair.rtp_port() + 1);
  EXPECT(Receive(pair, true).size() == 1);
  EXPECT(pair.SendRtcp({1, 2}));
  EXPECT(rtcp.Receive().size() == 2);
}

void CountsWhatThisMachineDropped() {
  UdpPair pair;
  Sender camera;
  EXPECT(pair.Open("127.0.0.1"));
  const int small = 4'096;
  setsockopt(pair.rtp_fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  int received = 0;
  for (int i = 0; i < 100; ++i) camera.Send(std::vector<uint8_t>(1'000), pair.rtp_port());
  while (!Receive(pair).empty()) ++received;
  // The kernel tells with the next datagram.
  camera.Send({1}, pair.rtp_port());
  EXPECT(Receive(pair).size() == 1);
  EXPECT(received < 100);
  EXPECT(pair.dropped_here() == 100 - received);
}

void ReceivesAMulticastGroupInTwoPlaces() {
  Sender camera;
  const in_addr loopback = Loopback("127.0.0.1", 0).sin_addr;
  setsockopt(camera.fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback);
  constexpr const char* kGroup = "239.255.77.31";
  const int port = camera.port() < 65'000 ? camera.port() + 2 : 20'000;
  UdpPair first;
  UdpPair second;
  EXPECT(!first.OpenMulticast("127.0.0.1", port, port + 1, "127.0.0.1"));
  EXPECT(first.OpenMulticast(kGroup, port, port + 1, "127.0.0.1"));
  EXPECT(second.OpenMulticast(kGroup, port, port + 1, "127.0.0.1"));
  camera.Send({1, 2, 3}, port, kGroup);
  camera.Send({4}, port + 1, kGroup);
  for (UdpPair* pair : {&first, &second}) {
    EXPECT(Receive(*pair).size() == 3);
    EXPECT(Receive(*pair, true).size() == 1);
    EXPECT(pair->rtp_port() == port);
  }
}

void WorksWithIpv6() {
  UdpPair camera;
  UdpPair pair;
  if (!pair.Open("::1") || !camera.Open("::1")) {
    std::printf("no IPv6 on this machine: not tested\n");
    return;
  }
  pair.SetPeer("::1", camera.rtp_port(), camera.rtp_port() + 1);
  camera.SetPeer("::1", pair.rtp_port(), pair.rtp_port() + 1);
  pair.PunchHole();
  EXPECT(Receive(camera).size() == 12);
  EXPECT(camera.SendRtcp({1, 2}));
  EXPECT(Receive(pair, true).size() == 2);
}

}  // namespace

int main() {
  BindsNeighbouringPorts();
  TakesDatagramsOfTheCameraOnly();
  TakesLargeDatagramsAndNotTheirTruncatedFronts();
  PunchesHolesAndSendsReports();
  LearnsAnUnknownPort();
  CountsWhatThisMachineDropped();
  ReceivesAMulticastGroupInTwoPlaces();
  WorksWithIpv6();
  if (failures == 0) std::printf("udp: passed\n");
  return failures == 0 ? 0 : 1;
}
