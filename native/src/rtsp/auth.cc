#include "rtsp/auth.h"

#include "rtsp/digest.h"
#include "rtsp/text.h"

#include <algorithm>
#include <cstdio>
#include <utility>

extern "C" {
#include <libavutil/base64.h>
#include <libavutil/random_seed.h>
}

namespace chrys::rtsp {

namespace {

constexpr size_t kMaxChallenges = 16;
constexpr size_t kMaxShownBytes = 40;
constexpr size_t kMaxNameBytes = 40;
constexpr int kMaxWrongAnswers = 2;
// A camera that calls this many nonces in a row expired refuses the credentials.
constexpr int kMaxRenewals = 3;

constexpr char kBasic[] = "Basic";

struct Algorithm {
  const char* token;
  const char* scheme;
  DigestHash hash;
  bool session;
};

// The strongest first. "SHA256" is what some cameras write.
constexpr Algorithm kAlgorithms[] = {
    {"SHA-256", "Digest SHA-256", DigestHash::kSha256, false},
    {"SHA256", "Digest SHA-256", DigestHash::kSha256, false},
    {"SHA-256-sess", "Digest SHA-256-sess", DigestHash::kSha256, true},
    {"SHA256-sess", "Digest SHA-256-sess", DigestHash::kSha256, true},
    {"MD5", "Digest MD5", DigestHash::kMd5, false},
    {"MD5-sess", "Digest MD5-sess", DigestHash::kMd5, true},
};

// nullptr: the algorithm is unknown. A challenge without an algorithm means MD5 (RFC 2069, RFC 2617).
const Algorithm* FindAlgorithm(std::string_view token) {
  if (token.empty()) token = "MD5";
  for (const Algorithm& algorithm : kAlgorithms) {
    if (EqualsIgnoringCase(token, algorithm.token)) return &algorithm;
  }
  return nullptr;
}

int Strength(std::string_view scheme) {
  if (scheme == kBasic) return 1;
  int strength = 100;
  for (const Algorithm& algorithm : kAlgorithms) {
    if (scheme == algorithm.scheme) return strength;
    --strength;
  }
  return 0;
}

bool IsDigest(std::string_view scheme) { return Strength(scheme) > 1; }

// The text for messages: short, and without control characters.
std::string Shown(std::string_view text) {
  std::string shown;
  for (const char c : text.substr(0, kMaxShownBytes)) {
    if (!IsControl(c)) shown += c;
  }
  return shown;
}

// Chooses the quality of protection from a list such as "auth-int,auth". Empty: the form of RFC 2069.
std::string ChooseQop(std::string_view offered) {
  bool has_auth_int = false;
  while (!offered.empty()) {
    const std::string_view qop = Trim(TakeUntil(offered, ','));
    if (EqualsIgnoringCase(qop, "auth")) return "auth";
    has_auth_int = has_auth_int || EqualsIgnoringCase(qop, "auth-int");
  }
  return has_auth_int ? "auth-int" : "";
}

// A quoted string (RFC 7230, 3.2.6). Control characters are left out, because they cannot be written.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (IsControl(c)) continue;
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string Base64(const std::string& text) {
  std::string encoded(AV_BASE64_SIZE(text.size()), '\0');
  const auto* bytes = reinterpret_cast<const uint8_t*>(text.data());
  if (av_base64_encode(encoded.data(), static_cast<int>(encoded.size()), bytes, static_cast<int>(text.size())) ==
      nullptr)
    return "";
  encoded.resize(encoded.find('\0'));
  return encoded;
}

std::string HexNumber(uint32_t number) {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(number));
  return text;
}

// Characters that end the name of a scheme or of a parameter.
bool EndsToken(char c) { return IsBlank(c) || c == ',' || c == '=' || c == '"' || c == '\r' || c == '\n'; }

}  // namespace

// Splits a header into challenges. Accepts what cameras write: quotes or none, commas inside quotes, missing commas,
// several challenges, and parameters without a scheme before them.
class Authenticator::ChallengeParser {
 public:
  ChallengeParser(std::string_view text, std::vector<Challenge>* challenges) : text_(text), challenges_(challenges) {}

