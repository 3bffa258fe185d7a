"""A FastAPI application that is told what happens to accounts."""

import os

from fastapi import FastAPI, HTTPException, Request
from standardwebhooks import Webhook, WebhookVerificationError

WEBHOOK = Webhook(os.environ["WEBHOOK_SECRET"])  # whsec_…
SEEN: set[str] = set()  # in a real application a unique column, written with what the event changes

app = FastAPI()


@app.post("/hooks", status_code=204)
async def hear(request: Request) -> None:
    # The raw body is what was signed: JSON that was parsed and written again is another text.
    body = await request.body()
    try:
        event = WEBHOOK.verify(body, dict(request.headers))  # also refuses what is older than five minutes
    except WebhookVerificationError as cause:
        raise HTTPException(401) from cause
    if request.headers["webhook-id"] not in SEEN:
        SEEN.add(request.headers["webhook-id"])
        print(event["type"], event["data"].get("account_id", "-"), flush=True)
    # Answer within five seconds: leave longer work to a queue.
