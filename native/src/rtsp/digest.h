// The computation of HTTP Digest responses (RFC 7616, 3.4.1; RFC 2069, 2.1.2).
#pragma once

#include <string>
#include <string_view>

namespace chrys::rtsp {

enum class DigestHash { kMd5, kSha256 };

// The hash of the text, in lower-case hexadecimal.
std::string HexHash(DigestHash hash, std::string_view text);

struct DigestInput {
  DigestHash hash = DigestHash::kMd5;
  bool session = false;  // "MD5-sess", "SHA-256-sess"
  std::string_view user, realm, password, nonce, cnonce;
  std::string_view nonce_count;  // eight hexadecimal digits
  std::string_view qop;          // "auth", "auth-int"; empty: the form of RFC 2069
  std::string_view method, uri, body;
};

std::string DigestResponse(const DigestInput& input);

}  // namespace chrys::rtsp
