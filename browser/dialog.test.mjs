// The window that Authorize opens on the docs page, and what becomes of a token: what is in view, and what has the focus.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { LISTENS, start } from "../interop/support.mjs";
import { DocsPage, assertInView, faultsOf, openPage, startBrowser, startServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const EXAMPLES = process.env.EXAMPLES ?? fileURLToPath(new URL("../target/debug/examples", import.meta.url));
const PERSON = { email: "ada@example.org", full_name: "Ada Lovelace", password: "a quiet engine of brass, 1843" };
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

let server, guide, browser;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  guide = await start(`${EXAMPLES}/guide`, ["127.0.0.1:0"], {}, LISTENS);
  browser = await startBrowser();
  const signedUp = await postJson(`${server.url}/signup`, PERSON);
  assert.equal(signedUp.status, 201);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const postJson = (url, body) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

/** A docs page; `change` may write the document anew that it shows. */
async function openDocs(url, { change, withClock, ...options } = {}) {
  const { page, record } = await openPage(browser, { viewport: DESKTOP, ...options });
  if (withClock) await page.clock.install();
  if (change) {
    await page.route("**/openapi.json", async (route) => {
      const document = await (await route.fetch()).json();
      await route.fulfill({ json: change(document) ?? document });
    });
  }
  const docs = new DocsPage(page);
  await docs.open(url);
  return { page, record, docs };
}

const scopesIn = (part) => part.locator(":scope > .scope input").evaluateAll((boxes) => boxes.map((box) => [box.value, box.checked]));

for (const [device, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`authorize_opens_at_the_email_on_a_${device}_in_${colorScheme}`, async () => {
      const { page, record, docs } = await openDocs(server.url, { viewport, colorScheme });
      assert.deepEqual(await faultsOf(page), []);
      await page.screenshot({ path: `${SCREENSHOTS}/dialog-${device}-${colorScheme}-0.png` });
      await docs.openAuthorize();
      const email = docs.dialog.locator("#oauth_username");
      const password = docs.dialog.locator("#oauth_password");
      assert.ok(await email.evaluate((field) => field === document.activeElement));
      const controls = docs.dialog.locator("input, select, textarea, a[href], button, summary");
      assert.equal(await controls.nth(0).getAttribute("aria-label"), "Close");
      assert.equal(await controls.nth(1).getAttribute("id"), "oauth_username");
      for (const part of [email, password, docs.dialog.getByRole("button", { name: "Authorize" }).first()]) {
        await assertInView(docs.dialog, part);
      }
      assert.equal(await docs.dialog.getByLabel("Email", { exact: true }).getAttribute("autocomplete"), "username");
      assert.equal(await docs.dialog.getByLabel("Password", { exact: true }).getAttribute("autocomplete"), "current-password");
      assert.doesNotMatch(await docs.dialog.innerText(), /cookie|client|Scopes are used to/i);
      const scopes = docs.dialog.locator("fieldset");
      assert.deepEqual(await scopesIn(scopes), [
        ["profile:read", true], ["profile:write", true], ["account", true], ["offline_access", true],
      ]);
      assert.equal(await docs.dialog.getByText("accounts:write").isVisible(), false);
      assert.deepEqual(await scopesIn(scopes.locator("details")), [
        ["organisations:read", false], ["organisations:write", false],
        ["accounts:read", false], ["accounts:write", false], ["audit:read", false],
      ]);
      assert.deepEqual(await faultsOf(page), []);
      await page.screenshot({ path: `${SCREENSHOTS}/dialog-${device}-${colorScheme}-1.png` });

      await docs.authorize(PERSON.email, "a loud engine of brass, 1843");
      const fault = docs.dialog.locator(".errors");
      assert.equal(await fault.innerText(), "Email or password is incorrect.");
      await assertInView(docs.dialog, fault);
      assert.ok(await password.evaluate((field) => field === document.activeElement));
      assert.deepEqual(await faultsOf(page), []);
      await page.screenshot({ path: `${SCREENSHOTS}/dialog-${device}-${colorScheme}-2.png` });

      await docs.authorize(PERSON.email, PERSON.password);
      await docs.dialog.getByText("Authorized", { exact: true }).waitFor();
      assert.match(await docs.dialog.innerText(), /Authorized as ada@example\.org/);
      await page.screenshot({ path: `${SCREENSHOTS}/dialog-${device}-${colorScheme}-3.png` });
      await page.keyboard.press("Escape");
      await docs.dialog.waitFor({ state: "detached" });
      assert.match(await page.evaluate(() => document.activeElement.className), /authorize locked/);
      assert.deepEqual(record.violations, []);
    });
  }
}

