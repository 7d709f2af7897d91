// Digest responses against the examples of the RFCs, and the answers to what cameras offer: `auth_test`.
#include "rtsp/auth.h"
#include "rtsp/digest.h"

#include <doctest/doctest.h>

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

TEST_CASE("responses equal the examples of the RFCs") {
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
  CHECK(DigestResponse(rfc2617) == "6629fae49393a05397450978507c4ef1");

  DigestInput rfc2069 = rfc2617;
  rfc2069.password = "CircleOfLife";
  rfc2069.qop = "";
  CHECK(DigestResponse(rfc2069) == "1949323746fe6a43ef61f9606e7febea");  // RFC 2069, erratum 749

  DigestInput rfc7616 = rfc2617;
  rfc7616.realm = "http-auth@example.org";
  rfc7616.password = "Circle of Life";
  rfc7616.nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
  rfc7616.cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
  CHECK(DigestResponse(rfc7616) == "8ca523f5e9506fed4657c9700eebdbec");
  rfc7616.hash = DigestHash::kSha256;
  CHECK(DigestResponse(rfc7616) == "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

// Computed with another implementation.
TEST_CASE("responses equal the session and integrity forms") {
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
  CHECK(DigestResponse(input) == "c9f66ca55b0a028ab3d27fbad76e981c");
  input.hash = DigestHash::kSha256;
  CHECK(DigestResponse(input) == "f2d876ee25b26424ce0bc5a13519b9f699c9eb7496608eabfd3ef241884fe47d");
  input.session = true;
  input.qop = "auth";
  CHECK(DigestResponse(input) == "7c44d6df1a3197a9c0c8e9ae66f88b79b4acafb9a477ce1ec3a5ffab22eaa39a");
  input.qop = "";
  CHECK(DigestResponse(input) == "eaa55df30546a5773ba3c2bcc401b23894849e0dbb42a6c4e5279305621ba982");
  input.hash = DigestHash::kMd5;
  CHECK(DigestResponse(input) == "d4383affd21564583efc52f9e9aabeea");
  input.qop = "auth";
  CHECK(DigestResponse(input) == "7bacd2208cf37bcd1e670c3c5e13bc6c");
}

TEST_CASE("nothing is sent before the camera asks") {
  Authenticator auth = Admin();
  REQUIRE(Authorize(auth).empty());
  REQUIRE(auth.scheme().empty());
  CHECK(auth.offered().empty());
  auth.OnAccepted();
  CHECK(auth.wrong_answers() == 0);
}

TEST_CASE("Basic is answered") {
  Authenticator auth = Admin();
  CHECK(auth.OnUnauthorized({"Basic realm=\"/\""}) == Verdict::kRetry);
  CHECK(Authorize(auth) == "Basic YWRtaW46c2VjcmV0");
  CHECK(auth.scheme() == "Basic");
  CHECK(auth.offered() == "Basic");
  CHECK(auth.OnUnauthorized({"Basic realm=\"/\""}) == Verdict::kRefused);
  CHECK(auth.wrong_answers() == 1);
  Authenticator empty(true, "admin", "", "");
  CHECK(empty.OnUnauthorized({"basic"}) == Verdict::kRetry);
  CHECK(Authorize(empty) == "Basic YWRtaW46");
}

TEST_CASE("the form without qop is answered (Dahua)") {
  Authenticator auth = Admin();
  CHECK(auth.OnUnauthorized({"Digest realm=\"Login to 4G05\", nonce=\"0da8f7\""}) == Verdict::kRetry);
  const std::string header = Authorize(auth);
  CHECK(header ==
        "Digest username=\"admin\", realm=\"Login to 4G05\", nonce=\"0da8f7\", uri=\"rtsp://h/a?b\", response=\"" +
            HexHash(DigestHash::kMd5, HexHash(DigestHash::kMd5, "admin:Login to 4G05:secret") +
                                          ":0da8f7:" + HexHash(DigestHash::kMd5, "DESCRIBE:rtsp://h/a?b")) +
            "\"");
  CHECK(auth.scheme() == "Digest MD5");
}

TEST_CASE("opaque and algorithm are sent back as the camera gave them") {
  Authenticator auth = Admin();
  CHECK(
      auth.OnUnauthorized({"Digest realm=\"a \\\"b\\\", c\",nonce=xyz, opaque=\"\", algorithm=sha-256, qop=\"auth-int, "
                           "auth\", stale=FALSE"}) == Verdict::kRetry);
  const std::string first = Authorize(auth);
  CHECK(Has(first, "realm=\"a \\\"b\\\", c\""));
  CHECK(Has(first, "nonce=\"xyz\""));
  CHECK(Has(first, "opaque=\"\""));
  CHECK(Has(first, "algorithm=sha-256"));
  CHECK(Has(first, "qop=auth,"));
  CHECK(Has(first, "nc=00000001"));
  CHECK(auth.scheme() == "Digest SHA-256");
  auth.OnAccepted();
  CHECK(Has(Authorize(auth), "nc=00000002"));

  Authenticator integrity = Admin();
  CHECK(integrity.OnUnauthorized({"Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""}) == Verdict::kRetry);
  CHECK(Has(Authorize(integrity), "qop=auth-int,"));
  CHECK(!Has(Authorize(integrity), "algorithm"));

  Authenticator unknown_qop = Admin();
  CHECK(unknown_qop.OnUnauthorized({"Digest realm=\"r\", nonce=\"n\", qop=\"other\""}) == Verdict::kRetry);
  CHECK(!Has(Authorize(unknown_qop), "qop"));
  CHECK(!Has(Authorize(unknown_qop), "cnonce"));
}

TEST_CASE("the client nonce is hashed once per session") {
  Authenticator auth = Admin();
  CHECK(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess"}) == Verdict::kRetry);
  const std::string first = Authorize(auth);
  auth.OnAccepted();
  REQUIRE(Parameter(first, "cnonce").size() == 16);
  CHECK(first == Authorize(auth));
  CHECK(auth.scheme() == "Digest MD5-sess");
  const std::string secret =
      HexHash(DigestHash::kMd5, HexHash(DigestHash::kMd5, "admin:r:secret") + ":n:" + Parameter(first, "cnonce"));
  CHECK(Parameter(first, "response") ==
        HexHash(DigestHash::kMd5, secret + ":n:" + HexHash(DigestHash::kMd5, "DESCRIBE:rtsp://h/a?b")));
}

TEST_CASE("the strongest scheme is taken in any order") {
  const std::string md5 = "Digest realm=\"r\", nonce=\"n\", algorithm=\"MD5\"";
  const std::string sha = "Digest realm=\"r\", nonce=\"n\", algorithm=\"SHA-256\"";
  const std::string basic = "Basic realm=\"r\"";
  const std::vector<std::vector<std::string>> offers = {
      {md5, sha, basic}, {basic, sha, md5}, {basic + ", " + md5 + ", " + sha}, {sha + "," + basic, md5}};
  for (const auto& offer : offers) {
    Authenticator auth = Admin();
    CHECK(auth.OnUnauthorized({offer.begin(), offer.end()}) == Verdict::kRetry);
    CHECK(auth.scheme() == "Digest SHA-256");
    CHECK(Has(auth.offered(), "Digest MD5"));
    CHECK(Has(auth.offered(), "Basic"));
  }
}

TEST_CASE("MD5 is tried once after a refusal") {
  const std::vector<std::string_view> offer = {"Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256",
                                               "Digest realm=\"r\", nonce=\"1\"", "Basic realm=\"r\""};
  Authenticator auth = Admin();
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRetry);
  Authorize(auth);
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRetry);
  CHECK(auth.scheme() == "Digest MD5");
  CHECK(auth.wrong_answers() == 1);
  Authorize(auth);
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRefused);
  CHECK(auth.wrong_answers() == 2);
  // The attempt is over.
  REQUIRE(Authorize(auth).empty());
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRefused);
  CHECK(auth.wrong_answers() == 2);
}

TEST_CASE("Digest never falls back to Basic") {
  const std::vector<std::string_view> offer = {"Digest realm=\"r\", nonce=\"1\"", "Basic realm=\"r\""};
  Authenticator auth = Admin("Basic");
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRetry);
  CHECK(auth.scheme() == "Digest MD5");
  Authorize(auth);
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRefused);
  CHECK(auth.wrong_answers() == 1);
}

