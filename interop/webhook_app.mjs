// An Express application that receives webhooks.
import express from "express";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET); // whsec_…
const seen = new Set(); // in production: a unique column, written in the same transaction as your change

const app = express();
// The signature is over the raw body. Parsing and serializing it again can change the text.
app.post("/hooks", express.raw({ type: "application/json", limit: "64kb" }), (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers); // also rejects deliveries older than five minutes
  } catch {
    return response.sendStatus(401);
  }
  const id = request.get("webhook-id");
  if (!seen.has(id)) {
    seen.add(id);
    console.log(`${event.type} ${event.data.account_id ?? "-"}`);
  }
  response.sendStatus(204); // within five seconds: put longer work into a queue
});
const server = app.listen(process.env.PORT, "127.0.0.1", () =>
  console.log(`listens on http://127.0.0.1:${server.address().port}`),
);
