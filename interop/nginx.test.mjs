// Portcullis behind nginx, as docs/recipes.md has it: which spellings of a request come through, and whose it is.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { RECIPE, request, send, startNginx } from "./nginx.mjs";
import { TIME, logIn, signUp, startPortcullis } from "./support.mjs";

const SETTINGS = { "public-url": "https://login.example", "log-format": "json" };

let server, unaware, proxy, unawareProxy, appending, token;

before(async () => {
  [server, unaware] = await Promise.all([
    startPortcullis({ ...SETTINGS, "trusted-proxies": "127.0.0.1" }),
    startPortcullis(SETTINGS),
  ]);
  const appendingRecipe = RECIPE.replace("$remote_addr", "$proxy_add_x_forwarded_for");
  assert.notEqual(appendingRecipe, RECIPE);
  [proxy, unawareProxy, appending] = await Promise.all([
    startNginx(server.url),
    startNginx(unaware.url),
    startNginx(server.url, appendingRecipe),
  ]);
  await Promise.all([signUp(server.url), signUp(unaware.url)]);
  token = await logIn(server.url);
}, TIME);

test("a_request_is_read_in_one_way_or_refused", TIME, async () => {
  const good = `Authorization: Bearer ${token}`;
  const filler = (count, length) => Array.from({ length: count }, (_, n) => `X-Filler-${n}: ${"x".repeat(length)}`);
  const cases = [
    ["as it should be", [good], 200],
    ["small letters", [`authorization: bearer ${token}`], 200],
    ["no space after the colon", [`Authorization:Bearer ${token}`], 200],
    ["spaces around the value", [`Authorization:    Bearer ${token}   `], 200],
    ["a tab after the colon", [`Authorization:\tBearer ${token}`], 200],
    ["a long token", [`Authorization: Bearer ${"x".repeat(8000)}`], 401],
    ["none", [], 401],
    ["empty", ["Authorization:"], 401],
    ["two spaces", [`Authorization: Bearer  ${token}`], 401],
    ["a tab", [`Authorization: Bearer\t${token}`], 401],
    ["a comma", [`${good}, Bearer ${token}`], 401],
    ["another scheme", [`Authorization: Token ${token}`], 401],
    ["underscores for dashes", [`X_Authorization: x`, `Authorization_: Bearer ${token}`], 401],
    ["a zero byte in the name", [`Author\0ization: Bearer ${token}`], 400, "nginx"],
    ["twice", [good, good], 400, "nginx"],
    ["twice, one of them junk", [good, "Authorization: Bearer junk"], 400, "nginx"],
    ["a space before the colon", [`Authorization : Bearer ${token}`], 400, "nginx"],
    ["folded", ["Authorization: Bearer", ` ${token}`], 400, "nginx"],
    ["a zero byte", [`${good}\0`], 400, "nginx"],
    ["one large field", [good, ...filler(1, 9000)], 400, "nginx"],
    ["40 KiB of fields", [good, ...filler(10, 4000)], 400, "nginx"],
    ["99 fields", [good, ...filler(90, 1)], 200],
    ["101 fields", [good, ...filler(101, 1)], 431],
    ["Host twice", [good, "Host: other.example"], 400, "nginx"],
    ["two lengths", [good, "Content-Length: 0", "Content-Length: 5"], 400, "nginx"],
    ["a length and chunks", [good, "Content-Length: 5", "Transfer-Encoding: chunked"], 400, "nginx"],
    ["oddly chunked", [good, "Transfer-Encoding: xchunked"], 501, "nginx"],
  ];
  for (const [name, lines, status, by = "portcullis"] of cases) {
    const answer = await send(proxy, request("GET", "/profile", lines));
    assert.deepEqual({ status: answer.status, by: answer.by }, { status, by }, `${name}: ${answer.body}`);
  }
  const inQuery = await send(proxy, request("GET", `/profile?access_token=${token}`));
  assert.equal(inQuery.status, 401);
  const target = await send(proxy, request("GET", `/${"a".repeat(9000)}`, [good]));
  assert.deepEqual([target.status, target.by], [414, "nginx"]);
});