  void Parse() {
    bool in_challenge = false;
    while (true) {
      SkipSeparators();
      if (text_.empty()) return;
      const std::string_view token = TakeToken();
      if (token.empty()) {
        text_.remove_prefix(1);
        continue;
      }
      SkipBlanks();
      const bool is_parameter = !text_.empty() && text_.front() == '=';
      if (!is_parameter || !in_challenge) {
        if (challenges_->size() >= kMaxChallenges) return;
        challenges_->emplace_back();
        challenges_->back().name = is_parameter ? "Digest" : std::string(token);
        challenges_->back().digest = EqualsIgnoringCase(challenges_->back().name, "Digest");
        in_challenge = true;
      }
      if (!is_parameter) continue;
      text_.remove_prefix(1);
      SetParameter(token, TakeValue(), &challenges_->back());
    }
  }

 private:
  static void SetParameter(std::string_view name, std::string value, Challenge* challenge) {
    if (EqualsIgnoringCase(name, "realm")) {
      challenge->realm = std::move(value);
    } else if (EqualsIgnoringCase(name, "nonce")) {
      challenge->nonce = std::move(value);
    } else if (EqualsIgnoringCase(name, "opaque")) {
      challenge->opaque = std::move(value);
      challenge->has_opaque = true;
    } else if (EqualsIgnoringCase(name, "algorithm")) {
      challenge->algorithm = std::string(Trim(value));
    } else if (EqualsIgnoringCase(name, "qop")) {
      challenge->qop = std::move(value);
    } else if (EqualsIgnoringCase(name, "stale")) {
      challenge->stale = EqualsIgnoringCase(Trim(value), "true");
    }
  }

  void SkipBlanks() {
    while (!text_.empty() && IsBlank(text_.front())) text_.remove_prefix(1);
  }

  void SkipSeparators() {
    while (!text_.empty() && (IsBlank(text_.front()) || text_.front() == ',' || text_.front() == ';'))
      text_.remove_prefix(1);
  }

  std::string_view TakeToken() {
    size_t end = 0;
    while (end < text_.size() && !EndsToken(text_[end])) ++end;
    const std::string_view token = text_.substr(0, end);
    text_.remove_prefix(end);
    return token;
  }

  std::string TakeValue() {
    SkipBlanks();
    if (text_.empty() || text_.front() != '"') return TakeUnquoted();
    text_.remove_prefix(1);
    std::string value;
    while (!text_.empty() && text_.front() != '"') {
      if (text_.front() == '\\' && text_.size() > 1) text_.remove_prefix(1);
      value += text_.front();
      text_.remove_prefix(1);
    }
    if (!text_.empty()) text_.remove_prefix(1);
    return value;
  }

  // An unquoted value ends at a comma, or before a word that is followed by '='.
  std::string TakeUnquoted() {
    size_t end = 0;
    while (end < text_.size() && text_[end] != ',') {
      if (IsBlank(text_[end]) && BeginsParameter(text_.substr(end))) break;
      ++end;
    }
    const std::string_view value = Trim(text_.substr(0, end));
    text_.remove_prefix(end);
    return std::string(value);
  }

  static bool BeginsParameter(std::string_view text) {
    while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
    size_t end = 0;
    while (end < text.size() && end < kMaxNameBytes && !EndsToken(text[end])) ++end;
    return end > 0 && end < text.size() && text[end] == '=';
  }

  std::string_view text_;
  std::vector<Challenge>* challenges_;
};

Authenticator::Authenticator(bool has_user, std::string user, std::string password, std::string remembered)
    : has_user_(has_user), user_(std::move(user)), password_(std::move(password)), remembered_(std::move(remembered)) {}

// "Digest MD5", "Basic"; empty when the scheme is not supported.
std::string Authenticator::SchemeOf(const Challenge& challenge) {
  if (challenge.digest) {
    const Algorithm* algorithm = FindAlgorithm(challenge.algorithm);
    return algorithm != nullptr && !challenge.nonce.empty() ? algorithm->scheme : "";
  }
  return EqualsIgnoringCase(challenge.name, kBasic) ? kBasic : "";
}

bool Authenticator::IsRefused(const std::string& scheme) const {
  return std::find(refused_schemes_.begin(), refused_schemes_.end(), scheme) != refused_schemes_.end();
}

// The challenge to answer; nullptr: none is left. Basic sends the password in the clear, so it is used only if the
// camera offers no digest. A refused digest, or a remembered Basic, is no reason to use it.
const Authenticator::Challenge* Authenticator::Choose() const {
  const Challenge* best = nullptr;
  int best_strength = 0;
  for (const Challenge& challenge : offered_) {
    const std::string scheme = SchemeOf(challenge);
    int strength = Strength(scheme);
    if (strength > 1 && scheme == remembered_) strength = 1000;
    // A refused digest ranks below the others but above Basic, so that Basic is not chosen in its place.
    if (IsRefused(scheme)) strength = IsDigest(scheme) ? 2 : 0;
    if (strength <= best_strength) continue;
    best = &challenge;
    best_strength = strength;
  }
  return best == nullptr || IsRefused(SchemeOf(*best)) ? nullptr : best;
}

