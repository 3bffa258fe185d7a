// The docs page with the other schemes: a program's secret, a provider's configuration, names with passwords, keys.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { newKeys, startProvider } from "../interop/provider.mjs";
import { LISTENS, freePort, start, temporaryDirectory } from "../interop/support.mjs";
import { DocsPage, logInAtProvider, openPage, startBrowser } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const EXAMPLES = process.env.EXAMPLES ?? fileURLToPath(new URL("../target/debug/examples", import.meta.url));
const PROGRAM = { client_id: "docs-program", client_secret: "a secret of the program, for trying things out" };

let browser;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
});

/** Starts the example with this client of the provider, and opens its docs page. */
async function openDocs(client, flow) {
  const port = await freePort();
  const redirect_uris = client.client_secret ? [] : [`http://127.0.0.1:${port}/docs/oauth2-redirect`];
  const provider = await startProvider(await newKeys("docs"), 0, [{ ...client, redirect_uris }]);
  const args = [provider.issuer, "shop", client.client_id, ...flow(provider.issuer)];
  const { url } = await start(`${EXAMPLES}/docs_log_in`, args, { LISTEN: `127.0.0.1:${port}` }, LISTENS);
  const { page, record } = await openPage(browser);
  const docs = new DocsPage(page);
  await docs.open(url);
  return { docs, page, record };
}

test("a_program_gets_a_token_for_its_secret", async () => {
  const client = { ...PROGRAM, grant_types: ["client_credentials"], response_types: [] };
  const { docs, page, record } = await openDocs(client, (issuer) => ["program", `${issuer}/token`]);
  assert.equal(await docs.call("read_subject"), 401);

  await docs.openAuthorize();
  await docs.chooseScope(docs.dialog, "profile:read");
  const apply = docs.dialog.getByRole("button", { name: "Authorize", exact: true });
  await docs.dialog.locator("#client_id_clientCredentials, #client_id").first().fill(client.client_id);
  const secret = docs.dialog.locator("input[type=password], #client_secret_clientCredentials, #client_secret").first();
  await secret.fill("another secret");
  await apply.click();
  assert.match(await docs.dialog.locator(".errors").innerText(), /invalid_client/);
  await secret.fill(client.client_secret);
  await page.screenshot({ path: `${SCREENSHOTS}/flows-1-program.png` });
  await apply.click();
  await docs.dialog.getByText("Authorized", { exact: true }).waitFor();
  await docs.closeAuthorize();

  assert.equal(await docs.call("read_subject"), 200);
  assert.match(await docs.answer("read_subject"), /"docs-program"/);
  const asked = record.requests.filter((request) => request.method() === "POST");
  // RFC 6749 §2.3.1: the secret is in the header, and in no address.
  assert.equal(asked.length, 2);
  const encoded = encodeURIComponent(client.client_secret);
  const { authorization } = await asked[1].allHeaders();
  const [id, sent_secret] = atob(authorization.replace(/^Basic /, "")).split(":");
  assert.deepEqual([id, decodeURIComponent(sent_secret)], [client.client_id, client.client_secret]);
  for (const request of asked) {
    for (const text of [request.url(), request.postData()]) {
      assert.ok(!text.includes(encoded) && !text.includes(client.client_secret), text);
    }
  }
  assert.deepEqual(record.violations, []);
});

test("the_page_finds_the_flows_of_an_openid_provider", async () => {
  const client = { client_id: "docs", application_type: "native", token_endpoint_auth_method: "none" };
  const { docs, page, record } = await openDocs(
    { ...client, grant_types: ["authorization_code"] }, () => ["openid"],
  );
  assert.equal(await docs.call("read_subject"), 401);

  await docs.openAuthorize();
  const flow = docs.scheme("authorization_code");
  await flow.waitFor();
  assert.ok(record.requests.some((request) => request.url().endsWith("/.well-known/openid-configuration")));
  await page.screenshot({ path: `${SCREENSHOTS}/flows-2-openid.png` });
  await logInAtProvider(await docs.logInElsewhere(flow));
  await flow.getByText("Authorized", { exact: true }).waitFor();
  await docs.closeAuthorize();
  const asked = new URL(record.requests.findLast((request) => request.url().includes("/auth?")).url()).searchParams;
  assert.equal(asked.get("code_challenge_method"), "S256");

  assert.equal(await docs.call("read_subject"), 200);
  assert.match(await docs.answer("read_subject"), /"ada"/);
  assert.deepEqual(record.violations, []);
});

test("a_name_with_a_password_and_a_key_are_sent_where_the_document_says", async () => {
  const printed = /listens on (http:\S+)\n[^\n]*-u operator:(\S+)/;
  const { url, output } = await start(
    `${EXAMPLES}/api_keys`, ["127.0.0.1:0"], { TMPDIR: temporaryDirectory() }, printed,
  );
  const password = printed.exec(output.text)[2];
  const { page, record } = await openPage(browser);
  const docs = new DocsPage(page);
  await docs.open(url);
  const mint = () => docs.call("mint_key", (operation) => operation.getByPlaceholder("name").fill("ada"));
  // Not `mint`: at a challenge for Basic the browser opens a window of its own, which no page can prevent.
  assert.equal(await docs.call("read_stock"), 401);

  await docs.openAuthorize();
  const operator = docs.scheme("operator");
  await operator.locator("input[type=text], input[name=username]").first().fill("operator");
  await operator.locator("input[type=password]").fill(password);
  await operator.getByRole("button", { name: "Authorize", exact: true }).click();
  await docs.closeAuthorize();
  assert.equal(await mint(), 201);
  const key = /"key":\s*"(shop_[^"]+)"/.exec(await docs.answer("mint_key"))[1];

  await docs.openAuthorize();
  const customer = docs.scheme("customer");
  await customer.locator("input").fill(key);
  await customer.getByRole("button", { name: "Authorize", exact: true }).click();
  await page.screenshot({ path: `${SCREENSHOTS}/flows-3-basic-and-key.png` });
  await docs.closeAuthorize();
  assert.equal(await docs.call("read_stock"), 200);
  assert.match(await docs.answer("read_stock"), /lanterns are left, ada/);

  // To each operation its own credential, and no other.
  const sent = (path) => record.requests.findLast((request) => new URL(request.url()).pathname === path).headers();
  const toMint = sent("/customers/ada/keys");
  assert.equal(toMint.authorization, `Basic ${btoa(`operator:${password}`)}`);
  assert.equal(toMint["x-api-key"], undefined);
  const toRead = sent("/stock");
  assert.equal(toRead["x-api-key"], key);
  assert.equal(toRead.authorization, undefined);
  await page.screenshot({ path: `${SCREENSHOTS}/flows-4-called.png`, fullPage: true });
  assert.deepEqual(record.violations, []);
});
