// Which packets wake the thread that receives: `small_packets_test`.
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdio>
#include <string>

#include "../../src/rtsp/exchange.h"
#include "expect.h"
#include "loopback.h"

using namespace chrys;
using namespace chrys::rtsp;

namespace {

constexpr int64_t kShortUs = 30'000;
constexpr int kDelimiters = 8;  // that show the habit of the camera

// An interleaved frame with an RTP packet that has so many bytes of payload.
std::string Frame(size_t payload) {
  std::string frame{'$', 0, 0, static_cast<char>(12 + payload)};
  frame += '\x80';
  frame.append(11 + payload, 'x');
  return frame;
}

class Camera : public Exchange::Receiver {
 public:
  Camera()
      : server_([this](int client) { Serve(client); }),
        waiter_(stop_.flag, stop_.wake_fd),
        exchange_(waiter_, *this) {
    EXPECT(!exchange_.Connect(Options(server_.port()), MonotonicUs() + kPatienceUs));
    while (client_ < 0) std::this_thread::yield();
  }
  ~Camera() override {
    exchange_.Close();
    done_ = true;
  }

  void OnInterleaved(uint8_t, const uint8_t*, size_t, int64_t) override { ++frames; }
  void OnAnswer(int64_t, const Message&) override {}
  void OnRequest(const Message&) override {}

  void Send(const std::string& bytes) { EXPECT(send(client_, bytes.data(), bytes.size(), 0) > 0); }
  void HangUp() { shutdown(client_, SHUT_RDWR); }
  Waiter::Woke Wait(int64_t us) { return exchange_.Wait(none_, MonotonicUs() + us); }
  // Sends, and expects that it wakes the exchange.
  void Deliver(const std::string& bytes) {
    Send(bytes);
    EXPECT(Wait(kPatienceUs) == Waiter::Woke::kReady);
    EXPECT(!exchange_.Receive());
  }
  void ShowHabit() {
    exchange_.SetBetweenPictures(true);
    for (int i = 0; i < kDelimiters; ++i) Deliver(Frame(2));
    EXPECT(frames == kDelimiters);
  }
  Exchange& exchange() { return exchange_; }

  int frames = 0;

 private:
  void Serve(int client) {
    const int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client_ = client;
    while (!done_) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  std::atomic<int> client_{-1};
  std::atomic<bool> done_{false};
  Server server_;
  Stop stop_;
  Waiter waiter_;
  std::vector<pollfd> none_;
  Exchange exchange_;
};

void LoneDelimitersDoNotWake() {
  Camera camera;
  camera.ShowHabit();
  camera.Send(Frame(2));
  EXPECT(camera.Wait(kShortUs) == Waiter::Woke::kDeadline);
  EXPECT(camera.exchange().leaves_small_packets());
  camera.Deliver(Frame(100));
  EXPECT(camera.frames == kDelimiters + 2);
}

void TheSmallestSliceWakes() {
  Camera camera;
  camera.ShowHabit();
  camera.Deliver(Frame(4));
}

void WithinAPictureEveryPacketWakes() {
  Camera camera;
  camera.ShowHabit();
  camera.exchange().SetBetweenPictures(false);
  camera.Deliver(Frame(1));
}

void TheRestOfAFrameWakes() {
  Camera camera;
  camera.ShowHabit();
  const std::string frame = Frame(100);
  camera.Deliver(frame.substr(0, frame.size() - 1));
  camera.Deliver(frame.substr(frame.size() - 1));
  EXPECT(camera.frames == kDelimiters + 1);
}

void WithoutTheHabitTheyWake() {
  Camera camera;
  camera.exchange().SetBetweenPictures(true);
  for (int i = 0; i < kDelimiters - 1; ++i) camera.Deliver(Frame(2));
  camera.Deliver(Frame(2));
}

void TheEndWakes() {
  Camera camera;
  camera.ShowHabit();
  camera.Send(Frame(2));
  EXPECT(camera.Wait(kShortUs) == Waiter::Woke::kDeadline);
  camera.HangUp();
  EXPECT(camera.Wait(kPatienceUs) == Waiter::Woke::kReady);
}

}  // namespace

int main() {
  LoneDelimitersDoNotWake();
  TheSmallestSliceWakes();
  WithinAPictureEveryPacketWakes();
  TheRestOfAFrameWakes();
  WithoutTheHabitTheyWake();
  TheEndWakes();
  if (failures == 0) std::printf("small packets: passed\n");
  return failures == 0 ? 0 : 1;
}
