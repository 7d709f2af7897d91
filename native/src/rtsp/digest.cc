#include "rtsp/digest.h"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <new>

extern "C" {
#include <libavutil/md5.h>
#include <libavutil/mem.h>
#include <libavutil/sha.h>
}

namespace chrys::rtsp {

namespace {

struct AvFree {
  void operator()(void* memory) const { av_free(memory); }
};

std::string Hex(const uint8_t* bytes, size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < size; ++i) text += {kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]};
  return text;
}

std::string JoinWithColons(std::initializer_list<std::string_view> parts) {
  std::string text;
  const char* separator = "";
  for (const std::string_view part : parts) {
    text.append(separator).append(part);
    separator = ":";
  }
  return text;
}

}  // namespace

std::string HexHash(DigestHash hash, std::string_view text) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  if (hash == DigestHash::kMd5) {
    uint8_t digest[16];
    av_md5_sum(digest, bytes, text.size());
    return Hex(digest, sizeof digest);
  }
  const std::unique_ptr<AVSHA, AvFree> sha(av_sha_alloc());
  if (sha == nullptr) throw std::bad_alloc();
  uint8_t digest[32];
  av_sha_init(sha.get(), 256);
  av_sha_update(sha.get(), bytes, text.size());
  av_sha_final(sha.get(), digest);
  return Hex(digest, sizeof digest);
}

std::string DigestResponse(const DigestInput& in) {
  const auto hash = [&](std::initializer_list<std::string_view> parts) {
    return HexHash(in.hash, JoinWithColons(parts));
  };
  std::string secret = hash({in.user, in.realm, in.password});
  if (in.session) secret = hash({secret, in.nonce, in.cnonce});
  const std::string request =
      in.qop == "auth-int" ? hash({in.method, in.uri, HexHash(in.hash, in.body)}) : hash({in.method, in.uri});
  if (in.qop.empty()) return hash({secret, in.nonce, request});
  return hash({secret, in.nonce, in.nonce_count, in.cnonce, in.qop, request});
}

}  // namespace chrys::rtsp
