#include "rtsp/session.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/clock.h"
#include "rtsp/redirect.h"
#include "rtsp/rtcp.h"
#include "rtsp/rtp.h"
#include "rtsp/status.h"

namespace chrys::rtsp {

namespace {

constexpr const char* kUserAgent = "chrysproxy";
constexpr int kMaxRedirects = 3;
// Answers 401 in a row before a request is given up; the authenticator gives up before that.
constexpr int kMaxChallenges = 4;
constexpr int64_t kEndRememberedUs = 1'000'000;
// Maximum number of datagrams that are read from a socket at a time, so that the other sockets have their turn.
constexpr int kMaxDatagrams = 256;
// Maximum number of keepalives in a row that are sent again because of an answer 401.
constexpr int kMaxKeepaliveChallenges = 3;
// An answer without a usable CSeq belongs to a keepalive request or a report that is at most this old.
constexpr int64_t kAnswerUs = 5'000'000;
constexpr int kDefaultTimeoutSeconds = 60;
// A session with a longer id or URL is not remembered.
constexpr size_t kMaxRememberedId = 512;
constexpr size_t kMaxRememberedUrl = 4096;

std::string Offered(const Authenticator& authenticator) {
  const std::string offered = CameraText(authenticator.offered());
  return offered.empty() ? "no scheme" : offered;
}

}  // namespace

Session::Session(const SessionOptions& options, Learned& learned, Waiter& waiter, Sink& sink)
    : addresses_(options.addresses),
      verify_(options.verify),
      learned_(learned),
      waiter_(waiter),
      sink_(sink),
      track_of_channel_(256, -1),
      keepalive_(learned) {
  if (auto url = ParseUrl(options.url)) url_ = *url;
  authenticator_ = std::make_unique<Authenticator>(url_.has_user, url_.user, url_.password, learned.authentication);
}

Session::~Session() { Close(0); }

Message Session::Request(const std::string& method, const std::string& uri) const {
  Message request;
  request.is_request = true;
  request.method = method;
  request.uri = uri;
  request.headers.Add("User-Agent", kUserAgent);
  if (!session_id_.empty()) request.headers.Add("Session", session_id_);
  return request;
}

std::optional<Failure> Session::Connect(int64_t deadline_us) {
  exchange_ = std::make_unique<Exchange>(waiter_, *this);
  ConnectionOptions options;
  options.addresses = addresses_;
  options.port = url_.port;
  options.tls = url_.tls;
  options.host = url_.host;
  options.verify = verify_;
  if (!is_other_host_) options.pinned = learned_.certificate;
  auto failure = exchange_->Connect(options, deadline_us);
  if (!failure && url_.tls && verify_ == TlsVerify::kPin && !is_other_host_ && learned_.certificate.empty()) {
    learned_.certificate = exchange_->connection().fingerprint();
  }
  return failure;
}

Message Session::Authorized(Message request) {
  std::string authorization = authenticator_->Authorization(request.method, request.uri, request.body);
  if (!authorization.empty()) request.headers.Add("Authorization", std::move(authorization));
  return request;
}

std::optional<Failure> Session::Ask(const Message& request, int64_t deadline_us, Message* answer) {
  for (int i = 0; i < kMaxChallenges; ++i) {
    if (auto failure = exchange_->Ask(Authorized(request), deadline_us, answer)) return failure;
    if (answer->status != 401) {
      authenticator_->OnAccepted();
      return std::nullopt;
    }
    switch (authenticator_->OnUnauthorized(answer->headers.All("WWW-Authenticate"))) {
      case Authenticator::Verdict::kRetry:
        break;
      case Authenticator::Verdict::kNoCredentials:
        return Failure{end::kCredentialsNeeded, "The camera offers " + Offered(*authenticator_) + ".", 0};
      case Authenticator::Verdict::kUnsupported:
        return Failure{end::kAuthUnsupported, "The camera offers " + Offered(*authenticator_) + ".", 0};
      case Authenticator::Verdict::kRefused:
        return Failure{
            end::kUnauthorized,
            "The camera answered " + request.method + " with 401; it offers " + Offered(*authenticator_) + ".", 0};
    }
  }
  return Failure{end::kUnauthorized, "The camera refuses every response to its challenges.", 0};
}

std::optional<Failure> Session::Redirect(const Message& answer) {
  RedirectTarget target;
  if (auto failure = ReadRedirect(answer.headers.Get("Location"), url_, addresses_, &target)) return failure;
  if (!target.is_same_host) {
    // Credentials and learnt facts belong to the host of the camera's URL, and are not used for another one.
    authenticator_ = std::make_unique<Authenticator>(false, "", "", "");
    is_other_host_ = true;
  }
  if (!target.address.empty()) addresses_ = {target.address};
  url_ = std::move(target.url);
  return std::nullopt;
}

std::optional<Failure> Session::RequestDescription(int64_t deadline_us, Message* answer) {
  Message request = Request("DESCRIBE", url_.request);
  request.headers.Add("Accept", "application/sdp");
  return Ask(request, deadline_us, answer);
}

std::optional<Failure> Session::Describe(int64_t deadline_us) {
  if (url_.host.empty()) return Failure{end::kProtocolError, "The URL is not an RTSP URL.", 0};
  Message answer;
  for (int redirects = 0;; ++redirects) {
    if (auto failure = Connect(deadline_us)) return failure;
    auto failure = RequestDescription(deadline_us, &answer);
    if (!failure && answer.status == 453) {
      EndRememberedSession(deadline_us);
      failure = RequestDescription(deadline_us, &answer);
    }
    if (failure) return failure;
    if (answer.status < 300 || answer.status > 399) break;
    if (redirects == kMaxRedirects) {
      return Failure{end::kTooManyRedirects, "The camera redirected " + std::to_string(redirects) + " times.", 0};
    }
    exchange_->Close();
    if (auto refused = Redirect(answer)) return refused;
  }
  if (answer.status < 200 || answer.status > 299) return FailureOfStatus("DESCRIBE", answer);
  description_ = ParseSdp(answer.body);
  base_url_ = BaseUrl(url_.request, answer.headers.Get("Content-Base"), answer.headers.Get("Content-Location"));
  aggregate_url_ = JoinControl(base_url_, description_.control);
  if (!is_other_host_) learned_.authentication = authenticator_->scheme();
  return std::nullopt;
}

// Ends the session of a proxy that was killed. A camera that allows only one session still has it open. The session's
// id is stored for this purpose.
void Session::EndRememberedSession(int64_t deadline_us) {
  if (learned_.session.empty() || is_other_host_) return;
  const std::string id = std::exchange(learned_.session, "");
  const std::string url = std::exchange(learned_.session_url, "");
  Message request;
  request.is_request = true;
  request.method = "TEARDOWN";
  request.uri = url.empty() ? base_url_ : url;
  request.headers.Add("User-Agent", kUserAgent);
  request.headers.Add("Session", id);
  Message answer;
  const int64_t own_deadline_us = std::min(deadline_us, MonotonicUs() + kEndRememberedUs);
  // The answer does not matter: the caller repeats the refused request, on a new connection if this one was closed.
  (void)Ask(request, own_deadline_us, &answer);
  if (!exchange_->usable()) (void)Connect(deadline_us);
}

void Session::RememberSession() {
  if (is_other_host_ || session_id_.size() > kMaxRememberedId || aggregate_url_.size() > kMaxRememberedUrl) return;
  learned_.session = session_id_;
  learned_.session_url = aggregate_url_;
}

std::optional<Failure> Session::SetUpOnce(const Media& media, Carrier carrier, int64_t deadline_us, Message* answer,
                                          Track* track) {
  track->carrier = carrier;
  track->url = JoinControl(base_url_, media.control);
  for (const Format& format : media.formats) track->payload_types.push_back(format.payload_type);
  const int channel = static_cast<int>(tracks_.size()) * 2;
  Message request = Request("SETUP", track->url);
  if (carrier == Carrier::kTcp) {
    request.headers.Add("Transport", TcpTransport(channel));
  } else if (carrier == Carrier::kUdp) {
    track->udp = std::make_unique<UdpPair>();
    if (!track->udp->Open(exchange_->connection().local_address())) {
      return Failure{end::kIoError, "This machine has no free pair of UDP ports.", 0};
    }
    request.headers.Add("Transport", UdpTransport(track->udp->rtp_port()));
  } else {
    request.headers.Add("Transport", MulticastTransport());
  }
  auto failure = Ask(request, deadline_us, answer);
  const bool unanswered = failure && (failure->end == end::kStopped || failure->end == end::kOpenTimeout);
  set_up_cseq_ = unanswered ? exchange_->last_cseq() : 0;
  return failure;
}

void Session::TakeSession(const Message& answer) {
  const SessionHeader session = ParseSession(answer.headers.Get("Session"));
  if (session.id.empty()) return;
  session_id_ = session.id;
  timeout_s_ = timeout_s_ == 0 ? session.timeout_s : std::min(timeout_s_, session.timeout_s);
}

// Ends a session whose transport is not usable, so that SETUP can request another transport.
void Session::GiveUpSession(int64_t deadline_us) {
  if (!tracks_.empty() || session_id_.empty()) return;
  Message answer;
  (void)Ask(Request("TEARDOWN", aggregate_url_), std::min(deadline_us, MonotonicUs() + kEndRememberedUs), &answer);
  session_id_.clear();
  if (!exchange_->usable()) (void)Connect(deadline_us);
}

// Some cameras give two tracks the same channels. Each channel stays with the track that had it first.
void Session::TakeOverChannels(size_t track, int rtp_channel, int rtcp_channel) {
  for (const auto& [channel, rtcp] : {std::pair(rtp_channel, 0), std::pair(rtcp_channel, 1)}) {
    if (channel < 0 || channel >= static_cast<int>(track_of_channel_.size())) continue;
    int& owner = track_of_channel_[static_cast<size_t>(channel)];
    if (owner < 0) owner = static_cast<int>(track) * 2 + rtcp;
  }
}

std::optional<Failure> Session::UseTcp(const Transport* transport, Track* track) {
  if (transport && !transport->interleaved && (transport->server_rtp_port > 0 || transport->multicast)) {
    return Failure{end::kTransportRefused, "The camera chose UDP although TCP was requested.", 0};
  }
  const int requested = static_cast<int>(tracks_.size()) * 2;
  track->rtp_channel = transport && transport->rtp_channel >= 0 ? transport->rtp_channel : requested;
  track->rtcp_channel = transport && transport->rtcp_channel >= 0 ? transport->rtcp_channel : track->rtp_channel + 1;
  TakeOverChannels(tracks_.size(), track->rtp_channel, track->rtcp_channel);
  return std::nullopt;
}

void Session::UseUdp(const Transport* transport, Track* track) {
  // Some cameras name another host as `source`. It is ignored: only datagrams of the camera's own address are taken.
  track->udp->SetPeer(exchange_->connection().peer_address(), transport ? transport->server_rtp_port : 0,
                      transport ? transport->server_rtcp_port : 0);
  track->udp->PunchHole();
}

std::optional<Failure> Session::UseMulticast(const Transport* transport, const Media& media, Track* track) {
  std::string group = transport ? transport->destination : "";
  if (group.empty()) group = media.multicast_address;
  const int port = transport && transport->multicast_port > 0 ? transport->multicast_port : media.port;
  const std::string local_address = exchange_->connection().local_address();
  track->udp = std::make_unique<UdpPair>();
  if (!group.empty() && port > 0 && track->udp->OpenMulticast(group, port, port + 1, local_address)) {
    return std::nullopt;
  }
  return Failure{end::kIoError, "This machine cannot join the multicast group of the camera.", 0};
}

std::optional<Failure> Session::SetUp(const Media& media, Carrier carrier, int64_t deadline_us) {
  Track track;
  Message answer;
  auto failure = SetUpOnce(media, carrier, deadline_us, &answer, &track);
  if (!failure && answer.status == 453 && session_id_.empty() && !learned_.session.empty()) {
    EndRememberedSession(deadline_us);
    track = Track();
    failure = SetUpOnce(media, carrier, deadline_us, &answer, &track);
  }
  if (failure) return failure;
  if (answer.status < 200 || answer.status > 299) return FailureOfStatus("SETUP", answer);

  TakeSession(answer);
  const auto header = ParseTransport(answer.headers.Get("Transport"));
  const Transport* transport = header ? &*header : nullptr;
  if (carrier == Carrier::kTcp) {
    failure = UseTcp(transport, &track);
  } else if (carrier == Carrier::kUdp) {
    UseUdp(transport, &track);
  } else {
    failure = UseMulticast(transport, media, &track);
  }
  if (failure) {
    GiveUpSession(deadline_us);
    return failure;
  }
  tracks_.push_back(std::move(track));
  RememberSession();
  return std::nullopt;
}

std::optional<Failure> Session::Play(int64_t deadline_us) {
  std::vector<int> channels;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    // A camera that names other channels, or the same channels twice, may still use the requested ones.
    const int requested = static_cast<int>(i) * 2;
    if (tracks_[i].carrier == Carrier::kTcp) TakeOverChannels(i, requested, requested + 1);
  }
  for (size_t i = 0; i < track_of_channel_.size(); ++i) {
    if (track_of_channel_[i] >= 0) channels.push_back(static_cast<int>(i));
  }
  if (!channels.empty()) exchange_->SetChannels(channels);
  Message request = Request("PLAY", aggregate_url_);
  Message with_range = request;
  with_range.headers.Add("Range", "npt=0.000-");
  Message answer;
  if (auto failure = Ask(with_range, deadline_us, &answer)) return failure;
  if (answer.status == 456 || answer.status == 457) {
    // This camera refuses the Range header: PLAY is sent without it.
    if (auto failure = Ask(request, deadline_us, &answer)) return failure;
  }
  if (answer.status < 200 || answer.status > 299) return FailureOfStatus("PLAY", answer);
  TakeSession(answer);
  RememberSession();
  play_clock_us_ = ParseRangeClock(answer.headers.Get("Range"));
  for (const Track& track : tracks_) {
    // A firewall may have forgotten the first datagram by the time that the camera answers PLAY.
    if (track.carrier == Carrier::kUdp) track.udp->PunchHole();
  }
  playing_ = true;
  keepalive_.Begin(timeout_s_ == 0 ? kDefaultTimeoutSeconds : timeout_s_, MonotonicUs());
  return std::nullopt;
}

