// Pairs of UDP sockets: `udp_test`.
#include <doctest/doctest.h>

#include "loopback.h"
#include "rtsp/socket.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

// The camera's socket.
struct Sender {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  explicit Sender(const char* address = "127.0.0.1") {
    const sockaddr_in bound = Loopback(address, 0);
    CHECK(bind(fd, reinterpret_cast<const sockaddr*>(&bound), sizeof bound) == 0);
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

TEST_CASE("neighbouring ports are bound") {
  std::vector<std::unique_ptr<UdpPair>> pairs;
  for (int i = 0; i < 20; ++i) {
    pairs.push_back(std::make_unique<UdpPair>());
    CHECK(pairs.back()->Open("127.0.0.1"));
    CHECK(pairs.back()->rtp_port() % 2 == 0);
    CHECK(PortOf(pairs.back()->rtp_fd()) == pairs.back()->rtp_port());
    CHECK(PortOf(pairs.back()->rtcp_fd()) == pairs.back()->rtp_port() + 1);
  }
  UdpPair pair;
  CHECK(!pair.Open("camera.test"));
  CHECK(!pair.Open("192.0.2.1"));  // no address of this machine
}

TEST_CASE("only datagrams of the camera are taken") {
  UdpPair pair;
  Sender camera;
  Sender other("127.0.0.2");
  CHECK(pair.Open("127.0.0.1"));
  uint8_t byte = 0;
  CHECK(pair.Receive(false, &byte, 1) == 0);
  pair.SetPeer("127.0.0.1", 1, 2);  // the camera sends from other ports than it declares
  other.Send({1, 2, 3}, pair.rtp_port());
  camera.Send({4, 5}, pair.rtp_port());
  CHECK((Receive(pair) == std::vector<uint8_t>{4, 5}));
  CHECK(Receive(pair).empty());
}

TEST_CASE("large datagrams are taken, truncated ones are not") {
  UdpPair pair;
  Sender camera;
  CHECK(pair.Open("127.0.0.1"));
  const std::vector<uint8_t> large(65'507, 7);
  camera.Send(large, pair.rtp_port());
  CHECK(Receive(pair) == large);
  camera.Send({1, 2, 3, 4}, pair.rtp_port());
  camera.Send({5}, pair.rtp_port());
  uint8_t small[2];
  CHECK(pair.Receive(false, small, sizeof small) == 1);
  CHECK(small[0] == 5);
}

TEST_CASE("holes are punched and reports sent") {
  UdpPair pair;
  Sender rtp;
  Sender rtcp;
  CHECK(pair.Open("127.0.0.1"));
  CHECK(!pair.SendRtcp({1}));
  pair.SetPeer("127.0.0.1", rtp.port(), rtcp.port());
  pair.PunchHole();
  CHECK(rtp.Receive().size() == 12);
  CHECK(rtcp.Receive().size() == 8);
  CHECK(pair.SendRtcp({1, 2, 3}));
  CHECK((rtcp.Receive() == std::vector<uint8_t>{1, 2, 3}));
}

TEST_CASE("an unknown port is learnt") {
  UdpPair pair;
  Sender rtcp;
  CHECK(pair.Open("127.0.0.1"));
  pair.SetPeer("127.0.0.1", 0, 0);
  pair.PunchHole();
  CHECK(!pair.SendRtcp({1}));
  rtcp.Send({1}, pair.rtp_port() + 1);
  CHECK(Receive(pair, true).size() == 1);
  CHECK(pair.SendRtcp({1, 2}));
  CHECK(rtcp.Receive().size() == 2);
}

TEST_CASE("what this machine dropped is counted") {
  UdpPair pair;
  Sender camera;
  CHECK(pair.Open("127.0.0.1"));
  const int small = 4'096;
  setsockopt(pair.rtp_fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  int received = 0;
  for (int i = 0; i < 100; ++i) camera.Send(std::vector<uint8_t>(1'000), pair.rtp_port());
  while (!Receive(pair).empty()) ++received;
  // The kernel reports it with the next datagram.
  camera.Send({1}, pair.rtp_port());
  CHECK(Receive(pair).size() == 1);
  CHECK(received < 100);
  CHECK(pair.dropped_here() == 100 - received);
}

TEST_CASE("a multicast group is received in two places") {
  Sender camera;
  const in_addr loopback = Loopback("127.0.0.1", 0).sin_addr;
  setsockopt(camera.fd, IPPROTO_IP, IP_MULTICAST_IF, &loopback, sizeof loopback);
  constexpr const char* kGroup = "239.255.77.31";
  const int port = camera.port() < 65'000 ? camera.port() + 2 : 20'000;
  UdpPair first;
  UdpPair second;
  CHECK(!first.OpenMulticast("127.0.0.1", port, port + 1, "127.0.0.1"));
  CHECK(first.OpenMulticast(kGroup, port, port + 1, "127.0.0.1"));
  CHECK(second.OpenMulticast(kGroup, port, port + 1, "127.0.0.1"));
  camera.Send({1, 2, 3}, port, kGroup);
  camera.Send({4}, port + 1, kGroup);
  for (UdpPair* pair : {&first, &second}) {
    CHECK(Receive(*pair).size() == 3);
    CHECK(Receive(*pair, true).size() == 1);
    CHECK(pair->rtp_port() == port);
  }
}

TEST_CASE("IPv6 works") {
  UdpPair camera;
  UdpPair pair;
  if (!pair.Open("::1") || !camera.Open("::1")) {
    MESSAGE("This machine has no IPv6: not tested.");
    return;
  }
  pair.SetPeer("::1", camera.rtp_port(), camera.rtp_port() + 1);
  camera.SetPeer("::1", pair.rtp_port(), pair.rtp_port() + 1);
  pair.PunchHole();
  CHECK(Receive(camera).size() == 12);
  CHECK(camera.SendRtcp({1, 2}));
  CHECK(Receive(pair, true).size() == 2);
}

}  // namespace
