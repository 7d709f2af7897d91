// One RTSP session: from connecting to TEARDOWN.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/failure.h"
#include "rtsp/auth.h"
#include "rtsp/exchange.h"
#include "rtsp/keepalive.h"
#include "rtsp/message.h"
#include "rtsp/sdp.h"
#include "rtsp/socket.h"
#include "rtsp/transport_header.h"
#include "rtsp/url.h"
#include "source/learned.h"

namespace chrys::rtsp {

struct SessionOptions {
  std::string url;                     // with credentials
  std::vector<std::string> addresses;  // of its host
  TlsVerify verify = TlsVerify::kPin;
};

enum class Carrier { kTcp, kUdp, kMulticast };

class Session : public Exchange::Receiver {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // One packet of a track that was set up; RTCP when `rtcp`. `data` is valid during the call.
    virtual void OnPacket(size_t track, bool rtcp, const uint8_t* data, size_t size, int64_t arrival_us) = 0;
  };

  // `learned` outlives the session and is written to.
  Session(const SessionOptions& options, Learned& learned, Waiter& waiter, Sink& sink);
  ~Session() override;

  // Connects and requests the description (DESCRIBE). Follows redirects.
  std::optional<Failure> Describe(int64_t deadline_us);
  const SessionDescription& description() const { return description_; }

  // Sets up one of description().media as the next track.
  std::optional<Failure> SetUp(const Media& media, Carrier carrier, int64_t deadline_us);
  std::optional<Failure> Play(int64_t deadline_us);

  // Waits until data arrives, the deadline passes or the stop flag is raised. Handles the data, and keeps the session
  // alive.
  std::optional<Failure> Pump(int64_t deadline_us);

  // Whether the last Pump was woken without a stop. Resets.
  bool TakeWoken() { return std::exchange(woken_, false); }

  // Sends RTCP to the camera. False: the packet was not sent.
  bool SendReport(size_t track, const std::vector<uint8_t>& packet);

  // The camera stopped sending at `seen_us` although the connection is open. Returns `failure`, or the reason
  // "keepalive" if this happens at a constant interval.
  Failure OnSilence(Failure failure, int64_t seen_us);
  // Requests can be sent and answers read.
  bool usable() const { return exchange_ && exchange_->usable(); }

  // Ends the session, if there is one, with TEARDOWN, waits at most `budget_us` for the answer, and closes the
  // connection. Ignores the stop flag. Does nothing the second time.
  void Close(int64_t budget_us);

  // The camera's own clock at PLAY (ONVIF "Range: clock="), microseconds since the epoch; 0: not known.
  int64_t play_clock_us() const { return play_clock_us_; }
  // After receiver reports were sent, the camera sent an error that answers no request.
  bool reports_refused() const { return reports_refused_; }
  // Number of datagrams that this machine dropped because they were not read in time.
  int64_t dropped_here() const;
  // The authentication scheme in use, such as "Digest SHA-256".
  std::string authentication() const { return authenticator_->scheme(); }

 private:
  struct Track {
    Carrier carrier = Carrier::kTcp;
    int rtp_channel = -1;
    int rtcp_channel = -1;
    std::vector<int> payload_types;
    std::unique_ptr<UdpPair> udp;
    std::string url;
  };

  void OnInterleaved(uint8_t channel, const uint8_t* data, size_t size, int64_t arrival_us) override;
  void OnAnswer(int64_t cseq, const Message& answer) override;
  void OnRequest(const Message& request) override;

  std::optional<Failure> Connect(int64_t deadline_us);
  std::optional<Failure> RequestDescription(int64_t deadline_us, Message* answer);
  // Sends a request and waits for its answer. After an answer 401, sends it again with an answer to the challenge, as
  // often as that can help.
  std::optional<Failure> Ask(const Message& request, int64_t deadline_us, Message* answer);
  std::optional<Failure> SetUpOnce(const Media& media, Carrier carrier, int64_t deadline_us, Message* answer,
                                   Track* track);
  std::optional<Failure> Redirect(const Message& answer);
  // These take the transport of an answer to SETUP into use; nullptr: the answer names none.
  std::optional<Failure> UseTcp(const Transport* transport, Track* track);
  void UseUdp(const Transport* transport, Track* track);
  std::optional<Failure> UseMulticast(const Transport* transport, const Media& media, Track* track);
  void EndRememberedSession(int64_t deadline_us);
  void GiveUpSession(int64_t deadline_us);
  void TakeSession(const Message& answer);
  void TakeOverChannels(size_t track, int rtp_channel, int rtcp_channel);
  void OnKeepaliveAnswer(const Message& answer);
  Message Authorized(Message request);
  void SendKeepalive(int64_t now_us);
  std::optional<Failure> ReceiveDatagrams(const std::vector<pollfd>& ready);
  Failure Ended(Failure failure, int64_t at_us);
  Message Request(const std::string& method, const std::string& uri) const;
  void RememberSession();

  Url url_;
  std::vector<std::string> addresses_;
  const TlsVerify verify_;
  Learned& learned_;
  Waiter& waiter_;
  Sink& sink_;
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<Authenticator> authenticator_;
  SessionDescription description_;
  std::string base_url_;
  std::string aggregate_url_;
  std::string session_id_;
  int timeout_s_ = 0;           // the minimum that the camera declared; 0: none yet
  bool is_other_host_ = false;  // redirected to another host; nothing is learnt from that host
  std::vector<Track> tracks_;
  std::vector<int> track_of_channel_;  // by channel: track * 2, plus 1 for RTCP; -1 = none
  Keepalive keepalive_;
  int64_t keepalive_cseq_ = 0;  // of the newest keepalive request, until it is answered
  int64_t keepalive_sent_us_ = 0;
  std::string keepalive_method_;
  int keepalive_unauthorized_ = 0;  // in a row
  int64_t set_up_cseq_ = 0;         // of a SETUP that was given up before its answer came
  bool playing_ = false;
  bool woken_ = false;
  bool closed_ = false;
  int64_t reported_us_ = 0;  // monotonic, when the last report was sent
  bool reports_refused_ = false;
  std::optional<Failure> end_requested_;  // by the camera
  int64_t play_clock_us_ = 0;
  std::vector<uint8_t> datagram_;
};

}  // namespace chrys::rtsp
