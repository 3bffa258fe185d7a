// An application on another origin: the script of docs/recipes.md in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { openPage, startBrowser, startServer } from "./support.mjs";

const SCRIPT = readFileSync(new URL("other_origin.js", import.meta.url), "utf8");
const PERSON = { email: "ada@example.org", full_name: "Ada Lovelace", password: "a quiet engine of brass, 1843" };

let server, browser;
const applications = [];

/** An application at an origin of its own: a page and nothing else. */
async function startApplication() {
  const application = createServer((request, response) => {
    const script = SCRIPT.replace("https://login.example", server.url);
    response.setHeader("content-type", "text/html").end(`<!doctype html><title>App</title><script>${script}</script>`);
  });
  await new Promise((resolve) => application.listen(0, "127.0.0.1", resolve));
  applications.push(application);
  return `http://127.0.0.1:${application.address().port}`;
}

before(async () => {
  const [listed, other] = [await startApplication(), await startApplication()];
  server = await startServer("--allowed-origins", listed);
  Object.assign(server, { listed, other });
  browser = await startBrowser();
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${server.url}/signup`, { method: "POST", headers, body: JSON.stringify(PERSON) });
  assert.equal(answer.status, 201);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  for (const application of applications) application.close();
});

/** What the application's page learns when its script logs in and reads the profile. */
async function visit(origin) {
  const { page } = await openPage(browser);
  await page.goto(origin);
  const learnt = await page.evaluate(async ({ email, password }) => {
    const told = async (promise) => promise.then((value) => JSON.stringify(value), (error) => `${error.name}: ${error.message}`);
    const token = await told(logIn(email, password));
    return {
      token,
      profile: await told(readProfile(token.replaceAll('"', ""))),
      wrong: await told(logIn(email, "not the password")),
      refused: await told(readProfile("junk")),
    };
  }, PERSON);
  await page.context().close();
  return learnt;
}

test("c03_a_page_of_a_listed_origin_logs_in_and_reads_the_profile", async () => {
  const { token, profile, wrong, refused } = await visit(server.listed);
  assert.match(token, /^"ey/);
  assert.equal(JSON.parse(profile).full_name, PERSON.full_name);
  assert.match(wrong, /Incorrect email address or password/);
  assert.match(refused, /401 Bearer/);
});

test("c03_a_page_of_another_origin_learns_nothing", async () => {
  const learnt = await visit(server.other);
  for (const told of Object.values(learnt)) assert.match(told, /^TypeError: Failed to fetch/);
});

test("c03_no_page_of_another_origin_uses_the_cookie", async () => {
  const { page } = await openPage(browser);
  await page.goto(`${server.url}/account/log-in`);
  await page.getByLabel("Email address", { exact: true }).fill(PERSON.email);
  await page.getByLabel("Password", { exact: true }).fill(PERSON.password);
  await page.locator("main form button:not(.show)").first().click();
  await page.waitForURL(`${server.url}/account`);
  await page.goto(server.listed);
  const ask = (options) =>
    page.evaluate(([url, options]) => fetch(url, options).then(({ status }) => status, (error) => error.name), [
      `${server.url}/profile`,
      options,
    ]);
  assert.equal(await ask({ credentials: "include" }), "TypeError", "with the cookie, and not to be read");
  assert.equal(await ask({}), 401);
  await page.context().close();
});
