// The docs page of an API logs in at a certified OpenID provider: authorization code with PKCE, in a second window.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { newKeys, startProvider } from "../interop/provider.mjs";
import { LISTENS, freePort, start } from "../interop/support.mjs";
import { DocsPage, assertInView, faultsOf, logInAtProvider, openPage, startBrowser } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const EXAMPLES = process.env.EXAMPLES ?? fileURLToPath(new URL("../target/debug/examples", import.meta.url));

let api, provider, browser, page, record, docs;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  const port = await freePort();
  const client = {
    client_id: "docs",
    application_type: "native",
    token_endpoint_auth_method: "none",
    redirect_uris: [`http://127.0.0.1:${port}/docs/oauth2-redirect`],
    grant_types: ["authorization_code"],
  };
  provider = await startProvider(await newKeys("docs"), 0, [client]);
  const { issuer } = provider;
  const args = [issuer, "shop", client.client_id, "code", `${issuer}/auth`, `${issuer}/token`];
  api = await start(`${EXAMPLES}/docs_log_in`, args, { LISTEN: `127.0.0.1:${port}` }, LISTENS);
  browser = await startBrowser();
  ({ page, record } = await openPage(browser));
  docs = new DocsPage(page);
  await docs.open(api.url);
});

after(async () => {
  await browser?.close();
});

test("t13_without_a_token_the_call_is_401", async () => {
  assert.equal(await docs.call("read_subject"), 401);
});

test("the_docs_page_may_ask_the_token_endpoint_and_no_other_host", async () => {
  const policy = (await fetch(`${api.url}/docs`)).headers.get("content-security-policy");
  assert.match(policy, new RegExp(`connect-src 'self' ${provider.issuer}$`));
});

test("authorize_opens_at_the_first_thing_to_choose_and_enter_goes_on", async () => {
  for (const viewport of [{ width: 1280, height: 900 }, { width: 390, height: 844 }]) {
    await page.setViewportSize(viewport);
    await docs.openAuthorize();
    const box = docs.dialog.locator("input[type=checkbox]").first();
    assert.ok(await box.evaluate((it) => it === document.activeElement));
    await assertInView(docs.dialog, box);
    assert.doesNotMatch(await docs.dialog.innerText(), /Scopes are used to/);
    assert.deepEqual(await faultsOf(page), []);
    await page.screenshot({ path: `${SCREENSHOTS}/authorize-0-${viewport.width}.png` });
    await page.keyboard.press("Escape");
    await docs.dialog.waitFor({ state: "detached" });
  }
  await docs.openAuthorize();
  await page.keyboard.press("Space");
  const opened = page.waitForEvent("popup");
  await docs.dialog.locator("#client_id_authorizationCode").press("Enter");
  await (await opened).close();
  await docs.closeAuthorize();
});

test("an_answer_to_another_question_is_refused", async () => {
  const window = await docs.logInElsewhere();
  const closed = window.waitForEvent("close");
  // The window closes itself before it has loaded, which is an error to goto.
  await window.goto(`${api.url}/docs/oauth2-redirect?code=somebody-elses&state=another`).catch(() => {});
  await closed;
  assert.match(await docs.dialog.locator(".errors").innerText(), /does not belong to this login/);
  await docs.closeAuthorize();
  assert.deepEqual(record.requests.filter((request) => request.url() === `${provider.issuer}/token`), []);
});

test("who_logs_in_at_the_provider_comes_back_with_a_token", async () => {
  const window = await docs.logInElsewhere();
  const asked = new URL(record.requests.findLast((request) => request.url().includes("/auth?")).url()).searchParams;
  assert.equal(asked.get("client_id"), "docs");
  assert.equal(asked.get("code_challenge_method"), "S256");
  await window.screenshot({ path: `${SCREENSHOTS}/authorize-1-provider.png` });
  await logInAtProvider(window);
  await docs.dialog.getByText("Authorized", { exact: true }).waitFor();
  await page.screenshot({ path: `${SCREENSHOTS}/authorize-2-back.png` });
  await docs.closeAuthorize();
});

test("the_guarded_call_works_with_the_token", async () => {
  assert.equal(await docs.call("read_subject"), 200);
  assert.match(await docs.answer("read_subject"), /"ada"/);
  await page.screenshot({ path: `${SCREENSHOTS}/authorize-3-called.png`, fullPage: true });
  const { authorization } = record.requests.findLast((request) => request.url() === `${api.url}/subject`).headers();
  assert.match(authorization, /^Bearer ey/);
});

test("c04_nothing_was_against_the_policy", () => assert.deepEqual(record.violations, []));
