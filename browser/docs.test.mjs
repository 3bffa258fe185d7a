// A newcomer's walk over the docs page: sign up, authorize, call, log out. Each step needs the one before.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { deflateSync } from "node:zlib";
import { DocsPage, openPage, startBrowser, startServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const PERSON = { email: "ada@example.org", full_name: "Ada Lovelace", password: "a quiet engine of brass, 1843" };
const ANSWER = ".live-responses-table tbody .response-col_description";
const WRONG = "a loud engine of brass, 1843";

let server, browser, page, record, docs, account;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
  ({ page, record } = await openPage(browser));
  docs = new DocsPage(page);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const picture = (name) => page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });

test("c04_the_page_comes_with_a_policy_without_exceptions", async () => {
  const answer = await docs.open(server.url);
  const policy = answer.headers()["content-security-policy"];
  for (const directive of [
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "object-src 'none'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
  ]) {
    assert.ok(policy.split(/; */).includes(directive), `${directive} is missing in: ${policy}`);
  }
  assert.doesNotMatch(policy, /unsafe|\*|http/);
  assert.equal(answer.headers()["x-content-type-options"], "nosniff");
  await picture("1-open");
});

test("a_padlock_stands_on_each_guarded_operation_and_on_no_other", async () => {
  const document = await (await fetch(`${server.url}/openapi.json`)).json();
  await docs.unfold();
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  const guarded = operations.filter((operation) => operation.security?.length);
  assert.ok(guarded.length > 0 && guarded.length < operations.length);
  for (const operation of operations) {
    const padlock = docs.operation(operation.operationId).locator("button.authorization__btn");
    assert.equal(await padlock.count(), guarded.includes(operation) ? 1 : 0, operation.operationId);
  }
});

test("try_it_out_signs_up", async () => {
  const status = await docs.call("sign_up", (operation) => operation.locator("textarea").fill(JSON.stringify(PERSON)));
  assert.equal(status, 201);
  const body = await docs.operation("sign_up").locator(ANSWER).first().innerText();
  account = /"id":\s*(\d+)/.exec(body)?.[1];
  assert.ok(account, body);
  assert.ok(!body.includes(PERSON.password));
  await picture("2-signed-up");
});

test("t13_a_guarded_call_without_a_token_is_401", async () => {
  assert.equal(await readProfile(), 401);
});

test("authorize_with_a_wrong_password_shows_the_reason", async () => {
  await docs.openAuthorize();
  await docs.authorize(PERSON.email, WRONG);
  assert.equal(await docs.dialog.locator(".errors").innerText(), "Email or password is incorrect.");
  await page.screenshot({ path: `${SCREENSHOTS}/3-wrong-password.png` });
});

test("authorize_with_the_right_password_gives_a_token", async () => {
  await docs.authorize(PERSON.email, PERSON.password);
  await docs.dialog.getByText("Authorized", { exact: true }).waitFor();
  await page.screenshot({ path: `${SCREENSHOTS}/4-authorized.png` });
  await docs.closeAuthorize();
  const logIns = record.requests.filter((request) => new URL(request.url()).pathname === "/login");
  assert.equal(logIns.length, 2);
  for (const logIn of logIns) assert.equal(logIn.headers().authorization, undefined);
});

test("a_guarded_call_with_the_token_is_200", async () => {
  assert.equal(await readProfile(), 200);
  await picture("5-profile");
});

test("a_picture_is_uploaded_and_shown", async () => {
  const uploaded = await docs.call("upload_profile_image", (operation) =>
    operation.locator("input[type=file]").setInputFiles({ name: "me.png", mimeType: "image/png", buffer: png(40, 30) }),
  );
  assert.equal(uploaded, 201);
  const body = await docs.operation("upload_profile_image").locator(ANSWER).first().innerText();
  const id = /"url":\s*"[^"]*\/([^"/]+)"/.exec(body)?.[1];
  assert.ok(id, body);
  const read = await docs.call("read_profile_image", (operation) => operation.getByPlaceholder("id").fill(id));
  assert.equal(read, 200);
  const shown = docs.operation("read_profile_image").locator(`${ANSWER} img`);
  await shown.waitFor();
  const size = await shown.evaluate((image) => image.decode().then(() => [image.naturalWidth, image.naturalHeight]));
  assert.deepEqual(size, [40, 30]);
  await picture("6-picture");
});

test("s07_after_log_out_the_same_token_is_401", async () => {
  assert.equal(await docs.call("log_out"), 204);
  assert.equal(await readProfile(), 401);
  await page.locator(".btn.authorize.unlocked").first().waitFor();
  assert.match(await docs.operation("read_profile").locator(".explanation").innerText(), /Your token has expired\. Authorize again\./);
  const sent = record.requests.filter((request) => new URL(request.url()).pathname === `/profile/${account}`);
  assert.match(sent.at(-1).headers().authorization, /^Bearer ey/);
  await picture("7-logged-out");
});

test("c04_no_violation_no_complaint_no_other_host", async () => {
  assert.deepEqual(record.violations, []);
  // The browser reports the three refusals that this walk asked for, and nothing else.
  const refusals = new RegExp(`status of 401 \\(Unauthorized\\) \\(${server.url}/(login|profile/${account})\\)$`);
  assert.deepEqual(record.errors.filter((error) => !refusals.test(error)), []);
  assert.equal(record.errors.length, 3);
  const elsewhere = record.requests.map((request) => new URL(request.url()))
    .filter((url) => url.protocol !== "data:" && url.origin !== server.url);
  assert.deepEqual(elsewhere.map(String), []);
});

test("the_token_stays_in_the_memory_of_the_page", async () => {
  assert.deepEqual(await page.context().cookies(), []);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.equal(kept, "[{},{}]");
});

/** A red picture: signature, IHDR, IDAT, IEND (PNG §5). */
function png(width, height) {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0]);
  const line = Buffer.concat([Buffer.from([0]), ...Array(width).fill(Buffer.from([200, 40, 30]))]);
  const pixels = deflateSync(Buffer.concat(Array(height).fill(line)));
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The cyclic redundancy check of PNG §D; node:zlib has one from version 22 on only. */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ~crc >>> 0;
}

function readProfile() {
  return docs.call("read_profile", (operation) => operation.getByPlaceholder("id").fill(account));
}