void Session::OnInterleaved(uint8_t channel, const uint8_t* data, size_t size, int64_t arrival_us) {
  const int found = track_of_channel_[channel];
  if (found < 0) return;
  const auto track = static_cast<size_t>(found / 2);
  sink_.OnPacket(track, found % 2 == 1 || IsRtcp(data, size), data, size, arrival_us);
}

void Session::OnAnswer(int64_t cseq, const Message& answer) {
  if (set_up_cseq_ > 0 && (cseq == set_up_cseq_ || cseq == 0)) {
    set_up_cseq_ = 0;
    if (answer.status <= 299) TakeSession(answer);
    return;
  }
  const int64_t now_us = MonotonicUs();
  const bool is_recent = now_us - keepalive_sent_us_ < kAnswerUs;
  if (keepalive_cseq_ > 0 && (cseq == keepalive_cseq_ || (cseq == 0 && is_recent))) {
    keepalive_cseq_ = 0;
    OnKeepaliveAnswer(answer);
    return;
  }
  // An error that answers no request, shortly after a report: this camera takes receiver reports for requests.
  const bool reported = reported_us_ > 0 && now_us - reported_us_ < kAnswerUs;
  if (cseq == 0 && answer.status >= 400 && reported) reports_refused_ = true;
}

void Session::OnKeepaliveAnswer(const Message& answer) {
  if (answer.status == 401) {
    // The answer has a new nonce, so the keepalive is sent again with it, up to a limit.
    const auto verdict = authenticator_->OnUnauthorized(answer.headers.All("WWW-Authenticate"));
    if (verdict == Authenticator::Verdict::kRetry && ++keepalive_unauthorized_ <= kMaxKeepaliveChallenges && !closed_) {
      SendKeepalive(0);
    }
    return;
  }
  keepalive_unauthorized_ = 0;
  authenticator_->OnAccepted();
  if (answer.status >= 200 && answer.status <= 299) {
    keepalive_.OnAccepted(keepalive_method_);
  } else if (answer.status >= 400) {
    keepalive_.OnRefused(keepalive_method_);
  }
}

