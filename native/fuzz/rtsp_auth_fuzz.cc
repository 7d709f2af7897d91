// Fuzz target: authentication. The input is a list of WWW-Authenticate headers, one in each line. An empty line begins
// the next answer 401; a line "+" means that the request was accepted.
#include "rtsp/auth.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

using namespace chrys::rtsp;

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void Answer(Authenticator& auth, const std::vector<std::string_view>& challenges) {
  const Authenticator::Verdict verdict = auth.OnUnauthorized(challenges);
  const std::string header = auth.Authorization("DESCRIBE", "rtsp://camera/live", "body");
  Check(auth.wrong_answers() <= 2);
  if (verdict == Authenticator::Verdict::kRetry) Check(!header.empty() && !auth.scheme().empty());
  for (const char c : header + auth.offered()) Check(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Authenticator auth(true, "ad\"min", "pass\\word", "Digest MD5");
  std::vector<std::string_view> challenges;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line == "+") {
      auth.OnAccepted();
    } else if (line.empty()) {
      Answer(auth, challenges);
      challenges.clear();
    } else {
      challenges.push_back(line);
    }
  }
  Answer(auth, challenges);
  return 0;
}
