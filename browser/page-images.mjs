// Makes the pictures of the pages in docs/images: npm run page-images
import { fileURLToPath } from "node:url";
import { openPage, startBrowser, startServer } from "./support.mjs";

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
const PEOPLE = ["Grace Hopper", "Alan Turing", "Katherine Johnson", "Anders Ångström", "Barbara Liskov", "Edsger Dijkstra", "Margaret Hamilton"];
const image = (name) => fileURLToPath(new URL(`../docs/images/${name}.png`, import.meta.url));

// To the console: the folder of emails has another name on each computer.
const server = await startServer("--mail-url", "console:");
const browser = await startBrowser();
try {
  const { page } = await openPage(browser, { viewport: DESKTOP, locale: "en-GB", timezoneId: "Europe/Berlin" });
  const submit = (form) => form.locator("main form button:not(.show)").last().click();
  const signUp = async (form, name, email) => {
    await form.goto(`${server.url}/account/sign-up`);
    await form.locator("#full_name").fill(name);
    await form.locator("#email").fill(email);
    await form.locator("#password").fill("a quiet engine of brass, 1843");
  };
  const shoot = async (path, name, viewport, colorScheme = "light") => {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme });
    if (path) await page.goto(server.url + path);
    await page.screenshot({ path: image(name) });
  };

  await signUp(page, "Ada Lovelace", "ada@example.org");
  await shoot(null, "sign-up-page", DESKTOP);
  await submit(page);
  await page.waitForURL(/done=welcome/);
  await page.goto(`${server.url}/console/claim`);
  await page.locator("#code").fill(server.code);
  await submit(page);
  await page.waitForURL(/done=claimed/);
  for (const [at, name] of PEOPLE.entries()) {
    const other = await openPage(browser, { locale: "en-GB" });
    await signUp(other.page, name, `${name.split(" ")[0].toLowerCase()}@example.org`);
    await submit(other.page);
    await other.page.waitForURL(/done=welcome/);
    await other.page.context().close();
    if (at === 2) {
      await page.goto(`${server.url}/console/accounts/3/disable`);
      await submit(page);
      await page.waitForURL(/done=disabled/);
    }
  }
  await shoot("/account", "account-page", DESKTOP);
  await shoot("/account", "account-page-phone", PHONE, "dark");
  await shoot("/console", "console-page", DESKTOP);
  await shoot("/console/audit", "audit-page", DESKTOP, "dark");
  await shoot("/console/accounts/4/delete", "console-delete-phone", PHONE);
} finally {
  await browser.close();
  await server.stop();
}