void Session::OnRequest(const Message& request) {
  if (request.method == "REDIRECT") {
    end_requested_ = Failure{end::kConnectionLost, "The camera requested a new connection.", 0};
  } else if (request.method == "TEARDOWN") {
    end_requested_ = Failure{end::kConnectionLost, "The camera ended the session.", 0};
  }
}

void Session::SendKeepalive(int64_t now_us) {
  if (now_us > 0) keepalive_method_ = keepalive_.Next(now_us);
  keepalive_cseq_ = exchange_->Send(Authorized(Request(keepalive_method_, aggregate_url_)));
  keepalive_sent_us_ = MonotonicUs();
}

bool Session::SendReport(size_t track, const std::vector<uint8_t>& packet) {
  if (track >= tracks_.size()) return false;
  const Track& to = tracks_[track];
  if (to.carrier == Carrier::kTcp) {
    reported_us_ = MonotonicUs();
    return exchange_->SendInterleaved(to.rtcp_channel, packet);
  }
  return to.carrier == Carrier::kUdp && to.udp->SendRtcp(packet);
}

int64_t Session::dropped_here() const {
  int64_t dropped = 0;
  for (const Track& track : tracks_) dropped += track.udp ? track.udp->dropped_here() : 0;
  return dropped;
}

std::optional<Failure> Session::ReceiveDatagrams(const std::vector<pollfd>& ready) {
  if (datagram_.empty()) datagram_.resize(UdpPair::kMaxDatagram);
  size_t packets = 0;
  size_t bytes = 0;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (!tracks_[i].udp) continue;
    for (const bool rtcp : {false, true}) {
      const int fd = rtcp ? tracks_[i].udp->rtcp_fd() : tracks_[i].udp->rtp_fd();
      const bool waits = std::any_of(ready.begin(), ready.end(),
                                     [fd](const pollfd& each) { return each.fd == fd && each.revents != 0; });
      for (int count = 0; waits && count < kMaxDatagrams; ++count) {
        const size_t size = tracks_[i].udp->Receive(rtcp, datagram_.data(), datagram_.size());
        if (size == 0) break;
        ++packets;
        bytes += size;
        sink_.OnPacket(i, rtcp || IsRtcp(datagram_.data(), size), datagram_.data(), size, MonotonicUs());
      }
    }
  }
  return exchange_->NoteRates(packets, bytes, MonotonicUs());
}

