// The life of an account without a password, on both databases: made with Google, a passkey and an app added, the phone
// lost, back by a recovery code, a password set, Google unlinked, the account deleted.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac, randomUUID } from "node:crypto";
import { mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startProvider } from "./openid_provider.mjs";
import { faultsOf, openPage, startBrowser, startNamedServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const PASSWORD = "a quiet engine of brass, 1843";

let provider, browser;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  provider = await startProvider();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await provider?.stop();
});

/** A schema of its own on the PostgreSQL of `scripts/test`. */
async function postgres() {
  const url = process.env.PORTCULLIS_TEST_POSTGRES_URL;
  assert.ok(url, "PORTCULLIS_TEST_POSTGRES_URL names no PostgreSQL: run scripts/test browser, which starts one");
  const schema = `walk_${randomUUID().replaceAll("-", "")}`;
  await promisify(execFile)("psql", ["--quiet", "--no-psqlrc", "--command", `CREATE SCHEMA ${schema}`, url]);
  return `${url}?options=-csearch_path%3D${schema}`;
}

/** A picture of the page, what axe finds in it, and whether it scrolls sideways. */
async function look(page, name) {
  await page.screenshot({ path: `${SCREENSHOTS}/walk-${name}.png`, fullPage: true });
  assert.deepEqual(await faultsOf(page), [], name);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${name} scrolls sideways`);
}

/** The code that an app with this key shows, `steps` of 30 seconds from now. */
function codeOf(key, steps) {
  const symbols = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...key].map((symbol) => symbols.indexOf(symbol).toString(2).padStart(5, "0")).join("");
  const bytes = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", bytes).update(step).digest();
  const number = mac.readUInt32BE(mac[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}

/** The newest link of this page that was mailed. */
async function mailedLink(folder, path) {
  for (let tries = 0; tries < 100; tries += 1) {
    const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(".eml")).sort();
    for (const name of names.reverse()) {
      const raw = (await readFile(join(folder, name), "utf8")).replaceAll(/=\r?\n/g, "").replaceAll("=3D", "=");
      const link = new RegExp(`http://localhost:\\d+${path}\\?token=[\\w-]+`).exec(raw);
      if (link) return link[0];
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no mail leads to ${path}`);
}

async function addAuthenticator(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
  return { lose: () => session.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId }) };
}

const WALKS = [
  ["sqlite", "desktop-light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["sqlite", "phone-dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
  ["postgres", "desktop-dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
];

for (const [database, place, settings] of WALKS) {
  test(`l01_w05_m05_from_google_to_a_password_and_away_${database}_${place}`, async () => {
    const google = { client_id: "portcullis", client_secret: "secret", issuer: provider.issuer, private_network: "on" };
    const flags = Object.entries(google).flatMap(([key, value]) => ["--login-with", `google.${key}=${value}`]);
    if (database === "postgres") flags.push("--database-url", await postgres());
    flags.push("--remember-devices-days", "30");
    const server = await startNamedServer(...flags);
    try {
      await walk(server, place, settings);
    } finally {
      await server.stop();
    }
  });
}

async function walk(server, place, settings) {
  const { page, record } = await openPage(browser, { ...settings, locale: "en-GB" });
  const press = (name) => page.getByRole("button", { name, exact: true }).click();
  const at = (path) => page.waitForURL((url) => url.href.startsWith(`${server.url}${path}`) && !url.search.includes("arrived"));
  const email = `ada.${randomUUID().slice(0, 8)}@gmail.com`;
  provider.person = { sub: randomUUID(), email, email_verified: true, name: "Ada Lovelace" };

  // Sign-up with Google.
  await page.goto(`${server.url}/account/sign-up`);
  await look(page, `sign-up-${place}`);
  await press("Continue with Google");
  await page.getByRole("link", { name: "Allow" }).click();
  await at("/account");
  assert.match(await page.locator("main").innerText(), /Ada Lovelace/);

  // A passkey.
  const phone = await addAuthenticator(page);
  await page.getByRole("link", { name: "Change your passkeys" }).click();
  await press("Add a passkey");
  await page.getByLabel("Name").fill("My phone");
  await press("Create the passkey");
  await page.getByRole("heading", { name: "My phone" }).waitFor();

  // An app.
  await page.goto(`${server.url}/account/second-factor`);
  await press("Add an authenticator app");
  const key = (await page.locator("main code").innerText()).replaceAll(" ", "");
  await page.getByLabel("Code from the app").fill(codeOf(key, 0));
  await press("Turn on two-step login");
  const codes = await page.locator("main li code").allInnerTexts();
  assert.equal(codes.length, 10);
  await page.getByRole("link", { name: "I have saved the codes" }).click();
  await page.goto(`${server.url}/account`);
  await look(page, `account-${place}`);

  // The phone is lost, with the passkey and the app on it.
  await phone.lose();
  await press("Log out");
  await at("/account/log-in");
  await press("Continue with Google");
  await page.getByRole("link", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "Enter the code from your app" }).waitFor();
  await look(page, `second-factor-${place}`);
  await page.getByText("Use a recovery code").click();
  await page.getByLabel("Recovery code").fill(codes[3].toLowerCase());
  await look(page, `recovery-code-${place}`);
  await page.locator("details button").click();
  await at("/account");

  // What was on it can log in no more.
  await page.goto(`${server.url}/account/passkeys`);
  await page.getByText("Rename or remove").click();
  await page.getByRole("button", { name: "Remove this passkey: My phone" }).click();
  await at("/account/passkeys?done=passkey-removed");
  await page.goto(`${server.url}/account/second-factor`);
  assert.match(await page.locator("main").innerText(), /9 of 10 codes are left/);
  await page.locator("summary").click();
  await press("Remove the app");
  await at("/account/second-factor?done=factor-removed");

  // Google is the only way in now, until there is a password.
  await page.goto(`${server.url}/account/linked`);
  await press("Unlink Google");
  assert.match(await page.locator("main").innerText(), /the only way to log in/);
  await page.goto(`${server.url}/account/password`);
  await press("Send link");
  await page.goto(await mailedLink(server.mails, "/account/reset"));
  await page.locator("input[name=password]").fill(PASSWORD);
  await look(page, `set-password-${place}`);
  await press("Set password");
  await at("/account/log-in");
  await page.locator("input[name=email]").fill(email);
  await page.locator("input[name=password]").fill(PASSWORD);
  await press("Log in");
  await at("/account");

  await page.goto(`${server.url}/account/linked`);
  await look(page, `linked-${place}`);
  await press("Unlink Google");
  await at("/account/linked?done=unlinked");
  await page.goto(`${server.url}/account`);
  await look(page, `account-after-${place}`);

  // A browser that is remembered: an app once more.
  await page.goto(`${server.url}/account/second-factor`);
  await press("Add an authenticator app");
  const other = (await page.locator("main code").innerText()).replaceAll(" ", "");
  await page.getByLabel("Code from the app").fill(codeOf(other, -1));
  await press("Turn on two-step login");
  const logIn = async () => {
    await page.goto(`${server.url}/account`);
    await press("Log out");
    await page.locator("input[name=email]").fill(email);
    await page.locator("input[name=password]").fill(PASSWORD);
    await press("Log in");
  };
  await logIn();
  await page.getByLabel("Code from the app").fill(codeOf(other, 0));
  await page.getByLabel("Don’t ask again on this device for 30 days").check();
  await look(page, `remember-${place}`);
  await page.locator("main form button").first().click();
  await at("/account");
  await logIn();
  await at("/account");
  await page.goto(`${server.url}/account/second-factor`);
  await page.getByRole("heading", { name: "Remembered devices" }).waitFor();
  await look(page, `remembered-${place}`);
  await page.getByRole("button", { name: /^Forget this device/ }).click();
  await at("/account/second-factor?done=device-forgotten");

  // The end of it.
  await page.goto(`${server.url}/account/delete`);
  await page.locator("#sure").check();
  await look(page, `delete-${place}`);
  await page.locator("main button.danger").click();
  await page.waitForURL(/done=deleted/);
  await page.goto(`${server.url}/account/log-in`);
  await page.locator("input[name=email]").fill(email);
  await page.locator("input[name=password]").fill(PASSWORD);
  await press("Log in");
  await page.locator(".faults").waitFor();
  assert.deepEqual(record.violations, []);
  await page.context().close();
}
