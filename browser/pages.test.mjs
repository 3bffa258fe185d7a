// The pages as people use them: without script, by keyboard, in light and dark, on a desktop and on a phone.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { faultsOf, openPage, startBrowser, startServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const PERSON = { name: "Ada Lovelace", email: "ada@example.org", password: "a quiet engine of brass, 1843" };
const PUBLIC = ["/account/log-in", "/account/sign-up", "/account/forgotten", "/account/reset?token=x", "/account/verify?token=x"];
const OWN = ["/account", "/account/sessions", "/account/linked", "/account/api-keys", "/account/api-keys/new", "/account/email", "/account/password", "/account/delete", "/account/export", "/account/confirm", "/account/organisations", "/account/organisations/new", "/console/claim"];

let server, browser;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startServer();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function signUp(page, person = PERSON) {
  await page.goto(`${server.url}/account/sign-up`);
  await page.getByLabel("Full name").fill(person.name);
  await page.getByLabel("Email address", { exact: true }).fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.getByRole("button", { name: /create/i }).click();
  await page.waitForURL(`${server.url}/account?done=welcome`);
}

async function logIn(page, person = PERSON) {
  await page.goto(`${server.url}/account/log-in`);
  await page.getByLabel("Email address", { exact: true }).fill(person.email);
  await page.getByLabel("Password", { exact: true }).fill(person.password);
  await page.locator("main form button:not(.show)").first().click();
  await page.waitForURL(`${server.url}/account`);
}

test("one_signs_up_and_out_and_in_without_any_script", async () => {
  const { page, record } = await openPage(browser, { javaScriptEnabled: false, locale: "en-GB" });
  await signUp(page);
  assert.match(await page.locator("main").innerText(), /Ada Lovelace|ada@example\.org/);
  await page.screenshot({ path: `${SCREENSHOTS}/account.png`, fullPage: true });
  await page.getByRole("button", { name: "Log out" }).first().click();
  await page.waitForURL(/log-in/);
  await logIn(page);
  await page.goto(`${server.url}/account/sessions`);
  assert.match(await page.locator("main").innerText(), /Chrome/);
  await page.goto(`${server.url}/account/nowhere`);
  assert.match(await page.locator("h1").innerText(), /no such page|not found|nothing/i);
  const elsewhere = record.requests.filter((request) => !request.url().startsWith(server.url));
  assert.deepEqual(elsewhere.map((request) => request.url()), []);
  await page.context().close();
});

test("c01_the_cookie_is_out_of_reach_of_scripts", async () => {
  const { page } = await openPage(browser, { locale: "en-GB" });
  await logIn(page);
  const cookie = (await page.context().cookies()).find(({ name }) => name === "__Host-portcullis");
  assert.ok(cookie.httpOnly && cookie.secure && cookie.sameSite === "Lax" && cookie.path === "/");
  assert.doesNotMatch(await page.evaluate(() => document.cookie), /portcullis=/);
  await page.context().close();
});

test("a_failed_form_says_so_beside_its_fields_and_keeps_the_rest", async () => {
  const { page } = await openPage(browser, { locale: "en-GB" });
  await page.goto(`${server.url}/account/sign-up`);
  await page.getByLabel("Full name").fill("Eve Example");
  await page.getByLabel("Email address", { exact: true }).fill("not-an-address");
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.getByRole("button", { name: /create/i }).click();
  const email = page.getByLabel("Email address", { exact: true });
  assert.equal(await email.getAttribute("aria-invalid"), "true");
  const described = (await email.getAttribute("aria-describedby")).split(" ");
  assert.ok((await page.locator(`#${described.at(-1)}`).innerText()).length > 10);
  assert.equal(await page.getByLabel("Full name").inputValue(), "Eve Example");
  assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
  await page.screenshot({ path: `${SCREENSHOTS}/sign-up-faults.png`, fullPage: true });
  assert.deepEqual(await faultsOf(page), []);
  await page.context().close();
});

for (const [device, viewport] of [["desktop", { width: 1280, height: 900 }], ["phone", { width: 390, height: 844 }]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every_page_is_for_everybody_${device}_${colorScheme}`, async () => {
      const { page, record } = await openPage(browser, { viewport, colorScheme, locale: "en-GB" });
      const look = async (path) => {
        await page.goto(server.url + path);
        const name = path.replace(/^\//, "").replace(/\?.*/, "").replaceAll("/", "-");
        await page.screenshot({ path: `${SCREENSHOTS}/${name}-${device}-${colorScheme}.png`, fullPage: true });
        assert.deepEqual(await faultsOf(page), [], path);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${path} scrolls sideways by ${wide}`);
      };
      for (const path of PUBLIC) await look(path);
      await logIn(page);
      for (const path of OWN) await look(path);
      assert.deepEqual(record.violations, []);
      await page.context().close();
    });
  }
}