Failure Session::Ended(Failure failure, int64_t at_us) {
  if (!playing_ || !keepalive_.OnEnded(at_us)) return failure;
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.0f", keepalive_.LastedSeconds(at_us));
  failure.end = end::kKeepalive;
  failure.message = std::string("The session lasted ") + seconds + " s.";
  return failure;
}

Failure Session::OnSilence(Failure failure, int64_t seen_us) { return Ended(std::move(failure), seen_us); }

std::optional<Failure> Session::Pump(int64_t deadline_us) {
  std::vector<pollfd> sockets;
  for (const Track& track : tracks_) {
    if (!track.udp) continue;
    sockets.push_back({track.udp->rtp_fd(), POLLIN, 0});
    sockets.push_back({track.udp->rtcp_fd(), POLLIN, 0});
  }
  const int64_t due_us = playing_ ? keepalive_.due_us() : INT64_MAX;
  switch (exchange_->Wait(sockets, std::min(deadline_us, due_us))) {
    case Waiter::Woke::kStopped:
      return Failure{end::kStopped, ""};
    case Waiter::Woke::kWoken:
      woken_ = true;
      break;
    case Waiter::Woke::kDeadline:
      break;
    case Waiter::Woke::kReady:
      if (!sockets.empty()) {
        if (auto failure = ReceiveDatagrams(sockets)) return failure;
      }
      if (auto failure = exchange_->Receive()) {
        return failure->end == end::kConnectionLost ? Ended(*failure, MonotonicUs()) : failure;
      }
      break;
  }
  if (end_requested_) return Ended(*std::exchange(end_requested_, std::nullopt), MonotonicUs());
  if (!playing_) return std::nullopt;
  // Checked after every wait, so that a busy stream does not delay the keepalive.
  const int64_t now_us = MonotonicUs();
  if (now_us >= keepalive_.due_us()) SendKeepalive(now_us);
  return std::nullopt;
}