TEST_CASE("the scheme that worked before is tried first") {
  const std::vector<std::string_view> offer = {"Digest realm=\"r\", nonce=\"1\", algorithm=SHA-256",
                                               "Digest realm=\"r\", nonce=\"1\", algorithm=MD5"};
  Authenticator auth = Admin("Digest MD5");
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRetry);
  CHECK(auth.scheme() == "Digest MD5");
  Authorize(auth);
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRetry);
  CHECK(auth.scheme() == "Digest SHA-256");
  Authorize(auth);
  CHECK(auth.OnUnauthorized(offer) == Verdict::kRefused);
}

TEST_CASE("a nonce that worked is renewed (Axis)") {
  Authenticator auth = Admin();
  CHECK(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"0\""}) == Verdict::kRetry);
  for (int i = 1; i < 20; ++i) {
    const std::string challenge = "Digest realm=\"r\", nonce=\"" + std::to_string(i) + "\"";
    Authorize(auth);
    auth.OnAccepted();
    Authorize(auth);
    CHECK(auth.OnUnauthorized({challenge}) == Verdict::kRetry);
    CHECK(Has(Authorize(auth), "nonce=\"" + std::to_string(i) + "\""));
  }
  CHECK(auth.wrong_answers() == 0);
  // The new nonce is refused as well: this is a wrong answer.
  CHECK(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"99\""}) == Verdict::kRefused);
  CHECK(auth.wrong_answers() == 1);
}

