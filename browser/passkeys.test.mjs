// Passkeys as people use them, with an authenticator of Chromium's own: added, used with and without a typed name, as a
// confirmation and as a second factor, renamed, removed; and what the pages say without script.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { faultsOf, openPage, startBrowser, startNamedServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const PASSWORD = "a quiet engine of brass, 1843";

let server, browser;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  server = await startNamedServer();
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A picture of the page, what axe finds in it, and whether it scrolls sideways. */
async function look(page, name) {
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
  assert.deepEqual(await faultsOf(page), [], name);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${name} scrolls sideways`);
}

/** An authenticator in the page's browser, whose user is there and verified when `isThere`. */
async function addAuthenticator(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", { options });
  return {
    presence: (enabled) => session.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled }),
    verify: (isUserVerified) => session.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
    credentials: async () => (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
  };
}

const press = (page, name) => page.getByRole("button", { name, exact: true }).click();

async function signUp(page, email) {
  await page.goto(`${server.url}/account/sign-up`);
  await page.getByLabel("Full name").fill("Ada Lovelace");
  await page.locator("input[name=email]").fill(email);
  await page.locator("input[name=password]").fill(PASSWORD);
  await page.locator("main form button:not([type])").first().click();
  await page.waitForURL(`${server.url}/account?done=welcome`);
}

const PLACES = [
  ["desktop-light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["phone-dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
];

for (const [at, [place, settings]] of PLACES.entries()) {
  test(`w05_one_adds_a_passkey_and_logs_in_with_and_without_a_typed_name_${place}`, async () => {
    const { page, record } = await openPage(browser, { ...settings, locale: "en-GB" });
    const authenticator = await addAuthenticator(page);
    const email = `grace${at}@example.org`;
    await signUp(page, email);
    await look(page, `passkeys-account-${place}`);
    await page.getByRole("link", { name: "Change your passkeys" }).click();
    await look(page, `passkeys-none-${place}`);
    await press(page, "Add a passkey");
    await look(page, `passkeys-add-${place}`);

    // Nobody touches it: nothing was created, and one may try again.
    await authenticator.verify(false);
    await press(page, "Create the passkey");
    await page.getByText("No passkey was created").waitFor();
    await authenticator.verify(true);
    await page.getByLabel("Name").fill("My <b>phone</b>");
    await press(page, "Create the passkey");
    await page.waitForURL(`${server.url}/account/passkeys?done=passkey-added`);
    await page.getByRole("heading", { name: "My <b>phone</b>" }).waitFor();
    await look(page, `passkeys-one-${place}`);
    assert.equal((await authenticator.credentials()).length, 1);

    // The same authenticator makes no second one for the same account.
    await press(page, "Add a passkey");
    await press(page, "Create the passkey");
    await page.getByText("Your account already has a passkey there.").waitFor();

    // With the button, and nothing typed. Presence off: or else what the field offers would be taken at once.
    await authenticator.presence(false);
    await page.goto(`${server.url}/account`);
    await press(page, "Log out");
    await page.getByRole("button", { name: "Log in with a passkey" }).waitFor();
    await look(page, `passkeys-log-in-${place}`);
    await authenticator.presence(true);
    await press(page, "Log in with a passkey");
    await page.waitForURL(`${server.url}/account`);

    // What the browser offers in the field of the address, and nothing typed.
    await press(page, "Log out");
    await page.waitForURL(`${server.url}/account`);

    // With a typed name beside it.
    await authenticator.presence(false);
    await press(page, "Log out");
    await page.locator("input[name=email]").fill(email);
    await authenticator.presence(true);
    await press(page, "Log in with a passkey");
    await page.waitForURL(`${server.url}/account`);

    await page.goto(`${server.url}/account/passkeys`);
    await look(page, `passkeys-used-${place}`);
    await page.getByText("Rename or remove").click();
    await page.getByLabel("Name", { exact: true }).fill("Ring");
    await look(page, `passkeys-change-${place}`);
    await press(page, "Rename");
    await page.getByRole("heading", { name: "Ring" }).waitFor();
    await page.getByText("Rename or remove").click();
    await page.getByRole("button", { name: "Remove this passkey: Ring" }).click();
    await page.waitForURL(`${server.url}/account/passkeys?done=passkey-removed`);

    // Removed, it is refused at once. The authenticator answers what the field offers until its user is gone.
    await press(page, "Log out");
    await page.waitForURL(`${server.url}/account/log-in/passkey`, { waitUntil: "commit" });
    await authenticator.presence(false);
    await page.getByText("The passkey was not accepted").waitFor();
    await page.waitForLoadState("load");
    await page.waitForTimeout(1000);
    await look(page, `passkeys-refused-${place}`);
    assert.deepEqual(record.violations, []);
    await page.context().close();
  });
}

for (const [at, [place, settings]] of PLACES.entries()) {
  test(`w05_one_signs_up_with_a_passkey_and_no_password_${place}`, async () => {
    const { page, record } = await openPage(browser, { ...settings, locale: "en-GB" });
    const authenticator = await addAuthenticator(page);
    const email = `mary${at}@example.org`;
    await page.goto(`${server.url}/account/sign-up`);
    await look(page, `passkey-sign-up-${place}`);
    // What is wrong with the fields is said before a passkey is made.
    await press(page, "Sign up with a passkey");
    await page.locator(".faults").waitFor();
    await page.getByLabel("Full name").fill("Mary Somerville");
    await page.locator("input[name=email]").fill(email);
    await press(page, "Sign up with a passkey");
    await page.getByRole("heading", { name: "Create your passkey" }).waitFor();
    await look(page, `passkey-sign-up-create-${place}`);
    assert.equal((await authenticator.credentials()).length, 0);
    await press(page, "Create the passkey");
    await page.waitForURL(`${server.url}/account?done=welcome`);
    await look(page, `passkey-sign-up-welcome-${place}`);
    assert.equal((await authenticator.credentials()).length, 1);
    // What the browser offers in the field of the address.
    await press(page, "Log out");
    await page.waitForURL(`${server.url}/account`);
    assert.match(await page.locator("main").innerText(), /Mary Somerville/);
    // Nobody makes a passkey in vain.
    await authenticator.presence(false);
    await press(page, "Log out");
    await page.getByRole("button", { name: "Log in with a passkey" }).waitFor();
    await page.goto(`${server.url}/account/sign-up`);
    await page.getByLabel("Full name").fill("Mary Somerville");
    await page.locator("input[name=email]").fill(email);
    await press(page, "Sign up with a passkey");
    await page.locator(".fault").waitFor();
    await look(page, `passkey-sign-up-taken-${place}`);
    assert.deepEqual(record.violations, []);
    await page.context().close();
  });
}

test("w05_without_script_the_pages_say_what_a_passkey_needs", async () => {
  const { page } = await openPage(browser, { javaScriptEnabled: false, locale: "en-GB" });
  await page.goto(`${server.url}/account/log-in`);
  await page.screenshot({ path: `${SCREENSHOTS}/passkeys-no-script.png`, fullPage: true });
  await page.getByText("Passkeys need JavaScript").waitFor();
  assert.equal(await page.getByRole("button", { name: "Log in with a passkey" }).isVisible(), false);
  await page.screenshot({ path: `${SCREENSHOTS}/passkeys-no-script.png`, fullPage: true });
  await page.context().close();
});
