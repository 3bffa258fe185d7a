// A provider that people log in with, for the tests of social login.
import { createHash, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";

/** An honest OpenID provider: a page that asks, codes with PKCE, signed ID tokens. `person` is who is logged in there. */
export async function startProvider() {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const web = createServer();
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const issuer = `http://127.0.0.1:${web.address().port}`;
  const state = { issuer, person: null, stop: () => new Promise((resolve) => (web.closeAllConnections(), web.close(resolve))) };
  const codes = new Map();
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const idToken = (asked) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: "portcullis", iat: now, exp: now + 300, nonce: asked.get("nonce"), ...asked.person };
    const signed = `${encode({ alg: "RS256", kid: "one" })}.${encode(claims)}`;
    return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey).toString("base64url")}`;
  };
  web.on("request", async (request, response) => {
    const url = new URL(request.url, issuer);
    const json = (value, status = 200) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (url.pathname === "/.well-known/openid-configuration") {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        token_endpoint_auth_methods_supported: ["client_secret_post"],
      });
    }
    if (url.pathname === "/keys") return json({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }] });
    if (url.pathname === "/authorize") {
      const code = randomUUID();
      codes.set(code, Object.assign(url.searchParams, { person: state.person }));
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.search = new URLSearchParams({ code, state: url.searchParams.get("state") });
      const page = `<!doctype html><title>Acme</title><link rel="icon" href="data:,"><a href="${back.href.replaceAll("&", "&amp;")}">Allow</a>`;
      return response.writeHead(200, { "content-type": "text/html" }).end(page);
    }
    if (url.pathname === "/token") {
      let body = "";
      for await (const piece of request) body += piece;
      const form = new URLSearchParams(body);
      const asked = codes.get(form.get("code"));
      codes.delete(form.get("code"));
      const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
      const isRight = form.get("client_secret") === "secret" && asked?.get("code_challenge") === challenge;
      return isRight ? json({ access_token: "a", token_type: "Bearer", id_token: idToken(asked) }) : json({ error: "invalid_grant" }, 400);
    }
    response.writeHead(404).end();
  });
  return state;
}