// Whether the 401 means that the nonce of the request is used up, and not that the credentials are wrong.
bool Authenticator::IsExpiredNonce() const {
  if (!chosen_.digest || renewals_ >= kMaxRenewals) return false;
  if (nonce_worked_) return true;
  return std::any_of(offered_.begin(), offered_.end(), [&](const Challenge& challenge) {
    return challenge.stale && SchemeOf(challenge) == SchemeOf(chosen_);
  });
}

// Counts the 401 to a request that carried an Authorization.
void Authenticator::CountAnswer() {
  if (IsExpiredNonce()) {
    ++renewals_;
    return;
  }
  ++wrong_answers_;
  refused_schemes_.push_back(SchemeOf(chosen_));
}

Authenticator::Verdict Authenticator::OnUnauthorized(const std::vector<std::string_view>& challenges) {
  offered_.clear();
  for (const std::string_view challenge : challenges) ChallengeParser(challenge, &offered_).Parse();
  if (!has_user_) return Verdict::kNoCredentials;

  if (std::exchange(sent_, false)) CountAnswer();
  const Challenge* best = Choose();
  if (best == nullptr || wrong_answers_ >= kMaxWrongAnswers) refused_ = wrong_answers_ > 0;
  if (refused_) return Verdict::kRefused;
  if (best == nullptr) return Verdict::kUnsupported;
  if (!active_ || best->nonce != chosen_.nonce) {
    nonce_count_ = 0;
    cnonce_ = HexNumber(av_get_random_seed()) + HexNumber(av_get_random_seed());
  }
  nonce_worked_ = false;
  chosen_ = *best;
  active_ = true;
  return Verdict::kRetry;
}

void Authenticator::OnAccepted() {
  nonce_worked_ = nonce_worked_ || sent_;
  sent_ = false;
  renewals_ = 0;
}

std::string Authenticator::Authorization(std::string_view method, std::string_view uri, std::string_view body) {
  if (!active_ || refused_) return "";
  sent_ = true;
  if (!chosen_.digest) return "Basic " + Base64(user_ + ":" + password_);
  return DigestAuthorization(method, uri, body);
}

// The order is that of RFC 2069, which simple cameras rely on. `algorithm`, `qop` and `nc` are not quoted (RFC
// 7616, 3.4): some Amcrest cameras refuse them in quotes.
std::string Authenticator::DigestAuthorization(std::string_view method, std::string_view uri, std::string_view body) {
  const Algorithm* algorithm = FindAlgorithm(chosen_.algorithm);
  if (algorithm == nullptr) return "";
  const std::string qop = ChooseQop(chosen_.qop);
  const std::string nonce_count = HexNumber(++nonce_count_);

  DigestInput input;
  input.hash = algorithm->hash;
  input.session = algorithm->session;
  input.user = user_;
  input.realm = chosen_.realm;
  input.password = password_;
  input.nonce = chosen_.nonce;
  input.cnonce = cnonce_;
  input.nonce_count = nonce_count;
  input.qop = qop;
  input.method = method;
  input.uri = uri;
  input.body = body;

  std::string header = "Digest username=" + Quoted(user_) + ", realm=" + Quoted(chosen_.realm) +
                       ", nonce=" + Quoted(chosen_.nonce) + ", uri=" + Quoted(uri) + ", response=\"" +
                       DigestResponse(input) + '"';
  if (chosen_.has_opaque) header += ", opaque=" + Quoted(chosen_.opaque);
  if (!chosen_.algorithm.empty()) header += ", algorithm=" + chosen_.algorithm;
  if (!qop.empty()) header += ", qop=" + qop + ", nc=" + nonce_count;
  if (!qop.empty() || algorithm->session) header += ", cnonce=\"" + cnonce_ + '"';
  return header;
}

std::string Authenticator::scheme() const { return active_ ? SchemeOf(chosen_) : ""; }

std::string Authenticator::offered() const {
  std::vector<std::string> names;
  for (const Challenge& challenge : offered_) {
    std::string name = SchemeOf(challenge);
    if (name.empty()) name = Shown(challenge.name + (challenge.algorithm.empty() ? "" : " " + challenge.algorithm));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

int Authenticator::wrong_answers() const { return wrong_answers_; }

}  // namespace chrys::rtsp
