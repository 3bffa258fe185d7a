// An Express application that accepts the access tokens of a Portcullis server.
import express from "express";
import { createRemoteJWKSet, errors, jwtVerify } from "jose";

const { ISSUER, AUDIENCE, KEYS_AT, PORT } = process.env;
const keys = createRemoteJWKSet(new URL(KEYS_AT)); // public_url + /.well-known/jwks.json
const rules = {
  issuer: ISSUER, // the server's public_url, to the byte
  audience: AUDIENCE, // its setting `audience`; by default the public_url
  algorithms: ["EdDSA", "ES256"], // never one that starts with HS
  typ: "at+jwt", // an ID token of the same issuer has another one (RFC 9068 §4)
  requiredClaims: ["exp", "iat", "sub", "jti", "client_id"], // RFC 9068 §2.2
  clockTolerance: 5,
};
// The keys could not be fetched, so there is no verdict. Anything else that `jose` throws is a rejection.
const NO_VERDICT = ["ERR_JOSE_GENERIC", "ERR_JWKS_INVALID", "ERR_JWKS_TIMEOUT"];

async function authenticate(request, response, next) {
  const [, token] = /^Bearer ([\w.~+/-]+=*)$/i.exec(request.get("authorization") ?? "") ?? [];
  if (!token) return unauthorized(response, "Bearer", "Not authenticated");
  try {
    request.caller = (await jwtVerify(token, keys, rules)).payload;
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || NO_VERDICT.includes(error.code)) {
      return response.status(503).json({ detail: "Credentials cannot be checked at the moment" });
    }
    return unauthorized(response, 'Bearer error="invalid_token"', "Could not validate credentials");
  }
  next();
}

const unauthorized = (response, challenge, detail) =>
  response.status(401).set("WWW-Authenticate", challenge).json({ detail });

const withScope = (name) => (request, response, next) => {
  if (String(request.caller.scope ?? "").split(" ").includes(name)) return next();
  response.status(403).json({ detail: "Not enough permissions" });
};

const app = express();
app.get("/caller", authenticate, ({ caller }, response) =>
  response.json({ subject: caller.sub, client_id: caller.client_id }),
);
app.get("/notes", authenticate, withScope("profile:read"), ({ caller }, response) =>
  response.json(`the notes of ${caller.sub}`),
);
const server = app.listen(PORT, "127.0.0.1", () => console.log(`listens on http://127.0.0.1:${server.address().port}`));
