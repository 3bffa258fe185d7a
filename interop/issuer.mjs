// An issuer in Express: access tokens as RFC 9068 has them, signed with jose, metadata by OpenID Connect Discovery.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import express from "express";
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { atEnd } from "./support.mjs";

export async function startIssuer(audience) {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);

  const app = express();
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(() => (server.closeAllConnections(), server.close()));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  app.get("/.well-known/openid-configuration", (_, response) => response.json({ issuer, jwks_uri: `${issuer}/keys` }));
  app.get("/keys", (_, response) => response.json({ keys: [{ ...jwk, kid, alg: "ES256", use: "sig" }] }));

  const token = (scope) =>
    new SignJWT({ client_id: "web", scope })
      .setProtectedHeader({ typ: "at+jwt", alg: "ES256", kid })
      .setIssuer(issuer)
      .setAudience([audience, "another"])
      .setSubject("ada")
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
  return { issuer, audience, keysAt: `${issuer}/keys`, token };
}
