#include "base/av_log.h"

#include <cstdarg>
#include <cstring>

extern "C" {
#include <libavutil/log.h>
}

namespace chrys {

namespace {

thread_local LogSink* current_sink = nullptr;

void OnAvLog(void* object, int level, const char* format, va_list arguments) {
  LogSink* sink = current_sink;
  level &= 0xff;
  if (sink == nullptr || level > sink->max_level()) return;
  char line[1024];
  int print_prefix = 1;
  av_log_format_line2(object, level, format, arguments, line, sizeof line, &print_prefix);
  for (size_t n = std::strlen(line); n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'); --n) line[n - 1] = '\0';
  if (line[0] != '\0') sink->Add(level, line);
}

}  // namespace

LogSink::LogSink(int max_level) : max_level_(max_level) { current_sink = this; }

LogSink::~LogSink() { current_sink = nullptr; }

void LogSink::Add(int level, const char* text) {
  if (lines_.size() >= kMaxLines) {
    ++dropped_;
    return;
  }
  if (!lines_.empty() && lines_.back().text == text) return;
  lines_.push_back({level, text});
}

std::vector<LogLine> LogSink::Take() {
  if (dropped_ > 0)
    lines_.push_back({AV_LOG_WARNING, std::to_string(dropped_) + " further messages of libav were dropped."});
  dropped_ = 0;
  std::vector<LogLine> taken;
  taken.swap(lines_);
  return taken;
}

void LogSink::Install() { av_log_set_callback(OnAvLog); }

}  // namespace chrys
