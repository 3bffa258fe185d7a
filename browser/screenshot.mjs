// Makes the README's picture of the docs page: npm run screenshot
import { fileURLToPath } from "node:url";
import { DocsPage, openPage, startBrowser, startServer } from "./support.mjs";

const server = await startServer();
const browser = await startBrowser();
try {
  const { page } = await openPage(browser, { viewport: { width: 1180, height: 860 } });
  const docs = new DocsPage(page);
  await docs.open(server.url);
  await docs.openAuthorize();
  await page.locator("#oauth_username").fill("ada@example.com");
  await page.screenshot({ path: fileURLToPath(new URL("../docs/images/docs-page.png", import.meta.url)) });
} finally {
  await browser.close();
  await server.stop();
}
