// libav has one log callback for the whole process. Each capturing thread names its own sink here, and what libav says
// on that thread goes there; what other threads say (decoder threads, beamcoder's) is dropped: their calls report
// errors.
#pragma once

#include <string>
#include <vector>

namespace chrys {

struct LogLine {
  int level;  // AV_LOG_*
  std::string text;
};

// Collects lines on the thread that made it, until taken. Bounded: lines beyond the bound are counted and dropped.
class LogSink {
 public:
  // `max_level` is an AV_LOG_* value: what is less important is not kept.
  explicit LogSink(int max_level);
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  std::vector<LogLine> Take();
  bool empty() const { return lines_.empty(); }
  int max_level() const { return max_level_; }
  void Add(int level, const char* text);

  // Makes libav call us; safe to call from any thread any number of times.
  static void Install();

 private:
  static constexpr size_t kMaxLines = 50;
  const int max_level_;
  std::vector<LogLine> lines_;
  size_t dropped_ = 0;
};

}  // namespace chrys