test("the_public_address_alone_says_that_it_is_https", TIME, async () => {
  const answer = await send(proxy, request("GET", "/health", ["X-Forwarded-Proto: http", "X-Forwarded-Host: evil.example"]));
  assert.equal(answer.headers["strict-transport-security"], "max-age=31536000");
  assert.doesNotMatch(JSON.stringify(answer), /evil/);
});

/** The client's address in the log line of the request that `answer` answers. The log is written a little later. */
async function clientOf({ output }, answer) {
  const id = answer.headers["x-request-id"];
  assert.ok(id, answer.body);
  for (let waits = 0; waits < 200; waits += 1) {
    const line = output.text.split("\n").find((line) => line.includes(id) && line.endsWith("}"));
    if (line) return JSON.parse(line).client;
    await sleep(25);
  }
  throw new Error(`the log has no line of ${id}`);
}

test("b08_the_forwarded_address_counts_from_a_trusted_proxy_alone", TIME, async () => {
  const lies = [
    "X-Forwarded-For: 203.0.113.9",
    "x-forwarded-for: 203.0.113.9, 127.0.0.1",
    "X_Forwarded_For: 203.0.113.9",
    "X-Real-IP: 203.0.113.9",
    "Forwarded: for=203.0.113.9",
    "CF-Connecting-IP: 203.0.113.9",
  ];
  const seen = async (program, at, lines, address) =>
    clientOf(program, await send(at, request("GET", "/health", lines), address));
  for (const lie of [[], ...lies.map((lie) => [lie]), lies]) {
    assert.equal(await seen(server, proxy, lie, "127.0.0.2"), "127.0.0.2", lie);
    assert.equal(await seen(server, appending, lie, "127.0.0.2"), "127.0.0.2", lie);
    assert.equal(await seen(server, server.url, lie, "127.0.0.3"), "127.0.0.3", `past the proxy: ${lie}`);
    assert.equal(await seen(unaware, unawareProxy, lie, "127.0.0.2"), "127.0.0.1", `no proxy is trusted: ${lie}`);
  }
  // Whoever can connect from the proxy's own address is believed.
  assert.equal(await seen(server, server.url, [lies[0]], "127.0.0.1"), "203.0.113.9");
});

/** Ten wrong passwords from 127.0.0.2, each with another invented address; then one more from there and one from 127.0.0.3. */
async function guess(at) {
  const form = (password) => `username=ada%40example.org&password=${encodeURIComponent(password)}`;
  const lines = (n) => ["Content-Type: application/x-www-form-urlencoded", `X-Forwarded-For: 203.0.113.${n}`];
  const attempt = (password, n, address) => send(at, request("POST", "/login", lines(n), form(password)), address);
  const statuses = new Set();
  for (let n = 1; n <= 10; n += 1) statuses.add((await attempt("a wrong engine of brass", n, "127.0.0.2")).status);
  const right = "a quiet engine of brass, 1843";
  const [same, other] = [await attempt(right, 11, "127.0.0.2"), await attempt(right, 12, "127.0.0.3")];
  return { wrong: [...statuses], same: same.status, other: other.status, retryAfter: same.headers["retry-after"] };
}

test("b08_guesses_count_by_the_forwarded_address", TIME, async () => {
  const { retryAfter, ...statuses } = await guess(proxy);
  assert.deepEqual(statuses, { wrong: [401], same: 429, other: 200 });
  assert.ok(Number(retryAfter) > 0);
});

test("without_trusted_proxies_all_clients_share_the_limit_of_one", TIME, async () => {
  const { wrong, same, other } = await guess(unawareProxy);
  assert.deepEqual({ wrong, same, other }, { wrong: [401], same: 429, other: 429 });
});
