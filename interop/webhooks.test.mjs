// Webhooks, verified by the libraries of Standard Webhooks.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { LISTENS, TIME, freePort, here, portcullis, signUp, start, startPortcullis, startPython, temporaryDirectory } from "./support.mjs";

const RECEIVERS = {
  Express: (port, secret) =>
    start(process.execPath, [here("webhook_app.mjs")], { WEBHOOK_SECRET: secret, PORT: `${port}` }, LISTENS),
  FastAPI: (port, secret) => startPython("webhook_app", port, { WEBHOOK_SECRET: secret }),
};
const FORGED = { "content-type": "application/json", "webhook-id": "msg_1", "webhook-signature": "v1,AAAA" };

for (const [name, receive] of Object.entries(RECEIVERS)) {
  test(`g09_a_webhook_is_verified_by_${name}`, TIME, async () => {
    const settings = { "data-dir": join(temporaryDirectory(), "data"), "webhook-private-targets": "on" };
    const server = await startPortcullis(settings);
    const port = await freePort();
    const added = await portcullis(["webhook", "add", `http://127.0.0.1:${port}/hooks`], settings);
    const [, id, secret] = /^id +(\S+)\nsecret +(whsec_\S+)$/m.exec(added);
    const { url, output } = await receive(port, secret);
    assert.match(await portcullis(["webhook", "test", id], settings), /responded with 204/);
    await signUp(server.url);
    for (let turn = 0; !output.text.includes("account.signed_up 1"); turn++) {
      assert.ok(turn < 200, output.text);
      await sleep(100);
    }
    assert.match(output.text, /webhook\.test -/);

    const at = { "webhook-timestamp": `${Math.floor(Date.now() / 1000)}` };
    const forged = await fetch(`${url}/hooks`, { method: "POST", headers: { ...FORGED, ...at }, body: "{}" });
    assert.equal(forged.status, 401);
  });
}

test("the_webhook_receivers_of_the_document_are_the_tested_files", () => {
  const text = readFileSync(here("../docs/webhooks.md"), "utf8");
  for (const [language, name] of [["js", "webhook_app.mjs"], ["python", "webhook_app.py"]]) {
    assert.ok(text.includes(`\`\`\`${language}\n${readFileSync(here(name), "utf8")}\`\`\``), name);
  }
});