TEST_CASE("a stale nonce is renewed") {
  Authenticator auth = Admin();
  CHECK(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"0\""}) == Verdict::kRetry);
  Authorize(auth);
  CHECK(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"1\", stale=\"TRUE\""}) == Verdict::kRetry);
  CHECK(auth.wrong_answers() == 0);
  // A camera that calls each nonce stale is refused in the end.
  int retries = 0;
  do {
    Authorize(auth);
  } while (auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"1\", stale=true"}) == Verdict::kRetry && ++retries < 20);
  CHECK(retries < 5);
  CHECK(auth.wrong_answers() == 1);
}

TEST_CASE("the missing scheme is named") {
  Authenticator nobody(false, "", "", "");
  CHECK(nobody.OnUnauthorized({"Digest realm=\"r\", nonce=\"1\"", "Basic"}) == Verdict::kNoCredentials);
  CHECK(nobody.offered() == "Digest MD5, Basic");
  CHECK(Authorize(nobody).empty());
  Authenticator auth = Admin();
  CHECK(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256", "Negotiate YIIB=="}) ==
        Verdict::kUnsupported);
  CHECK(auth.offered() == "Digest SHA-512-256, Negotiate");
  CHECK(auth.OnUnauthorized({}) == Verdict::kUnsupported);
  CHECK(auth.offered().empty());
}

TEST_CASE("sloppy syntax is read") {
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
    CHECK(auth.OnUnauthorized({challenge}) == Verdict::kRetry);
    const std::string header = Authorize(auth);
    CHECK(Parameter(header, "realm") == "r");
    CHECK(Parameter(header, "nonce") == "n");
  }
  Authenticator spaces = Admin();
  CHECK(spaces.OnUnauthorized({"Digest realm=IP Camera (A), nonce=n"}) == Verdict::kRetry);
  CHECK(Parameter(Authorize(spaces), "realm") == "IP Camera (A)");
  for (const char* challenge : {"", ",", "=", "\"", "Digest", "Digest nonce", "Digest nonce=", "Digest nonce=\"\"",
                                "\\", "Digest realm=\"\\", "===,,,\"\"\""}) {
    Authenticator auth = Admin();
    CHECK(auth.OnUnauthorized({challenge}) == Verdict::kUnsupported);
  }
}

TEST_CASE("the user name is escaped") {
  Authenticator auth(true, "a\"b\\c\r\nX: y", "p", "");
  CHECK(auth.OnUnauthorized({"Digest realm=\"r\", nonce=\"n\""}) == Verdict::kRetry);
  CHECK(Has(Authorize(auth), "username=\"a\\\"b\\\\cX: y\""));
}

}  // namespace
