// UdpPair, which socket.h declares.
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "rtsp/address.h"
#include "rtsp/socket.h"

namespace chrys::rtsp {

namespace {

// Room for the burst of a large keyframe while this thread is busy.
constexpr int kReceiveBufferBytes = 4 << 20;
constexpr int kMaxPortTries = 64;
// Maximum number of datagrams of other hosts that one Receive drops before it returns.
constexpr int kMaxDropped = 64;

void Close(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

int NewSocket(int family) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  // SO_RCVBUFFORCE can exceed net.core.rmem_max, but needs CAP_NET_ADMIN.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof kReceiveBufferBytes) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  }
  return fd;
}

int Bind(SocketAddress address, int port, bool shared) {
  const int fd = NewSocket(address.family());
  if (fd < 0) return -1;
  const int on = 1;
  if (shared) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  address.set_port(port);
  if (bind(fd, address.get(), address.size) == 0) return fd;
  close(fd);
  return -1;
}

// 0: no interface has that address; the kernel then chooses one by its routes.
unsigned InterfaceOf(const std::string& text) {
  const auto wanted = ParseAddress(text, 0);
  ifaddrs* list = nullptr;
  if (!wanted || getifaddrs(&list) != 0) return 0;
  unsigned index = 0;
  for (const ifaddrs* entry = list; entry != nullptr && index == 0; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != wanted->family()) continue;
    SocketAddress address;
    address.size = wanted->size;
    std::memcpy(&address.storage, entry->ifa_addr, wanted->size);
    if (address.SameHost(*wanted)) index = if_nametoindex(entry->ifa_name);
  }
  freeifaddrs(list);
  return index;
}

bool Join(int fd, const SocketAddress& group, unsigned interface_index) {
  group_req request{};
  request.gr_interface = interface_index;
  std::memcpy(&request.gr_group, &group.storage, group.size);
  const int level = group.family() == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
  return setsockopt(fd, level, MCAST_JOIN_GROUP, &request, sizeof request) == 0;
}

}  // namespace

UdpPair::~UdpPair() { CloseBoth(); }

void UdpPair::CloseBoth() {
  Close(&rtp_);
  Close(&rtcp_);
  rtp_port_ = 0;
  last_drops_ = {};
}

bool UdpPair::Open(const std::string& local_address) {
  CloseBoth();
  const auto address = ParseAddress(local_address, 0);
  if (!address) return false;
  for (int i = 0; i < kMaxPortTries; ++i) {
    int first = Bind(*address, 0, false);
    if (first < 0) return false;
    const auto bound = LocalAddress(first);
    const int port = bound ? bound->port() : 0;
    const int neighbour = port % 2 == 0 ? port + 1 : port - 1;
    int second = port > 1 ? Bind(*address, neighbour, false) : -1;
    if (second >= 0) {
      rtp_ = port % 2 == 0 ? first : second;
      rtcp_ = port % 2 == 0 ? second : first;
      rtp_port_ = port & ~1;
      return true;
    }
    Close(&first);
  }
  return false;
}

bool UdpPair::OpenMulticast(const std::string& group, int rtp_port, int rtcp_port,
                            const std::string& interface_address) {
  CloseBoth();
  const auto address = ParseAddress(group, rtp_port);
  if (!address || !address->is_multicast() || rtp_port < 1 || rtcp_port < 1 || rtcp_port > 65'535) return false;
  // The socket is bound to the group, so that it receives no other group and no unicast on the same port. The port is
  // shared, because other captures on this machine may listen as well.
  rtp_ = Bind(*address, rtp_port, true);
  rtcp_ = Bind(*address, rtcp_port, true);
  const unsigned interface_index = InterfaceOf(interface_address);
  if (rtp_ < 0 || rtcp_ < 0 || !Join(rtp_, *address, interface_index) || !Join(rtcp_, *address, interface_index)) {
    CloseBoth();
    return false;
  }
  rtp_port_ = rtp_port;
  return true;
}

void UdpPair::SetPeer(const std::string& address, int rtp_port, int rtcp_port) {
  // Without a valid address the old filter stays.
  if (auto rtp = ParseAddress(address, rtp_port)) peer_rtp_ = rtp;
  if (auto rtcp = ParseAddress(address, rtcp_port)) peer_rtcp_ = rtcp;
}

void UdpPair::PunchHole() {
  // An RTP packet without payload and an empty receiver report: cameras that read them ignore them.
  static constexpr std::array<uint8_t, 12> kRtp{0x80};
  static constexpr std::array<uint8_t, 8> kRtcp{0x80, 201, 0, 1};
  if (peer_rtp_ && peer_rtp_->port() != 0) {
    sendto(rtp_, kRtp.data(), kRtp.size(), MSG_NOSIGNAL, peer_rtp_->get(), peer_rtp_->size);
  }
  if (peer_rtcp_ && peer_rtcp_->port() != 0) {
    sendto(rtcp_, kRtcp.data(), kRtcp.size(), MSG_NOSIGNAL, peer_rtcp_->get(), peer_rtcp_->size);
  }
}

bool UdpPair::SendRtcp(const std::vector<uint8_t>& packet) {
  if (rtcp_ < 0 || !peer_rtcp_ || peer_rtcp_->port() == 0) return false;
  const ssize_t sent = sendto(rtcp_, packet.data(), packet.size(), MSG_NOSIGNAL, peer_rtcp_->get(), peer_rtcp_->size);
  return sent == static_cast<ssize_t>(packet.size());
}

// Learns a port that the camera did not name from the source of its datagrams.
void UdpPair::LearnPort(bool rtcp, const SocketAddress& source) {
  if (!peer_rtcp_ || peer_rtcp_->port() != 0) return;
  const int port = rtcp ? source.port() : source.port() + 1;
  if (port <= 65'535) peer_rtcp_->set_port(port);
}

// NOLINTNEXTLINE(readability-non-const-parameter): recv writes to it.
size_t UdpPair::Receive(bool rtcp, uint8_t* data, size_t size) {
  const int fd = rtcp ? rtcp_ : rtp_;
  if (fd < 0) return 0;
  for (int i = 0; i < kMaxDropped; ++i) {
    SocketAddress source;
    iovec part{data, size};
    alignas(cmsghdr) std::array<char, 64> control;
    msghdr message{};
    message.msg_name = source.get();
    message.msg_namelen = sizeof source.storage;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t received = recvmsg(fd, &message, 0);
    if (received < 0) {
      // Other errors are about datagrams that were sent earlier. The next call of recvmsg may still find a datagram.
      if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
      continue;
    }
    source.size = message.msg_namelen;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SO_RXQ_OVFL) continue;
      uint32_t drops = 0;
      std::memcpy(&drops, CMSG_DATA(header), sizeof drops);
      dropped_ += drops - last_drops_[rtcp ? 1 : 0];
      last_drops_[rtcp ? 1 : 0] = drops;
    }
    if (received == 0 || (message.msg_flags & MSG_TRUNC) != 0) continue;
    if (peer_rtp_ && !peer_rtp_->SameHost(source)) continue;
    LearnPort(rtcp, source);
    return static_cast<size_t>(received);
  }
  return 0;
}

}  // namespace chrys::rtsp
