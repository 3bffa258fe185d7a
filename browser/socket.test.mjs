// A WebSocket behind a session's cookie, as a browser opens it: over plain http to this machine, with a `__Host-` cookie.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { LISTENS, start } from "../interop/support.mjs";
import { openPage, startBrowser } from "./support.mjs";

const SCREENSHOTS = fileURLToPath(new URL("screenshots", import.meta.url));
const EXAMPLES = process.env.EXAMPLES ?? fileURLToPath(new URL("../target/debug/examples", import.meta.url));

let browser;

before(async () => {
  await mkdir(SCREENSHOTS, { recursive: true });
  browser = await startBrowser();
});

after(async () => {
  await browser?.close();
});

test("a_socket_opens_for_the_visitor_on_our_own_page_and_for_no_other_page", async () => {
  const { url } = await start(`${EXAMPLES}/websocket`, ["127.0.0.1:0"], {}, LISTENS);
  const { page } = await openPage(browser);
  await page.goto(url);
  await page.getByText("open").waitFor();
  await page.locator("input").fill("hello");
  await page.keyboard.press("Enter");
  await page.getByText("hello").waitFor();
  await page.screenshot({ path: `${SCREENSHOTS}/socket-1-echo.png` });
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.name, cookie.secure, cookie.httpOnly], ["__Host-session", true, true]);

  // The cookie goes along from this page too: it is another origin of the same site.
  const other = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<title>Other</title>"));
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  try {
    await page.goto(`http://127.0.0.1:${other.address().port}`);
    const refusal = page.waitForEvent("console");
    await page.evaluate((address) => void new WebSocket(address), `${url.replace("http", "ws")}/echo`);
    assert.match((await refusal).text(), /Unexpected response code: 403/);
  } finally {
    other.closeAllConnections();
    other.close();
  }
});
