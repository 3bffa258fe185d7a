// Portcullis, a FastAPI application and an Express application take each other's tokens, and nothing else.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { startIssuer } from "./issuer.mjs";
import { TIME, call, claimsOf, freePort, json, logIn, signUp, startPortcullis, startPython, verifiers } from "./support.mjs";

const ALL = "profile:read profile:write";
/** Whom each application takes the caller for, where anyone may ask, and where it takes `profile:read`. */
const PATHS = { Rust: ["subject", "subject"], FastAPI: ["caller", "notes"], Express: ["caller", "notes"] };

const issuers = {};
const running = {};
let forger, portcullis;

before(async () => {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  [forger, portcullis, issuers.Express] = await Promise.all([
    startPython("issuer", port, { ISSUER: issuer, AUDIENCE: "shop" }),
    startPortcullis({ audience: "shop" }),
    startIssuer("shop"),
  ]);
  issuers.FastAPI = {
    ...{ issuer, audience: "shop", keysAt: `${issuer}/jwks`, isDiscovered: true },
    token: (scope) => json(`${issuer}/token?scope=${encodeURIComponent(scope)}`),
  };
  issuers.Express.isDiscovered = true;
  await signUp(portcullis.url);
  issuers.portcullis = {
    ...{ issuer: portcullis.url, audience: "shop", keysAt: `${portcullis.url}/.well-known/jwks.json` },
    token: (scope) => logIn(portcullis.url, scope),
  };
  const pairs = Object.keys(issuers).flatMap((from) => Object.keys(verifiers).map((by) => [from, by]));
  await Promise.all(pairs.map(async ([from, by]) => (running[`${from} ${by}`] = await startVerifier(by, issuers[from]))));
}, TIME);

/** Resolves to the address that says who is calling. */
const startVerifier = async (by, issuer) => `${(await verifiers[by](issuer)).url}/${PATHS[by][0]}`;

/** Each token's name with its status, for those whose status is not `expected`. */
async function others(url, tokens, expected) {
  const found = {};
  for (const [name, token] of Object.entries(tokens)) {
    const { status } = await call(url, token);
    if (status !== expected) found[name] = status;
  }
  return found;
}

async function keyOf({ keysAt }) {
  const { keys } = await json(keysAt);
  assert.equal(keys.length, 1);
  return keys[0];
}

for (const from of ["portcullis", "FastAPI", "Express"]) {
  for (const by of Object.keys(verifiers)) {
    test(`${by}_takes_the_tokens_of_${from}_and_of_nobody_else`, TIME, async () => {
      const url = running[`${from} ${by}`];
      const token = await issuers[from].token(ALL);
      const { sub, client_id } = claimsOf(token);
      const body = by === "Rust" ? sub : { subject: sub, client_id };
      assert.deepEqual(await call(url, token), { status: 200, body });
      assert.equal((await call(url)).status, 401);
      for (const other of Object.keys(issuers).filter((name) => name !== from)) {
        assert.equal((await call(url, await issuers[other].token(ALL))).status, 401, other);
      }
    });

    test(`${by}_asks_tokens_of_${from}_for_a_scope`, TIME, async () => {
      const url = new URL(PATHS[by][1], running[`${from} ${by}`]);
      assert.equal((await call(url, await issuers[from].token("profile:read"))).status, 200);
      assert.equal((await call(url, await issuers[from].token("profile:write"))).status, 403);
    });

    test(`${by}_refuses_what_a_stranger_forges_of_a_token_of_${from}`, TIME, async () => {
      const url = running[`${from} ${by}`];
      const token = await issuers[from].token(ALL);
      const { refused, strict } = await json(`${forger.url}/forgeries`, { token, key: await keyOf(issuers[from]) });
      assert.ok(Object.keys(refused).length > 80);
      const answers = await others(url, refused, 401);
      // Of unknown keys Rust looks for five a minute. Of the rest it cannot say that they are forged.
      if (by === "Rust") {
        const unsure = Object.entries(answers).filter(([name, status]) => name.includes("kid") && status === 503);
        for (const [name] of unsure) delete answers[name];
      }
      assert.deepEqual(answers, {});
      // The others read base64url leniently.
      if (by === "Rust") assert.deepEqual(await others(url, strict, 401), {});
      assert.equal((await call(url, token)).status, 200);
    });
  }
}

for (const by of Object.keys(verifiers)) {
  test(`${by}_refuses_what_the_issuer_itself_signed_for_something_else`, TIME, async () => {
    const url = running[`FastAPI ${by}`];
    const { control, refused, strict } = await json(`${forger.url}/forgeries`);
    assert.equal((await call(url, control)).status, 200);
    assert.ok(Object.keys(refused).length > 20);
    assert.deepEqual(await others(url, refused, 401), {});
    // Members that stand twice are for the issuer to avoid; the others take the last one.
    if (by === "Rust") assert.deepEqual(await others(url, strict, 401), {});
  });
}

test("portcullis_refuses_every_forgery_of_its_own_tokens", TIME, async () => {
  const token = await logIn(portcullis.url);
  const { refused, strict } = await json(`${forger.url}/forgeries`, { token, key: await keyOf(issuers.portcullis) });
  assert.deepEqual(await others(`${portcullis.url}/profile`, { ...refused, ...strict }, 401), {});
  for (const other of ["FastAPI", "Express"]) {
    assert.equal((await call(`${portcullis.url}/profile`, await issuers[other].token(ALL))).status, 401);
  }
  assert.equal((await call(`${portcullis.url}/profile`, token)).status, 200);
});

test("who_verifies_alone_does_not_see_a_log-out_and_portcullis_does", TIME, async () => {
  const token = await logIn(portcullis.url);
  const answer = await fetch(`${portcullis.url}/logout`, { method: "POST", headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 204);
  assert.equal((await call(`${portcullis.url}/profile`, token)).status, 401);
  for (const by of Object.keys(verifiers)) {
    assert.equal((await call(running[`portcullis ${by}`], token)).status, 200, by);
  }
});

test("nobody_fetched_a_key_from_where_a_forgery_pointed", TIME, async () => {
  const { keys, trap } = await json(`${forger.url}/asked`);
  assert.equal(trap, 0);
  assert.ok(keys > 0);
});

test("without_the_issuers_keys_there_is_no_verdict_503", TIME, async () => {
  const gone = `http://127.0.0.1:${await freePort()}`;
  const token = await issuers.FastAPI.token(ALL);
  for (const by of ["FastAPI", "Express"]) {
    const url = await startVerifier(by, { issuer: issuers.FastAPI.issuer, audience: "shop", keysAt: `${gone}/keys` });
    assert.equal((await call(url, token)).status, 503, by);
  }
});