test("the_first_two_groups_are_unfolded_and_schemas_when_asked", async () => {
  const { page } = await openDocs(`${server.url}`);
  const open = page.locator(".opblock-tag[data-is-open=true]");
  assert.deepEqual(await open.evaluateAll((tags) => tags.map((tag) => tag.dataset.tag)), ["account", "profile"]);
  assert.equal(await page.locator(".models").getByText("Profile", { exact: true }).count(), 0);
  await page.goto(`${server.url}/docs/`);
  await page.locator(".opblock").first().waitFor();
  assert.equal(page.url(), `${server.url}/docs`);
});

test("a_link_to_an_operation_unfolds_its_group", async () => {
  const { page } = await openDocs(server.url);
  await page.goto(`${server.url}/docs#/session/list_sessions`);
  await page.reload();
  await page.locator("#operations-session-list_sessions .execute").waitFor();
});

test("a_token_that_expires_is_renewed_with_the_refresh_token", async () => {
  const { page, record, docs } = await openDocs(server.url, { withClock: true });
  await docs.openAuthorize();
  await docs.authorize(PERSON.email, PERSON.password);
  await docs.closeAuthorize();
  assert.equal(await docs.call("read_own_profile"), 200);
  const sent = () => record.requests.filter((it) => it.url() === `${server.url}/profile`).map((it) => it.headers().authorization);
  const renewals = () => record.requests.filter((it) => it.url() === `${server.url}/token`);
  assert.equal(renewals().length, 0);
  for (const times of [1, 2]) {
    await page.clock.fastForward("06:00");
    assert.equal(await docs.call("read_own_profile"), 200);
    assert.equal(renewals().length, times);
    assert.match(renewals().at(-1).postData(), /^grant_type=refresh_token&refresh_token=pcrt_[\w-]+$/);
  }
  assert.equal(new Set(sent()).size, 3);
  assert.equal(await page.locator(".btn.authorize.locked").count(), 1);
});

test("without_a_refresh_token_the_page_says_that_the_token_has_expired", async () => {
  const { page, docs } = await openDocs(server.url, { withClock: true, viewport: PHONE });
  await docs.openAuthorize();
  await docs.dialog.getByLabel("offline_access").uncheck();
  await docs.authorize(PERSON.email, PERSON.password);
  // The token is there, and its time runs.
  await docs.dialog.getByRole("button", { name: "Log out" }).waitFor();
  await docs.closeAuthorize();
  await page.clock.fastForward("06:00");
  await page.getByRole("status").getByText("Your token has expired. Authorize again.").waitFor();
  assert.equal(await page.locator(".btn.authorize.unlocked").count(), 1);
  assert.equal(await docs.call("read_own_profile"), 401);
  const explanation = docs.operation("read_own_profile").locator(".explanation");
  assert.match(await explanation.innerText(), /Your token has expired\. Authorize again\./);
  assert.deepEqual(await faultsOf(page), []);
  await page.screenshot({ path: `${SCREENSHOTS}/dialog-expired.png` });

  // Who it was is still known.
  await explanation.getByRole("button", { name: "Authorize" }).click();
  assert.equal(await docs.dialog.locator("#oauth_username").inputValue(), PERSON.email);
  assert.ok(await docs.dialog.locator("#oauth_password").evaluate((field) => field === document.activeElement));
  await docs.authorize(PERSON.email, PERSON.password);
  await docs.closeAuthorize();
  await page.waitForFunction(() => !document.body.innerText.includes("Your token has expired"));
  assert.equal(await docs.call("read_own_profile"), 200);
});

