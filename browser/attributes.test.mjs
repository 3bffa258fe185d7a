// Attributes that an operator declares: at sign-up, on the account page, on an organisation and in the console.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { faultsOf, openPage, startBrowser, startServer } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const PASSWORD = "a quiet engine of brass, 1843";
const DECLARED = `
[attributes.company]
of = "account"
type = "string"
max_length = 40
change = "owner"
sign_up = "required"

[attributes.team_size]
of = "account"
type = "integer"
label = "Team size"
minimum = 1
maximum = 500
change = "owner"
sign_up = "optional"

[attributes.newsletter]
of = "account"
type = "boolean"
change = "owner"

[attributes.plan]
of = "account"
type = "string"
values = ["free", "pro"]
read = "members"
change = "administrators"

[attributes.seats]
of = "organisation"
type = "integer"
minimum = 1
maximum = 1000
read = "members"
change = "administrators"

[attributes.industry]
of = "organisation"
type = "string"
max_length = 40
read = "members"
change = "owner"
`;
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };

let server, browser, directory;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  directory = await mkdtemp(join(tmpdir(), "portcullis-attributes-"));
  await writeFile(join(directory, "portcullis.toml"), DECLARED);
  server = await startServer("--config", join(directory, "portcullis.toml"));
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Nothing is wrong with the page on a desktop and on a phone, in light and in dark. */
async function look(page, name) {
  for (const [device, viewport] of Object.entries(SIZES)) {
    for (const colorScheme of ["light", "dark"]) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${SCREENSHOTS}/attributes-${name}-${device}-${colorScheme}.png`, fullPage: true });
      assert.deepEqual(await faultsOf(page), [], `${name}, ${device}, ${colorScheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${name} scrolls sideways by ${wide} on a ${device}`);
    }
  }
}

const field = (page, name) => page.locator(`[id="attributes.${name}"]`);
const save = (page) => page.locator("section:has(#attributes-title) form button");

test("a_person_and_an_administrator_fill_in_attributes", async () => {
  const { page } = await openPage(browser, { locale: "en-GB" });
  await page.goto(`${server.url}/account/sign-up`);
  await page.getByLabel("Full name").fill("Ada Lovelace");
  await page.getByLabel("Email address", { exact: true }).fill("ada@example.org");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await field(page, "company").fill("Analytical Engines");
  await field(page, "team_size").evaluate((input) => input.form.setAttribute("novalidate", ""));
  await field(page, "team_size").fill("9000");
  await page.getByRole("button", { name: /create/i }).click();
  assert.equal(await field(page, "team_size").getAttribute("aria-invalid"), "true");
  assert.equal(await field(page, "company").inputValue(), "Analytical Engines");
  await look(page, "sign-up");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await field(page, "team_size").fill("12");
  await page.getByRole("button", { name: /create/i }).click();
  await page.waitForURL(`${server.url}/account?done=welcome`);

  await page.goto(`${server.url}/account`);
  assert.equal(await field(page, "company").inputValue(), "Analytical Engines");
  await field(page, "company").fill("Looms");
  await save(page).click();
  assert.equal(await field(page, "company").inputValue(), "Looms");
  assert.equal(await field(page, "plan").count(), 0, "administrators choose the plan");
  await look(page, "account");

  await page.goto(`${server.url}/account/organisations/new`);
  await page.getByLabel("Name").fill("Engines");
  await page.locator("main form button").first().click();
  const organisation = page.url().split("?")[0];
  await page.goto(organisation);
  await look(page, "organisation");

  await page.goto(`${server.url}/console/claim`);
  await page.locator("#code").fill(server.code);
  await page.locator("main form button").first().click();
  await page.goto(`${server.url}/console/accounts/1`);
  await field(page, "plan").selectOption("pro");
  await save(page).click();
  assert.equal(await field(page, "plan").inputValue(), "pro");
  await look(page, "console-account");
  await page.goto(`${server.url}/console?attribute=plan&value=pro`);
  assert.match(await page.locator("main").innerText(), /ada@example\.org/);
  await look(page, "console-accounts");
  await page.goto(`${server.url}/console/organisations/${organisation.split("/").at(-1)}`);
  await field(page, "seats").fill("20");
  await save(page).click();
  assert.equal(await field(page, "seats").inputValue(), "20");
  await look(page, "console-organisation");
  await page.context().close();
});
