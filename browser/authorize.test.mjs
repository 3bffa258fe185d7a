// The docs page of an API logs in at a certified OpenID provider: authorization code with PKCE, in a second window.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { newKeys, startProvider } from "../interop/provider.mjs";
import { freePort, start } from "../interop/support.mjs";
import { DocsPage, openPage, startBrowser } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const EXAMPLE =
  process.env.DOCS_LOG_IN_BIN ?? fileURLToPath(new URL("../target/debug/examples/docs_log_in", import.meta.url));

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
  const args = [issuer, "shop", `${issuer}/auth`, `${issuer}/token`, client.client_id];
  api = await start(EXAMPLE, args, { LISTEN: `127.0.0.1:${port}` }, /listens on (http:\/\/127\.0\.0\.1:\d+)/);
  browser = await startBrowser();
  ({ page, record } = await openPage(browser));
  docs = new DocsPage(page);
  await docs.open(api.url);
});

after(async () => {
  await browser?.close();
});

/** Presses Authorize with the scope; resolves to the provider's window. */
async function authorize() {
  await docs.openAuthorize();
  const scope = docs.dialog.locator("input[type=checkbox]");
  // Swagger UI hides the box behind its label.
  if (!(await scope.isChecked())) await docs.dialog.locator(".scopes label").last().click();
  assert.ok(await scope.isChecked());
  const opened = page.waitForEvent("popup");
  await docs.dialog.getByRole("button", { name: "Apply given OAuth2 credentials" }).click();
  return opened;
}

test("t13_without_a_token_the_call_is_401", async () => {
  assert.equal(await docs.call("read_subject"), 401);
});

test("the_docs_page_may_ask_the_token_endpoint_and_no_other_host", async () => {
  const policy = (await fetch(`${api.url}/docs`)).headers.get("content-security-policy");
  assert.match(policy, new RegExp(`connect-src 'self' ${provider.issuer}$`));
});

test("an_answer_to_another_question_is_refused", async () => {
  const window = await authorize();
  const closed = window.waitForEvent("close");
  // The window closes itself before it has loaded, which is an error to goto.
  await window.goto(`${api.url}/docs/oauth2-redirect?code=somebody-elses&state=another`).catch(() => {});
  await closed;
  assert.match(await docs.dialog.locator(".errors").innerText(), /belongs to another question/);
  await docs.closeAuthorize();
  assert.deepEqual(record.requests.filter((request) => request.url() === `${provider.issuer}/token`), []);
});

test("who_logs_in_at_the_provider_comes_back_with_a_token", async () => {
  const window = await authorize();
  const asked = new URL(record.requests.findLast((request) => request.url().includes("/auth?")).url()).searchParams;
  assert.equal(asked.get("client_id"), "docs");
  assert.equal(asked.get("code_challenge_method"), "S256");
  await window.locator("input[name=login]").fill("ada");
  await window.locator("input[name=password]").fill("anything");
  await window.screenshot({ path: `${SCREENSHOTS}/authorize-1-provider.png` });
  await window.locator("button[type=submit]").click();
  const closed = window.waitForEvent("close");
  await window.getByRole("button", { name: "Continue" }).click();
  await closed;
  await docs.dialog.getByText("Authorized", { exact: true }).waitFor();
  await page.screenshot({ path: `${SCREENSHOTS}/authorize-2-back.png` });
  await docs.closeAuthorize();
});

test("the_guarded_call_works_with_the_token", async () => {
  assert.equal(await docs.call("read_subject"), 200);
  const body = docs.operation("read_subject").locator(".live-responses-table tbody .response-col_description").first();
  assert.match(await body.innerText(), /"ada"/);
  await page.screenshot({ path: `${SCREENSHOTS}/authorize-3-called.png`, fullPage: true });
  const { authorization } = record.requests.findLast((request) => request.url() === `${api.url}/subject`).headers();
  assert.match(authorization, /^Bearer ey/);
});

test("c04_nothing_was_against_the_policy", () => assert.deepEqual(record.violations, []));
