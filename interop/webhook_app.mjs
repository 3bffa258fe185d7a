// An Express application that is told what happens to accounts.
import express from "express";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.env.WEBHOOK_SECRET); // whsec_…
const seen = new Set(); // in a real application a unique column, written with what the event changes

const app = express();
// The raw body is what was signed: JSON that was parsed and written again is another text.
app.post("/hooks", express.raw({ type: "application/json", limit: "64kb" }), (request, response) => {
  let event;
  try {
    event = webhook.verify(request.body, request.headers); // also refuses what is older than five minutes
  } catch {
    return response.sendStatus(401);
  }
  const id = request.get("webhook-id");
  if (!seen.has(id)) {
    seen.add(id);
    console.log(`${event.type} ${event.data.account_id ?? "-"}`);
  }
  response.sendStatus(204); // within five seconds: leave longer work to a queue
});
const server = app.listen(process.env.PORT, "127.0.0.1", () =>
  console.log(`listens on http://127.0.0.1:${server.address().port}`),
);
