// The second factor as people use it: an app, recovery codes, and a login in two steps, without script.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openPage, startBrowser, startServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const PASSWORD = "a quiet engine of brass, 1843";

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

/** A picture of the page, what axe finds in it, and whether it scrolls sideways. */
async function look(page, name) {
  await page.screenshot({ path: `${SCREENSHOTS}/${name}.png`, fullPage: true });
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: await readFile(AXE, "utf8") });
  const evaluate = async (expression) => (await session.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true })).result.value;
  const found = JSON.parse(await evaluate("axe.run(document).then((found) => JSON.stringify(found.violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes.map((node) => node.html) }))))"));
  assert.deepEqual(found.filter(({ impact }) => ["serious", "critical"].includes(impact)), [], name);
  assert.ok((await evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")) <= 0, `${name} scrolls sideways`);
}

const PLACES = [
  ["desktop-light", { viewport: { width: 1280, height: 900 }, colorScheme: "light" }],
  ["phone-dark", { viewport: { width: 390, height: 844 }, colorScheme: "dark" }],
];

for (const [at, [place, settings]] of PLACES.entries()) {
  test(`m02_m05_one_adds_an_app_and_logs_in_with_it_and_with_a_recovery_code_${place}`, async () => {
    const { page, record } = await openPage(browser, { ...settings, locale: "en-GB" });
    const email = `ada${at}@example.org`;
    await page.goto(`${server.url}/account/sign-up`);
    await page.getByLabel("Full name").fill("Ada Lovelace");
    await page.locator("input[name=email]").fill(email);
    await page.locator("input[name=password]").fill(PASSWORD);
    await page.locator("main form button[type=submit], main form button:not([type])").first().click();
    await page.waitForURL(`${server.url}/account?done=welcome`);

    await page.getByRole("link", { name: "Change two-step login" }).click();
    await look(page, `factor-off-${place}`);
    await page.getByRole("button", { name: "Add an authenticator app" }).click();
    const key = (await page.locator("main code").innerText()).replaceAll(" ", "");
    await look(page, `factor-enrol-${place}`);
    await page.getByLabel("Code from the app").fill("000000");
    await page.getByRole("button", { name: "Turn on two-step login" }).click();
    assert.equal((await page.locator("main code").innerText()).replaceAll(" ", ""), key);
    await look(page, `factor-enrol-fault-${place}`);
    await page.getByLabel("Code from the app").fill(codeOf(key, -1));
    await page.getByRole("button", { name: "Turn on two-step login" }).click();
    const codes = await page.locator("main li code").allInnerTexts();
    assert.equal(new Set(codes).size, 10);
    await look(page, `factor-codes-${place}`);
    await page.getByRole("link", { name: "I have saved the codes" }).click();
    assert.match(await page.locator("main").innerText(), /10 of 10 codes are left/);
    await look(page, `factor-on-${place}`);

    const firstStep = async () => {
      await page.getByRole("button", { name: "Log out" }).click();
      await page.waitForURL(/log-in/);
      await page.locator("input[name=email]").fill(email);
      await page.locator("input[name=password]").fill(PASSWORD);
      await page.locator("main form button[type=submit], main form button:not([type])").first().click();
    };
    await firstStep();
    await look(page, `factor-ask-${place}`);
    await page.getByLabel("Code from the app").fill(codeOf(key, 0));
    await page.getByRole("button", { name: "Log in" }).first().click();
    await page.waitForURL(`${server.url}/account`);
    await firstStep();
    await page.getByText("Use a recovery code").click();
    await look(page, `factor-ask-recovery-${place}`);
    await page.getByLabel("Recovery code").fill(codes[0].toLowerCase());
    await page.getByRole("button", { name: "Log in" }).last().click();
    await page.waitForURL(`${server.url}/account`);
    await page.goto(`${server.url}/account/second-factor`);
    assert.match(await page.locator("main").innerText(), /9 of 10 codes are left/);
    assert.deepEqual(record.violations, []);
    await page.context().close();
  });
}
