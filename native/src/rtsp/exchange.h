// Requests and answers on one RTSP connection, with interleaved frames between them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/failure.h"
#include "rtsp/message.h"
#include "rtsp/socket.h"

namespace chrys::rtsp {

class Exchange {
 public:
  class Receiver {
   public:
    virtual ~Receiver() = default;
    virtual void OnInterleaved(uint8_t channel, const uint8_t* data, size_t size, int64_t arrival_us) = 0;
    // An answer that no Ask waits for. `cseq`: the number of the unanswered request that it belongs to; 0: its number
    // is missing, or no unanswered request has it.
    virtual void OnAnswer(int64_t cseq, const Message& answer) = 0;
    // The exchange has answered it already.
    virtual void OnRequest(const Message& request) = 0;
  };

  Exchange(Waiter& waiter, Receiver& receiver) : waiter_(waiter), receiver_(receiver) {}

  std::optional<Failure> Connect(const ConnectionOptions& options, int64_t deadline_us);

  // Sends a request and waits for its answer. Everything else that arrives meanwhile goes to the receiver.
  std::optional<Failure> Ask(const Message& request, int64_t deadline_us, Message* answer);
  // Sends a request without waiting. Returns its CSeq; 0: the connection failed.
  int64_t Send(const Message& request);
  // Sends an interleaved frame. False: the connection failed.
  bool SendInterleaved(int channel, const std::vector<uint8_t>& data);

  // Waits until something can be read, here or on one of `others`, until the deadline, or until the stop flag is
  // raised.
  Waiter::Woke Wait(std::vector<pollfd>& others, int64_t deadline_us);
  // Handles what can be read without blocking.
  std::optional<Failure> Receive();
  // Counts packets and bytes that arrived from the camera, here or over UDP. Failures: flood, if there are more than
  // any stream needs.
  std::optional<Failure> NoteRates(size_t packets, size_t bytes, int64_t now_us);

  void SetChannels(const std::vector<int>& channels) { parser_.SetChannels(channels); }
  // Requests can be sent and answers read.
  bool usable() const { return connected_ && !broken_; }
  // Requests can be sent, although answers may not be read any more (the camera broke a limit).
  bool can_send() const { return connected_ && !lost_; }
  // CSeq of the newest request.
  int64_t last_cseq() const { return cseq_; }
  Connection& connection() { return connection_; }
  void Close();

 private:
  std::optional<Failure> Parse(int64_t arrival_us);
  void OnMessage(Message message);
  void AnswerRequest(const Message& request);
  bool IsLate(int64_t cseq) const;
  bool ForgetUnanswered(int64_t cseq);
  bool Write(const void* data, size_t size);
  std::optional<Failure> Broken(Failure failure);
  void Grow();

  Waiter& waiter_;
  Receiver& receiver_;
  Connection connection_;
  StreamParser parser_;
  // Not a vector, which would clear the bytes: pages that no burst needs are never touched.
  std::unique_ptr<uint8_t[]> buffer_;
  size_t buffer_bytes_ = 0;
  size_t begin_ = 0;  // offset of the bytes that are not parsed yet
  size_t end_ = 0;
  bool connected_ = false;
  bool broken_ = false;       // nothing more is read
  bool lost_ = false;         // nothing more can be sent either
  bool spoke_rtsp_ = false;   // one message or frame was understood
  size_t garbage_bytes_ = 0;  // in a row
  int64_t cseq_ = 0;
  int64_t awaited_ = 0;             // CSeq of the request that Ask waits for, 0 = none
  std::deque<int64_t> unanswered_;  // CSeq of requests, oldest first
  bool numbers_match_ = false;      // the camera's answers carry the numbers of the requests
  std::optional<Message> answer_;

  int64_t second_began_us_ = 0;
  int messages_ = 0;  // in this second
  size_t packets_ = 0;
  size_t bytes_ = 0;
  int flooded_seconds_ = 0;  // in a row
};

}  // namespace chrys::rtsp
