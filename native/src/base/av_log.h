// libav's log. libav has one log callback for the whole process. A thread that makes a LogSink gets the lines that
// libav logs on that thread. Lines of other threads (decoder threads, beamcoder's) are dropped: their calls return
// errors.
#pragma once

#include <string>
#include <vector>

namespace chrys {

struct LogLine {
  int level;  // AV_LOG_*
  std::string text;
};

// Collects the lines of the thread that made it, until they are taken. At most 50 lines; further ones are counted.
class LogSink {
 public:
  // `max_level`: an AV_LOG_* value. Less important lines are not kept.
  explicit LogSink(int max_level);
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  std::vector<LogLine> Take();
  bool empty() const { return lines_.empty(); }
  int max_level() const { return max_level_; }
  void Add(int level, const char* text);

  // Sets libav's log callback. Any thread may call it, any number of times.
  static void Install();

 private:
  static constexpr size_t kMaxLines = 50;
  const int max_level_;
  std::vector<LogLine> lines_;
  size_t dropped_ = 0;
};

}  // namespace chrys
