// An organisation's teams and service accounts as its owner sees them, on a desktop and on a phone.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { faultsOf, openPage, startBrowser, startServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));

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

for (const [device, viewport] of [["desktop", { width: 1280, height: 900 }], ["phone", { width: 390, height: 844 }]]) {
  test(`an_owner_moves_a_team_and_makes_a_service_account_${device}`, async () => {
    const { page } = await openPage(browser, { viewport, locale: "en-GB" });
    const look = async (name) => {
      await page.screenshot({ path: `${SCREENSHOTS}/organisation-${name}-${device}.png`, fullPage: true });
      assert.deepEqual(await faultsOf(page), [], name);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${name} scrolls sideways by ${wide}`);
    };
    await page.goto(`${server.url}/account/sign-up`);
    await page.getByLabel("Full name").fill("Ada Lovelace");
    await page.getByLabel("Email address", { exact: true }).fill(`ada.${device}@example.org`);
    await page.getByLabel("Password", { exact: true }).fill("a quiet engine of brass, 1843");
    await page.getByRole("button", { name: /create/i }).click();
    await page.goto(`${server.url}/account/organisations/new`);
    await page.getByLabel("Name").fill("Analytical Engines");
    await page.locator("main form button").first().click();
    const organisation = page.url().split("?")[0];
    const teams = [];
    for (const name of ["Engineering", "North"]) {
      await page.goto(`${organisation}/new-team`);
      await page.getByLabel("Name").fill(name);
      await page.locator("main form button").first().click();
      teams.push(page.url().split("?")[0]);
    }
    await page.getByLabel("Into").selectOption({ label: "Engineering" });
    await page.getByRole("button", { name: "Move team" }).click();
    assert.match(await page.locator("main").innerText(), /The team was moved/);
    assert.match(await page.locator(".back").innerText(), /Engineering/);
    await look("team");

    await page.goto(organisation);
    await look("page");
    await page.goto(`${organisation}/service-accounts`);
    await page.getByLabel("Name").fill("Deployment");
    await page.getByRole("button", { name: "Create service account" }).click();
    const service = page.url().split("?")[0];
    await page.getByRole("link", { name: "Create an API key" }).click();
    await page.getByLabel("Name").fill("CI");
    await page.getByLabel("Requests per minute").fill("0");
    await page.getByLabel(/See the organisations/).check();
    await page.getByRole("button", { name: "Create key" }).click();
    assert.equal(await page.getByLabel("Requests per minute").getAttribute("aria-invalid"), "true");
    await look("new-key");
    await page.getByLabel("Requests per minute").fill("60");
    await page.getByRole("button", { name: "Create key" }).click();
    assert.match(await page.locator("code.secret").innerText(), /^portcullis_/);
    await look("made-key");
    await page.goto(service);
    assert.match(await page.locator("main").innerText(), /60 requests per minute/);
    await look("service-account");
    await page.goto(`${organisation}/service-accounts`);
    await look("service-accounts");
    await page.context().close();
  });
}