test("a_call_without_a_token_or_a_scope_says_what_to_do", async () => {
  const { page, docs } = await openDocs(server.url);
  assert.equal(await docs.call("list_accounts"), 401);
  const explanation = docs.operation("list_accounts").locator(".explanation");
  assert.match(await explanation.innerText(), /needs authorization/);
  await docs.openAuthorize();
  await docs.authorize(PERSON.email, PERSON.password);
  await docs.closeAuthorize();
  assert.equal(await docs.call("list_accounts"), 403);
  assert.match(await explanation.innerText(), /needs the scope accounts:read/);
  await page.screenshot({ path: `${SCREENSHOTS}/dialog-scope.png`, fullPage: true });

  await explanation.getByRole("button", { name: "Authorize" }).click();
  assert.equal(await docs.dialog.getByLabel("accounts:read").isChecked(), true);
  await docs.authorize(PERSON.email, PERSON.password);
  await docs.dialog.getByText("Not granted to this account: accounts:read").waitFor();
});

test("a_wrong_password_at_a_call_is_not_taken_for_a_token_that_is_missing", async () => {
  const { docs } = await openDocs(server.url);
  const logIn = (operation) =>
    Promise.all([
      operation.locator("[data-property-name=username] input").fill(PERSON.email),
      operation.locator("[data-property-name=password] input").fill("a loud engine of brass, 1843"),
    ]).catch(() => {});
  const status = await docs.call("log_in", logIn);
  assert.ok(status === 401 || status === 422);
  assert.equal(await docs.operation("log_in").locator(".explanation").count(), 0);
});

test("the_librarys_own_api_has_the_same_window", async () => {
  for (const viewport of [DESKTOP, PHONE]) {
    const { page, record, docs } = await openDocs(guide.url, { viewport });
    const name = `ada${viewport.width}@example.org`;
    await postJson(`${guide.url}/signup`, { username: name, password: PERSON.password });
    await docs.openAuthorize();
    const email = docs.dialog.getByLabel("Email", { exact: true });
    assert.ok(await email.evaluate((field) => field === document.activeElement));
    await assertInView(docs.dialog, email);
    assert.equal(await docs.dialog.locator("fieldset").count(), 0, "it has no scopes");
    await docs.authorize(name, "a loud engine of brass, 1843");
    assert.equal(await docs.dialog.locator(".errors").innerText(), "Incorrect username or password");
    await page.screenshot({ path: `${SCREENSHOTS}/dialog-guide-${viewport.width}.png` });
    await docs.authorize(name, PERSON.password);
    await docs.dialog.getByText("Authorized", { exact: true }).waitFor();
    await docs.closeAuthorize();
    assert.equal(await docs.call("read_profile"), 200);
    assert.deepEqual(record.violations, []);
  }
});

test("a_login_that_the_document_does_not_describe_asks_for_a_username", async () => {
  const { docs } = await openDocs(server.url, { change: (document) => void delete document.paths["/login"] });
  await docs.openAuthorize();
  assert.ok(await docs.dialog.getByLabel("Username", { exact: true }).evaluate((field) => field === document.activeElement));
  // Nothing tells what a login grants by itself: the scopes stand as the operations demand them.
  assert.deepEqual((await scopesIn(docs.dialog.locator("fieldset"))).slice(0, 2), [["profile:read", false], ["profile:write", false]]);
});

test("where_only_cookies_log_in_the_window_says_so", async () => {
  const onlyCookies = ({ components: { securitySchemes } }) => {
    for (const [name, scheme] of Object.entries(securitySchemes)) if (scheme.in !== "cookie") delete securitySchemes[name];
  };
  const { docs } = await openDocs(server.url, { change: onlyCookies });
  await docs.openAuthorize();
  assert.match(await docs.dialog.innerText(), /Log in on those pages/);
  assert.equal(await docs.dialog.locator("input").count(), 0);
});

test("a_token_endpoint_that_is_not_there_is_named", async () => {
  const { page, docs } = await openDocs(server.url);
  await page.route("**/login", (route) => route.abort());
  await docs.openAuthorize();
  await docs.authorize(PERSON.email, PERSON.password);
  assert.match(await docs.dialog.locator(".errors").innerText(), /No response from http:\/\/127\.0\.0\.1:\d+/);
});
