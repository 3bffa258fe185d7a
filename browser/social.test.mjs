// Logging in with another provider as people do: from the button to the account page, without script.
import assert from "node:assert/strict";
import { createHash, createSign, generateKeyPairSync, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
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

/** An honest OpenID provider: a page that asks, codes with PKCE, signed ID tokens. `person` is who is logged in there. */
async function startProvider() {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const web = createServer();
  web.listen(0, "127.0.0.1");
  await once(web, "listening");
  const issuer = `http://127.0.0.1:${web.address().port}`;
  const state = { issuer, person: null, stop: () => new Promise((resolve) => (web.closeAllConnections(), web.close(resolve))) };
  const codes = new Map();
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const idToken = (asked) => {
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: "portcullis", iat: now, exp: now + 300, nonce: asked.get("nonce"), ...asked.person };
    const signed = `${encode({ alg: "RS256", kid: "one" })}.${encode(claims)}`;
    return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey).toString("base64url")}`;
  };
  web.on("request", async (request, response) => {
    const url = new URL(request.url, issuer);
    const json = (value, status = 200) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (url.pathname === "/.well-known/openid-configuration") {
      return json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        token_endpoint_auth_methods_supported: ["client_secret_post"],
      });
    }
    if (url.pathname === "/keys") return json({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }] });
    if (url.pathname === "/authorize") {
      const code = randomUUID();
      codes.set(code, Object.assign(url.searchParams, { person: state.person }));
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.search = new URLSearchParams({ code, state: url.searchParams.get("state") });
      const page = `<!doctype html><title>Acme</title><link rel="icon" href="data:,"><a href="${back.href.replaceAll("&", "&amp;")}">Allow</a>`;
      return response.writeHead(200, { "content-type": "text/html" }).end(page);
    }
    if (url.pathname === "/token") {
      let body = "";
      for await (const piece of request) body += piece;
      const form = new URLSearchParams(body);
      const asked = codes.get(form.get("code"));
      codes.delete(form.get("code"));
      const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
      const isRight = form.get("client_secret") === "secret" && asked?.get("code_challenge") === challenge;
      return isRight ? json({ access_token: "a", token_type: "Bearer", id_token: idToken(asked) }) : json({ error: "invalid_grant" }, 400);
    }
    response.writeHead(404).end();
  });
  return state;
}

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
