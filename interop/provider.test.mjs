// The library's example `resource_server` with the tokens of a certified OpenID provider, found by its name alone.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { ALGORITHMS, newKeys, personTokens, programToken, startProvider } from "./provider.mjs";
import { TIME, call, claimsOf, verifiers } from "./support.mjs";

let provider, api;

before(async () => {
  provider = await startProvider(await newKeys("old"));
  api = await verifiers.Rust({ issuer: provider.issuer, audience: "shop", isDiscovered: true });
}, TIME);

const headerOf = (token) => JSON.parse(Buffer.from(token.split(".")[0], "base64url"));
const statusOf = async (token) => (await call(`${api.url}/subject`, token)).status;

test("tokens_of_every_algorithm_are_taken_by_discovery", TIME, async () => {
  for (const alg of ALGORITHMS) {
    const token = await programToken(provider.issuer, { alg });
    assert.deepEqual(headerOf(token), { alg, typ: "at+jwt", kid: `old-${alg}` });
    const answer = await call(`${api.url}/subject`, token);
    assert.deepEqual(answer, { status: 200, body: "program" }, alg);
  }
  assert.deepEqual(provider.asked, { keys: 1, metadata: 1 }, "once, at the start");
});

test("a_token_for_another_api_or_without_the_scope_is_refused", TIME, async () => {
  assert.equal(await statusOf(await programToken(provider.issuer, { audience: "shop2" })), 401);
  assert.equal(await statusOf(await programToken(provider.issuer)), 200);
  assert.equal(await statusOf(await programToken(provider.issuer, { scope: "profile:write" })), 403);
});

test("an_id_token_is_no_access_token", TIME, async () => {
  const { access_token, id_token } = await personTokens(provider.issuer, "shop");
  const { aud, iss, sub } = claimsOf(id_token);
  assert.deepEqual({ aud, iss, sub }, { aud: "shop", iss: provider.issuer, sub: "ada" }, "all but its type fits");
  assert.equal(await statusOf(id_token), 401);
  const answer = await call(`${api.url}/subject`, access_token);
  assert.deepEqual(answer, { status: 200, body: "ada" });
});

test("an_opaque_token_is_refused", TIME, async () => {
  assert.equal(await statusOf("q2hXy7wJm0Zk5n1Ck3vT9bFh8sLr4eDaUoPiNg6yRtE"), 401);
});

test("each_new_key_is_fetched_once_and_the_old_ones_end", TIME, async () => {
  const old = await programToken(provider.issuer);
  assert.equal(await statusOf(old), 200);
  await provider.stop();
  assert.equal(await statusOf(old), 200, "known keys hold while the issuer is away");

  provider = await startProvider(await newKeys("new"), provider.port);
  const fresh = await programToken(provider.issuer);
  assert.equal(headerOf(fresh).kid, "new-RS256");
  const flood = await Promise.all(Array.from({ length: 100 }, () => statusOf(fresh)));
  assert.deepEqual(new Set(flood), new Set([200]), "good with its first token");
  assert.equal(provider.asked.keys, 1);
  assert.equal(await statusOf(old), 401, "a key that is not published any more is revoked");
  for (const alg of ALGORITHMS) assert.equal(await statusOf(await programToken(provider.issuer, { alg })), 200);
  assert.equal(await statusOf(old), 401);
  assert.equal(provider.asked.keys, 2, "once for each key that is not known");

  // Another rotation soon afterwards is noticed as well.
  await provider.stop();
  provider = await startProvider(await newKeys("newer"), provider.port);
  const fresher = await programToken(provider.issuer);
  const again = await Promise.all(Array.from({ length: 100 }, () => statusOf(fresher)));
  assert.deepEqual(new Set(again), new Set([200]));
  assert.equal(provider.asked.keys, 1);
});
