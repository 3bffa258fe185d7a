// The real binary on a free port with an empty data directory, and a browser that keeps account of itself.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const BINARY = process.env.PORTCULLIS_BIN ?? here("../target/debug/portcullis");
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const START_LIMIT_MS = 30_000;

/** Starts the server, with more settings if they are given as flags; resolves to its address, the first administrator's code, the folder of its mails and a way to stop
 * it, once it says that it listens. */
export async function startServer(...settings) {
  return startServerAt("127.0.0.1:0", ...settings);
}

/** The same under a name, on a port that is free now: browsers make no passkeys for an IP address. */
export async function startNamedServer(...settings) {
  const port = await new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
  const url = `http://localhost:${port}`;
  return { ...(await startServerAt(`127.0.0.1:${port}`, "--public-url", url, ...settings)), url };
}

async function startServerAt(listen, ...settings) {
  const data = await mkdtemp(join(tmpdir(), "portcullis-browser-"));
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PORTCULLIS_")));
  const args = ["serve", "--listen", listen, "--data-dir", join(data, "data"), ...settings];
  const server = spawn(BINARY, args, { env });
  const stop = async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGTERM");
      await ended;
    }
    await rm(data, { recursive: true, force: true });
  };
  try {
    const { url, code } = await greetingOf(server);
    return { url, code, stop, mails: join(data, "data", "mail") };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address, and the code that makes the first administrator. */
function greetingOf(server) {
  return new Promise((resolve, reject) => {
    let said = "";
    const late = setTimeout(() => reject(new Error(`the server did not listen in time:\n${said}`)), START_LIMIT_MS);
    const read = (text) => {
      said += text;
      const address = /listens on (http:\/\/127\.0\.0\.1:\d+)/.exec(said);
      const code = /^ {2}((?:[0-9A-Z]{5}-){3}[0-9A-Z]{5})$/m.exec(said);
      if (address && code) {
        clearTimeout(late);
        resolve({ url: address[1], code: code[1] });
      }
    };
    server.stdout.setEncoding("utf8").on("data", read);
    server.stderr.setEncoding("utf8").on("data", read);
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${said}`)));
  });
}

/** Starts Chromium (CHROMIUM names another one than Debian's). It can reach nothing but this machine. */
export function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? BROWSERS.find((path) => existsSync(path));
  if (!executablePath) throw new Error("no Chromium: install Debian's package, or name one with CHROMIUM=/path");
  const args = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--no-first-run",
  ];
  // Chromium's sandbox refuses to run as root.
  if (process.getuid() === 0) args.push("--no-sandbox");
  return chromium.launch({ executablePath, args, headless: true });
}

/** A page whose requests, complaints and policy violations are written down from the first moment. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, ...options });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const record = { requests: [], errors: [], violations: [] };
  context.on("request", (request) => record.requests.push(request));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      record.errors.push(`${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => record.errors.push(String(error)));
  await page.exposeFunction("recordViolation", (violation) => record.violations.push(violation));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile, lineNumber }) =>
      window.recordViolation(`${violatedDirective}: ${blockedURI} (${sourceFile}:${lineNumber})`),
    );
  });
  return { page, record };
}

/** What axe finds that keeps somebody out. The pages' own policy forbids scripts, so axe comes past it. */
export async function faultsOf(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: await readFile(AXE, "utf8") });
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run(document).then((found) => JSON.stringify(found.violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes.map((node) => node.html) }))))",
    awaitPromise: true,
    returnByValue: true,
  });
  return JSON.parse(result.value).filter(({ impact }) => ["serious", "critical"].includes(impact));
}

/** The part is to be seen in the window of Authorize, without scrolling anything. */
export async function assertInView(dialog, part) {
  const [outer, inner] = [await dialog.locator(".modal-ux").boundingBox(), await part.boundingBox()];
  const { width, height } = dialog.page().viewportSize();
  assert.ok(outer.y >= 0 && outer.y + outer.height <= height && outer.x >= 0 && outer.x + outer.width <= width + 1, "the window leaves the page");
  assert.ok(inner.y >= outer.y && inner.y + inner.height <= outer.y + outer.height, "one would have to scroll");
}

/** What a newcomer does on the docs page. */
export class DocsPage {
  constructor(page) {
    this.page = page;
    this.dialog = page.locator(".dialog-ux");
  }

  async open(url) {
    const answer = await this.page.goto(`${url}/docs`);
    await this.page.locator(".opblock").first().waitFor();
    return answer;
  }

  operation(id) {
    return this.page.locator(`.opblock[id$="-${id}"]`);
  }

  /** Unfolds every group: at first the later ones are folded. */
  async unfold() {
    const folded = this.page.locator(".opblock-tag[data-is-open=false]");
    while ((await folded.count()) > 0) await folded.first().click();
  }

  /** Unfolds an operation, lets `fill` type into it, presses Execute; resolves to the status shown. */
  async call(id, fill = async () => {}) {
    const operation = this.operation(id);
    if ((await operation.count()) === 0) await this.unfold();
    if (!(await operation.locator(".execute").isVisible())) {
      await operation.locator(".opblock-summary-control").click();
    }
    await fill(operation);
    // The row of an earlier answer would be read otherwise.
    if (await operation.locator(".btn-clear").isVisible()) await operation.locator(".btn-clear").click();
    await operation.locator(".execute").click();
    const status = operation.locator(".live-responses-table tbody .response-col_status").first();
    return Number.parseInt(await status.innerText(), 10);
  }

  /** What the last call answered, below its status. */
  answer(id) {
    return this.operation(id).locator(".live-responses-table tbody .response-col_description").first().innerText();
  }

  async openAuthorize() {
    await this.page.locator(".auth-wrapper .btn.authorize").first().click();
    await this.dialog.waitFor();
  }

  async authorize(username, password) {
    await this.dialog.locator("#oauth_username").fill(username);
    await this.dialog.locator("#oauth_password").fill(password);
    await this.page.keyboard.press("Enter");
  }

  /** The part of the dialog that is about one scheme, or one flow of it; `text` is in its heading. */
  scheme(text) {
    return this.dialog.locator(".auth-container").filter({ has: this.page.locator("h4, h2", { hasText: text }) });
  }

  /** Asks for the scope, and for no other. */
  async chooseScope(part, scope) {
    for (const box of await part.locator("input[type=checkbox]").all()) {
      const isAsked = (await box.getAttribute("data-value")) === scope;
      // Swagger UI hides the box behind its label.
      const label = part.locator(`label[for="${await box.getAttribute("id")}"]`).first();
      if ((await box.isChecked()) !== isAsked) await label.click();
      assert.equal(await box.isChecked(), isAsked);
    }
  }

  /** Presses Authorize of the flow that leaves the page; resolves to the window of the other service. */
  async logInElsewhere(part = this.dialog, scope = "profile:read") {
    if (!(await this.dialog.isVisible())) await this.openAuthorize();
    await this.chooseScope(part, scope);
    const opened = this.page.waitForEvent("popup");
    await part.getByRole("button", { name: "Authorize", exact: true }).click();
    return opened;
  }

  async closeAuthorize() {
    await this.dialog.locator(".btn-done").first().click();
  }
}

/** What a person does in the window of the provider: a name, a password, consent. The window closes. */
export async function logInAtProvider(window) {
  await window.locator("input[name=login]").fill("ada");
  await window.locator("input[name=password]").fill("anything");
  await window.locator("button[type=submit]").click();
  const closed = window.waitForEvent("close");
  await window.getByRole("button", { name: "Continue" }).click();
  await closed;
}
