"""A FastAPI application that receives webhooks."""

import os

from fastapi import FastAPI, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

WEBHOOK = Webhook(os.environ["WEBHOOK_SECRET"])  # whsec_…
SEEN: set[str] = set()  # in production: a unique column, written in the same transaction as your change

app = FastAPI()


@app.post("/hooks", status_code=204)
async def hear(request: Request) -> None:
    # The signature is over the raw body. Parsing and serializing it again can change the text.
    body = await request.body()
    try:
        event = WEBHOOK.verify(body, dict(request.headers))  # also rejects deliveries older than five minutes
    except WebhookVerificationError as cause:
        raise HTTPException(401) from cause
    if request.headers["webhook-id"] not in SEEN:
        SEEN.add(request.headers["webhook-id"])
        print(event["type"], event["data"].get("account_id", "-"), flush=True)
    # Respond within five seconds: put longer work into a queue.
