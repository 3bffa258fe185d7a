// Hands what the log-in answered to the docs page that opened this window (RFC 6749 §4.1.2).
//
// Swagger UI's own page goes on with an answer to another question than was asked, with a warning. This one does not:
// the code of somebody else's log-in is refused (RFC 9700 §4.7).
"use strict";

const asked = window.opener?.swaggerUIRedirectOauth2;
if (asked) {
  const answer = new URLSearchParams(location.search);
  const { auth, state, redirectUrl } = asked;
  const fail = (message) => asked.errCb({ authId: auth.name, source: "auth", level: "error", message });
  if (answer.get("state") !== state) {
    fail("The response does not belong to this login (its state differs). Please try again.");
  } else if (answer.has("code")) {
    delete asked.state;
    auth.code = answer.get("code");
    asked.callback({ auth, redirectUrl });
  } else {
    const reason = answer.get("error_description") ?? "The login returned no code.";
    fail(`[${answer.get("error") ?? "no_code"}]: ${reason}`);
  }
  window.close();
}
