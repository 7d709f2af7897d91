// Authentication of RTSP requests: Basic (RFC 7617) and Digest (RFC 7616, RFC 2617, RFC 2069).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chrys::rtsp {

class Authenticator {
 public:
  // `remembered`: a value of scheme() that worked before, or empty. It is tried first.
  Authenticator(bool has_user, std::string user, std::string password, std::string remembered);

  enum class Verdict {
    kRetry,          // send the request again with Authorization()
    kNoCredentials,  // the camera wants a user and there is none
    kRefused,        // the camera refused the credentials
    kUnsupported,    // the camera offers no supported scheme
  };
  // Takes the values of all WWW-Authenticate headers of an answer 401. Each may hold several challenges, in any order.
  // The strongest scheme comes first (SHA-256, MD5, Basic); a weaker digest is tried once after a refusal. A 401 to a
  // nonce that an earlier request used successfully, or that says stale=true, does not count as a wrong answer.
  Verdict OnUnauthorized(const std::vector<std::string_view>& challenges);
  // Any other answer: the credentials were accepted.
  void OnAccepted();

  // The value of the Authorization header; empty while no challenge came. `uri` is that of the request line, byte by
  // byte.
  std::string Authorization(std::string_view method, std::string_view uri, std::string_view body);

  // "Basic", "Digest MD5", "Digest SHA-256" …: the scheme in use; empty when none is needed.
  std::string scheme() const;
  // For messages: what the camera offered last, such as "Digest SHA-256, Basic".
  std::string offered() const;
  // Wrong answers in this attempt: at most 2.
  int wrong_answers() const;

 private:
  struct Challenge {
    bool digest = false;
    bool has_opaque = false;
    std::string name;  // as the camera wrote it: "Digest", "NTLM"
    std::string realm, nonce, opaque, qop;
    std::string algorithm;  // as the camera wrote it; empty: it wrote none
    bool stale = false;
  };
  class ChallengeParser;

  static std::string SchemeOf(const Challenge& challenge);
  const Challenge* Choose() const;
  bool IsRefused(const std::string& scheme) const;
  bool IsExpiredNonce() const;
  void CountAnswer();
  std::string DigestAuthorization(std::string_view method, std::string_view uri, std::string_view body);

  const bool has_user_;
  const std::string user_;
  const std::string password_;
  const std::string remembered_;
  std::vector<Challenge> offered_;  // of the last 401
  Challenge chosen_;
  bool active_ = false;        // chosen_ is set
  bool nonce_worked_ = false;  // a request with chosen_'s nonce was accepted
  bool sent_ = false;          // the request that is not answered yet carries an Authorization
  uint32_t nonce_count_ = 0;
  std::string cnonce_;  // of chosen_'s nonce: the session forms hash it into all its responses (RFC 2617, 3.2.2.2)
  int renewals_ = 0;    // nonces in a row that the camera called expired
  std::vector<std::string> refused_schemes_;
  int wrong_answers_ = 0;
  bool refused_ = false;  // the attempt is over: no more answers, so that no account is locked
};

}  // namespace chrys::rtsp
