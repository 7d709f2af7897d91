// Digest responses against the examples of the RFCs, and the answers to what cameras offer: `auth_test`.
#include "rtsp/auth.h"
#include "expect.h"
#include "rtsp/digest.h"

#include <string>
#include <vector>

using namespace chrys;
using namespace chrys::rtsp;

namespace {

using Verdict = Authenticator::Verdict;

Authenticator Admin(const std::string& remembered = "") { return Authenticator(true, "admin", "secret", remembered); }

std::string Authorize(Authenticator& auth) { return auth.Authorization("DESCRIBE", "rtsp://h/a?b", ""); }

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// The value of a parameter, without quotes.
std::string Parameter(const std::string& header, const std::string& name) {
  size_t begin = header.find(" " + name + "=");
  if (begin == std::string::npos) return "";
  begin += name.size() + 2;
  if (header[begin] != '"') return header.substr(begin, header.find(',', begin) - begin);
  return header.substr(begin + 1, header.find('"', begin + 1) - begin - 1);
}

void MatchesTheExamplesOfTheRfcs() {
  DigestInput rfc2617;
  rfc2617.user = "Mufasa";
  rfc2617.realm = "testrealm@host.com";
  rfc2617.password = "Circle Of Life";
  rfc2617.nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
  rfc2617.cnonce = "0a4f113b";
  rfc2617.nonce_count = "00000001";
  rfc2617.qop = "auth";
  rfc2617.method = "GET";
  rfc2617.uri = "/dir/index.html";
  EXPECT(DigestResponse(rfc2617) == "6629fae49393a05397450978507c4ef1");

  DigestInput rfc2069 = rfc2617;
  rfc2069.password = "CircleOfLife";
  rfc2069.qop = "";
  EXPECT(DigestResponse(rfc2069) == "1949323746fe6a43ef61f9606e7febea");  // RFC 2069, erratum 749

  DigestInput rfc7616 = rfc2617;
  rfc7616.realm = "http-auth@example.org";
  rfc7616.password = "Circle of Life";
  rfc7616.nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
  rfc7616.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
  EXPECT(DigestResponse(rfc7616) == "8ca523f5e9506fed4657c9700eebdbec");
  rfc7616.hash = DigestHash::kSha256;
  EXPECT(DigestResponse(rfc7616) == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

// Computed with another implementation.
void MatchesSessionAndIntegrityForms() {
  DigestInput input;
  input.user = "u";
  input.realm = "r";
  input.password = "p";
  input.nonce = "n";
  input.cnonce = "c";
  input.nonce_count = "00000001";
  input.method = "DESCRIBE";
  input.uri = "rtsp://h/";
  input.body = "body";
  input.qop = "auth-int";
  EXPECT(DigestResponse(input) == "c9f66ca55b0a028ab3d27fbad76e981c");
  input.hash = DigestHash::kSha256;
  EXPECT(DigestResponse(input) == "f2d876ee25b26424ce0bc5a13519b9f699c9eb7496608eabfd3ef241884fe47d");
  input.session = true;
  input.qop = "auth";
  EXPECT(DigestResponse(input) == "7c44d6df1a3197a9c0c8e9ae66f88b79b4acafb9a477ce1ec3a5ffab22eaa39a");
  input.qop = "";
  EXPECT(DigestResponse(input) == "eaa55df30546a5773ba3c2bcc401b23894849e0dbb42a6c4e5279305621ba982");
  input.hash = DigestHash::kMd5;
  EXPECT(DigestResponse(input) == "d4383affd21564583efc52f9e9aabeea");
  input.qop = "auth";
  EXPECT(DigestResponse(input) == "7bacd2208cf37bcd1e670c3c5e13bc6c");
}

void SendsNothingUnasked() {
  Authenticator auth = Admin();
  EXPECT(Authorize(auth).empty() && auth.scheme().empty() && auth.offered().empty());
  auth.OnAccepted();
  EXPECT(auth.wrong_answers() == 0);
}

void AnswersBasic() {
  Authenticator auth = Admin();
  EXPECT(auth.OnUnauthorized({"Basic realm=\"/\""}) == Verdict::kRetry);
  EXPECT(Authorize(auth) == "Basic YWRtaW46c2VjcmV0" && auth.scheme() == "Basic" && auth.offered() == "Basic");
  EXPECT(auth.OnUnauthorized({"Basic realm=\"/\""}) == Verdict::kRefused);
  EXPECT(auth.wrong_answers() == 1);
  Authenticator empty(true, "admin", "", "");
  EXPECT(empty.OnUnauthorized({"basic"}) == Verdict::kRetry);
  EXPECT(Authorize(empty) == "Basic YWRtaW46");
}

void AnswersTheOldForm_Dahua() {
  Authenticator auth = Admin();
  EXPECT(auth.OnUnauthorized({"Digest realm=\"Login to 4G05\", nonce=\"0da8f7\""}) == Verdict::kRetry);
  const std::string header = Authorize(auth);
  EXPECT(header ==
         "Digest username=\"admin\", realm=\"Login to 4G05\", nonce=\"0da8f7\", uri=\"rtsp://h/a?b\", response=\"" +
             HexHash(DigestHash::kMd5, HexHash(DigestHash::kMd5, "admin:Login to 4G05:secret") +
                                           ":0da8f7:" + HexHash(DigestHash::kMd5, "DESCRIBE:rtsp://h/a?b")) +
             "\"");
  EXPECT(auth.scheme() == "Digest MD5");
}

void EchoesWhatTheCameraGave() {
  Authenticator auth = Admin();
  EXPECT(
      auth.OnUnauthorized({"Digest realm=\"a \\\"b\\\", c\",nonce=xyz, opaque=\"\", algorithm=sha-256, qop=\"auth-int, "
                           "auth\", stale=FALSE"}) == Verdict::kRetry);
  const std::string first = Authorize(auth);
  EXPECT(Has(first, "realm=\"a \\\"b\\\", c\"") && Has(first, "nonce=\"xyz\"") && Has(first, "opaque=\"\""));
  EXPECT(Has(first, "algorithm=sha-256") && Has(first, "qop=auth,") && Has(first, "nc=00000001"));
  EXPECT(auth.scheme() == "Digest SHA-256");
  auth.OnAccepted();
  EXPECT(Has(Authorize(auth), "nc=00000002"));

  Authenticator integrity = Admin();
  EXPECT(integrity.OnUnauthorized({"Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""}) == Verdict::kRetry);
  EXPECT(Has(Authorize(integrity), "qop=auth-int,") && !Has(Authorize(integrity), "algorithm"));

  Authenticator unknown_qop = Admin();
  EXPECT(unknown_qop.OnUnauthorized({"Digest realm=\"r\", nonce=\"n\", qop=\"other\""}) == Verdict::kRetry);
  EXPECT(!Has(Authorize(unknown_qop), "qop") && !Has(Authorize(unknown_qop), "cnonce"));
}

void HashesTheClientNonceOnceForASession() {
  Authenticator auth = Admin();
  EXPECT(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess"}) == Verdict::kRetry);
  const std::string first = Authorize(auth);
  auth.OnAccepted();
  EXPECT(Parameter(first, "cnonce").size() == 16 && first == Authorize(auth));
  EXPECT(auth.scheme() == "Digest MD5-sess");
  const std::string secret =
      HexHash(DigestHash::kMd5, HexHash(DigestHash::kMd5, "admin:r:secret") + ":n:" + Parameter(first, "cnonce"));
  EXPECT(Parameter(first, "response") ==
         HexHash(DigestHash::kMd5, secret + ":n:" + HexHash(DigestHash::kMd5, "DESCRIBE:rtsp://h/a?b")));
}

void TakesTheStrongestInAnyOrder() {
  const std::string md5 = "Digest realm=\"r\", nonce=\"n\", algorithm=\"MD5\"";
  const std::string sha = "Digest realm=\"r\", nonce=\"n\", algorithm=\"SHA-256\"";
  const std::string basic = "Basic realm=\"r\"";
  const std::vector<std::vector<std::string>> offers = {
      {md5, sha, basic}, {basic, sha, md5}, {basic + ", " + md5 + ", " + sha}, {sha + "," + basic, md5}};
  for (const auto& offer : offers) {
    Authenticator auth = Admin();
    EXPECT(auth.OnUnauthorized({offer.begin(), offer.end()}) == Verdict::kRetry);
    EXPECT(auth.scheme() == "Digest SHA-256");
    EXPECT(Has(auth.offered(), "Digest MD5") && Has(auth.offered(), "Basic"));
  }
}

void TriesMd5OnceAfterARefusal() {
  const std::vector<std::string_view> offer = {"Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256",
                                               "Digest realm=\"r\", nonce=\"1\"", "Basic realm=\"r\""};
  Authenticator auth = Admin();
  EXPECT(auth.OnUnauthorized(offer) == Verdict::kRetry);
  Authorize(auth);
  EXPECT(auth.OnUnauthorized(offer) == Verdict::kRetry && auth.scheme() == "Digest MD5" && auth.wrong_answers() == 1);
  Authorize(auth);
  EXPECT(auth.OnUnauthorized(offer) == Verdict::kRefused && auth.wrong_answers() == 2);
  // The attempt is over.
  EXPECT(Authorize(auth).empty() && auth.OnUnauthorized(offer) == Verdict::kRefused && auth.wrong_answers() == 2);
}

void NeverFallsBackToBasic() {
  const std::vector<std::string_view> offer = {"Digest realm=\"r\", nonce=\"1\"", "Basic realm=\"r\""};
  Authenticator auth = Admin("Basic");
  EXPECT(auth.OnUnauthorized(offer) == Verdict::kRetry && auth.scheme() == "Digest MD5");
  Authorize(auth);
  EXPECT(auth.OnUnauthorized(offer) == Verdict::kRefused && auth.wrong_answers() == 1);
}

void TriesWhatWorkedBefore() {
  const std::vector<std::string_view> offer = {"Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256",
                                               "Digest realm=\"r\", nonce=\"1\", algorithm=MD5"};
  Authenticator auth = Admin("Digest MD5");
  EXPECT(auth.OnUnauthorized(offer) == Verdict::kRetry && auth.scheme() == "Digest MD5");
  Authorize(auth);
  EXPECT(auth.OnUnauthorized(offer) == Verdict::kRetry && auth.scheme() == "Digest SHA-256");
  Authorize(auth);
  EXPECT(auth.OnUnauthorized(offer) == Verdict::kRefused);
}

void RenewsANonceThatWorked_Axis() {
  Authenticator auth = Admin();
  EXPECT(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"0\""}) == Verdict::kRetry);
  for (int i = 1; i < 20; ++i) {
    const std::string challenge = "Digest realm=\"r\", nonce=\"" + std::to_string(i) + "\"";
    Authorize(auth);
    auth.OnAccepted();
    Authorize(auth);
    EXPECT(auth.OnUnauthorized({challenge}) == Verdict::kRetry);
    EXPECT(Has(Authorize(auth), "nonce=\"" + std::to_string(i) + "\""));
  }
  EXPECT(auth.wrong_answers() == 0);
  // The new nonce is refused as well: this is a wrong answer.
  EXPECT(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"99\""}) == Verdict::kRefused && auth.wrong_answers() == 1);
}

void RenewsANonceThatIsStale() {
  Authenticator auth = Admin();
  EXPECT(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"0\""}) == Verdict::kRetry);
  Authorize(auth);
  EXPECT(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"1\", stale=\"TRUE\""}) == Verdict::kRetry);
  EXPECT(auth.wrong_answers() == 0);
  // A camera that calls each nonce stale is refused in the end.
  int retries = 0;
  do {
    Authorize(auth);
  } while (auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"1\", stale=true"}) == Verdict::kRetry && ++retries < 20);
  EXPECT(retries < 5 && auth.wrong_answers() == 1);
}

