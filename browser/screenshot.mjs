// Makes the README's picture of the docs page: npm run screenshot
import { fileURLToPath } from "node:url";
import { DocsPage, openPage, startBrowser, startServer } from "./support.mjs";

const server = await startServer();
const browser = await startBrowser();
try {
  const { page } = await openPage(browser, { viewport: { width: 1180, height: 2000 } });
  await new DocsPage(page).open(server.url);
  // Down to the end of the second group: enough to see the padlocks.
  const { y, height } = await page.locator(".opblock-tag-section").nth(1).boundingBox();
  await page.screenshot({
    path: fileURLToPath(new URL("../docs/images/docs-page.png", import.meta.url)),
    clip: { x: 0, y: 0, width: 1180, height: Math.ceil(y + height) },
  });
} finally {
  await browser.close();
  await server.stop();
}