void Session::Close(int64_t budget_us) {
  if (closed_) return;
  closed_ = true;
  if (!exchange_) return;
  waiter_.set_ignore_stop(true);
  const int64_t deadline_us = MonotonicUs() + budget_us;
  // If SETUP was interrupted, its answer names the session that must be ended.
  std::vector<pollfd> none;
  while (set_up_cseq_ > 0 && exchange_->usable() && MonotonicUs() < deadline_us) {
    if (exchange_->Wait(none, deadline_us) != Waiter::Woke::kReady || exchange_->Receive()) break;
  }
  // Some cameras open a session without naming it.
  const bool has_session = !session_id_.empty() || !tracks_.empty();
  const Message request = Request("TEARDOWN", aggregate_url_);
  if (has_session && !exchange_->usable() && exchange_->can_send()) {
    // Nothing more is read from this connection, so the answer is not awaited.
    (void)exchange_->Send(Authorized(request));
  } else if (has_session && exchange_->usable()) {
    Message answer;
    const auto failure = Ask(request, deadline_us, &answer);
    // A camera that closes the connection instead of answering has ended the session as well.
    if (!failure || failure->end == end::kConnectionLost) {
      learned_.session.clear();
      learned_.session_url.clear();
    }
  }
  waiter_.set_ignore_stop(false);
  exchange_->Close();
}

}  // namespace chrys::rtsp