void SaysWhatIsMissing() {
  Authenticator nobody(false, "", "", "");
  EXPECT(nobody.OnUnauthorized({"Digest realm=\"r\", nonce=\"1\"", "Basic"}) == Verdict::kNoCredentials);
  EXPECT(nobody.offered() == "Digest MD5, Basic" && Authorize(nobody).empty());
  Authenticator auth = Admin();
  EXPECT(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256", "Negotiate YIIB=="}) ==
         Verdict::kUnsupported);
  EXPECT(auth.offered() == "Digest SHA-512-256, Negotiate");
  EXPECT(auth.OnUnauthorized({}) == Verdict::kUnsupported && auth.offered().empty());
}

void ReadsSloppySyntax() {
  for (const char* challenge : {
           "Digest realm=\"r\" nonce=\"n\"",
           "digest realm=r,nonce=n",
           "DIGEST\trealm = r , nonce = n",
           "Digest realm=\"r\",, ,nonce=\"n\",",
           "Digest, realm=\"r\", nonce=\"n\"",
           "realm=\"r\", nonce=\"n\"",
           "Digest realm=r nonce=n stale=FALSE",
           "Digest nonce=\"n\", realm=\"r",
       }) {
    Authenticator auth = Admin();
    EXPECT(auth.OnUnauthorized({challenge}) == Verdict::kRetry);
    const std::string header = Authorize(auth);
    EXPECT(Parameter(header, "realm") == "r" && Parameter(header, "nonce") == "n");
  }
  Authenticator spaces = Admin();
  EXPECT(spaces.OnUnauthorized({"Digest realm=IP Camera (A), nonce=n"}) == Verdict::kRetry);
  EXPECT(Parameter(Authorize(spaces), "realm") == "IP Camera (A)");
  for (const char* challenge : {"", ",", "=", "\"", "Digest", "Digest nonce", "Digest nonce=", "Digest nonce=\"\"",
                                "\\", "Digest realm=\"\\", "===,,,\"\"\""}) {
    Authenticator auth = Admin();
    EXPECT(auth.OnUnauthorized({challenge}) == Verdict::kUnsupported);
  }
}

void EscapesTheUserName() {
  Authenticator auth(true, "a\"b\\c\r\nX: y", "p", "");
  EXPECT(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"n\""}) == Verdict::kRetry);
  EXPECT(Has(Authorize(auth), "username=\"a\\\"b\\\\cX: y\""));
}

}  // namespace

int main() {
  MatchesTheExamplesOfTheRfcs();
  MatchesSessionAndIntegrityForms();
  SendsNothingUnasked();
  AnswersBasic();
  AnswersTheOldForm_Dahua();
  EchoesWhatTheCameraGave();
  HashesTheClientNonceOnceForASession();
  TakesTheStrongestInAnyOrder();
  TriesMd5OnceAfterARefusal();
  NeverFallsBackToBasic();
  TriesWhatWorkedBefore();
  RenewsANonceThatWorked_Axis();
  RenewsANonceThatIsStale();
  SaysWhatIsMissing();
  ReadsSloppySyntax();
  EscapesTheUserName();
  if (failures == 0) std::printf("auth: passed\n");
  return failures == 0 ? 0 : 1;
}
