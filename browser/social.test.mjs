// Logging in with another provider as people do: from the button to the account page, without script.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startProvider } from "./openid_provider.mjs";
import { faultsOf, openPage, startBrowser, startServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const PASSWORD = "a quiet engine of brass, 1843";

let provider, server, browser;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  provider = await startProvider();
  const settings = { client_id: "portcullis", client_secret: "secret", issuer: provider.issuer, label: "Acme", trust_email: "on", private_network: "on" };
  const others = { "google.client_id": "a", "google.client_secret": "b", "github.client_id": "c", "github.client_secret": "d" };
  const flags = [...Object.entries(settings).map(([key, value]) => `acme.${key}=${value}`), ...Object.entries(others).map((pair) => pair.join("="))];
  server = await startServer(...flags.flatMap((flag) => ["--login-with", flag]));
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await provider?.stop();
});

/** A picture of the page, what axe finds in it, and whether it scrolls sideways. */
async function look(page, name) {
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
  assert.deepEqual(await faultsOf(page), [], name);
  const session = await page.context().newCDPSession(page);
  const expression = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
  const { result } = await session.send("Runtime.evaluate", { expression, returnByValue: true });
  assert.ok(result.value <= 0, `${name} scrolls sideways`);
}

const PLACES = [
  ["desktop-light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["desktop-dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
  ["phone-light", { viewport: { width: 390, height: 844 }, colorScheme: "light" }],
  ["phone-dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
];

for (const [place, settings] of PLACES) {
  test(`l01_from_the_button_to_the_account_page_${place}`, async () => {
    const { page, record } = await openPage(browser, { ...settings, locale: "en-GB" });
    const subject = randomUUID();
    provider.person = { sub: subject, email: `${subject}@example.org`, email_verified: true, name: "Ada Lovelace" };
    await page.goto(`${server.url}/account/sign-up`);
    await look(page, `social-sign-up-${place}`);
    await page.goto(`${server.url}/account/log-in`);
    await look(page, `social-log-in-${place}`);
    await page.getByRole("button", { name: "Continue with Acme" }).click();
    await page.waitForURL(`${provider.issuer}/authorize*`);
    await page.getByRole("link", { name: "Allow" }).click();
    await page.waitForURL(`${server.url}/account`);
    assert.match(await page.locator("main").innerText(), /Ada Lovelace/);
    await look(page, `social-account-${place}`);

    await page.getByRole("link", { name: "Change linked accounts" }).click();
    await look(page, `social-linked-${place}`);
    // It is the only way in.
    await page.getByRole("button", { name: "Unlink Acme" }).click();
    assert.match(await page.locator("main").innerText(), /the only way to log in/);
    await look(page, `social-last-${place}`);
    // A second one at the same provider.
    provider.person = { sub: `${subject}-2`, email: "work@example.org", email_verified: true };
    await page.goto(`${server.url}/account/linked`);
    await page.getByRole("button", { name: "Link Acme", exact: true }).click();
    await page.waitForURL(`${provider.issuer}/authorize*`);
    await page.getByRole("link", { name: "Allow" }).click();
    await page.waitForURL(`${server.url}/account/linked?done=linked`);
    await page.getByRole("button", { name: "Unlink Acme" }).first().click();
    await page.waitForURL(`${server.url}/account/linked?done=unlinked`);
    await page.goto(`${server.url}/account/password`);
    await look(page, `social-password-${place}`);
    await page.getByRole("button", { name: "Log out" }).click();

    // Without an address: one is asked for, and a code is sent there.
    provider.person = { sub: `${subject}-3` };
    await page.getByRole("button", { name: "Continue with Acme" }).click();
    await page.getByRole("link", { name: "Allow" }).click();
    await page.getByRole("heading", { name: "Confirm your email address" }).waitFor();
    await look(page, `social-ask-${place}`);
    await page.locator("#email").fill("new@example.org");
    await page.getByRole("button", { name: "Send code" }).click();
    await look(page, `social-code-${place}`);
    await page.locator("#code").fill("AAAA-AAAA");
    await page.getByRole("button", { name: "Continue" }).click();
    await look(page, `social-code-fault-${place}`);
    assert.deepEqual(record.violations, []);
    await page.context().close();
  });
}