test("g01_the_first_administrator_claims_the_console_and_every_page_of_it_is_for_everybody", async () => {
  const other = (await openPage(browser, { locale: "en-GB" })).page;
  await signUp(other, { name: "Cleo Carter", email: "cleo@example.org", password: "nine patient herons on a wire" });
  const { page, record } = await openPage(browser, { locale: "en-GB" });
  await signUp(page, { name: "Ben Bishop", email: "ben@example.org", password: "a slow barge with seven lamps" });
  const refused = await page.goto(`${server.url}/console`);
  assert.equal(refused.status(), 403, "no console for others");
  await page.goto(`${server.url}/console/claim`);
  await page.locator("#code").fill("AAAAA-AAAAA-AAAAA-AAAAA");
  await page.locator("main form button:not(.show)").first().click();
  assert.equal(await page.locator("#code").getAttribute("aria-invalid"), "true");
  await page.locator("#code").fill(server.code.toLowerCase());
  await page.locator("main form button:not(.show)").first().click();
  await page.waitForURL(/\/console\?done=claimed/);

  await page.getByLabel("Email address, name or ID").fill("cleo");
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("link", { name: "Cleo Carter" }).click();
  assert.match(await page.locator("main").innerText(), /Chrome on Linux/, "where she is logged in");
  await page.screenshot({ path: `${SCREENSHOTS}/console-sessions.png`, fullPage: true });
  const account = new URL(page.url()).pathname;
  await page.getByRole("link", { name: "Disable account" }).click();
  assert.match(await page.locator("main").innerText(), /Cleo Carter[^]*cleo@example\.org/, "the page names whom it disables");
  await page.getByRole("button", { name: "Disable account" }).click();
  await page.waitForURL(/done=disabled/);
  assert.match(await page.locator("main").innerText(), /disabled/);
  await other.goto(`${server.url}/account`);
  assert.match(other.url(), /log-in/, "a disabled account's session has ended");
  await page.getByRole("button", { name: "Enable account" }).click();
  await page.waitForURL(/done=enabled/);

  const places = { accounts: "/console", found: "/console?search=cleo", account, act: `${account}/delete`, invite: "/console/invite", trail: "/console/audit", "trail-of-one": `/console/audit?account=${account.split("/").at(-1)}` };
  for (const [device, viewport] of [["desktop", { width: 1280, height: 900 }], ["phone", { width: 390, height: 844 }]]) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      for (const [name, path] of Object.entries(places)) {
        await page.goto(server.url + path);
        await page.screenshot({ path: `${SCREENSHOTS}/console-${name}-${device}-${colorScheme}.png`, fullPage: true });
        assert.deepEqual(await faultsOf(page), [], path);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `${path} scrolls sideways by ${wide}`);
      }
    }
  }
  assert.deepEqual(record.violations, []);
  await page.context().close();
  await other.context().close();
});

test("the_keyboard_alone_logs_in", async () => {
  const { page } = await openPage(browser, { locale: "en-GB" });
  await page.goto(`${server.url}/account/log-in`);
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.getAttribute("href"));
  assert.equal(first, "#content", "the first stop skips to the content");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type(PERSON.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(PERSON.password);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${server.url}/account`);
  await page.context().close();
});

test("a_first_visit_weighs_forty_kilobytes_at_most", async () => {
  const context = await browser.newContext({ locale: "en-GB" });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  let bytes = 0;
  await session.send("Network.enable");
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await page.goto(`${server.url}/account/log-in`, { waitUntil: "networkidle" });
  console.log(`a first visit of the log-in: ${bytes} bytes`);
  assert.ok(bytes > 1_000 && bytes <= 40_000, `${bytes} bytes`);
  await context.close();
});

test("the_script_shows_a_password_and_rates_it", async () => {
  const { page, record } = await openPage(browser, { locale: "en-GB" });
  await page.goto(`${server.url}/account/sign-up`);
  const password = page.locator("#password");
  await page.getByLabel("Full name").fill("Ada Lovelace");
  await password.fill("short");
  assert.match(await page.locator(".strength").innerText(), /7 more characters/);
  await password.fill("aaaaaaaaaaaaaaaa");
  assert.match(await page.locator(".strength").innerText(), /Weak/);
  await password.fill("a quiet engine of brass, 1843");
  assert.match(await page.locator(".strength").innerText(), /Strong/);
  await page.screenshot({ path: `${SCREENSHOTS}/strength.png`, fullPage: true });
  await page.getByRole("button", { name: "Show" }).click();
  assert.equal(await password.getAttribute("type"), "text");
  assert.deepEqual(await faultsOf(page), []);
  await page.getByRole("button", { name: "Hide" }).click();
  assert.equal(await password.getAttribute("type"), "password");
  assert.deepEqual(record.violations, []);
  await page.context().close();
});

test("times_are_in_the_readers_zone_with_the_script_and_in_utc_without", async () => {
  for (const [javaScriptEnabled, zone] of [[true, /GMT\+9|JST/], [false, /UTC/]]) {
    const { page } = await openPage(browser, { javaScriptEnabled, locale: "en-GB", timezoneId: "Asia/Tokyo" });
    await logIn(page);
    await page.goto(`${server.url}/account/sessions`);
    assert.match(await page.locator("time[data-time=moment]").first().innerText(), zone);
    await page.context().close();
  }
});

test("every_page_speaks_german_too", async () => {
  const { page } = await openPage(browser, { locale: "de-DE" });
  await page.goto(`${server.url}/account/log-in`);
  assert.equal(await page.locator("html").getAttribute("lang"), "de");
  assert.match(await page.locator("h1").innerText(), /Anmelden/);
  await page.screenshot({ path: `${SCREENSHOTS}/log-in-german.png`, fullPage: true });
  await page.context().close();
});
