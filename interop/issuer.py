"""An issuer in FastAPI: access tokens as RFC 9068 has them, signed with joserfc, metadata by RFC 8414. Whoever asks
gets one: it is here to be verified, and hands out forgeries too."""

import os
import time
import uuid

from fastapi import FastAPI
from joserfc import jwk, jwt
from pydantic import BaseModel

import forgeries

ISSUER, AUDIENCE = os.environ["ISSUER"], os.environ["AUDIENCE"]
KEY = jwk.OKPKey.generate_key("Ed25519", {"use": "sig", "alg": "EdDSA"}, auto_kid=True)
HEADER = {"typ": "at+jwt", "alg": "EdDSA", "kid": KEY.kid}
asked = {"keys": 0, "trap": 0}
app = FastAPI()


def claims() -> dict:
    now = int(time.time())
    return {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "client_id": "web", "jti": str(uuid.uuid4()),
        "iat": now, "exp": now + 300, "scope": "profile:read profile:write",
    }  # fmt: skip


@app.get("/.well-known/oauth-authorization-server")
def read_metadata() -> dict:
    return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks", "response_types_supported": []}


@app.get("/jwks")
def read_keys() -> dict:
    asked["keys"] += 1
    return {"keys": [KEY.as_dict(private=False)]}


@app.get("/token")
def issue(scope: str = "profile:read profile:write") -> str:
    return jwt.encode(HEADER, {**claims(), "scope": scope}, KEY, algorithms=["EdDSA"])


class Known(BaseModel):
    """What a stranger knows."""

    token: str
    key: dict


@app.post("/forgeries")
def forge(known: Known) -> dict:
    refused = forgeries.strangers(known.token, known.key, f"{ISSUER}/trap")
    return {"refused": refused, "strict": forgeries.misspelt(known.token)}


@app.get("/forgeries")
def misuse() -> dict:
    """`control` differs from them in nothing but what their names say."""
    refused, strict = forgeries.insiders(KEY, claims())
    return {"control": forgeries.by_hand_signed(KEY, HEADER, claims()), "refused": refused, "strict": strict}


@app.get("/trap")
def spring() -> dict:
    asked["trap"] += 1
    return {"keys": []}


@app.get("/asked")
def read_asked() -> dict:
    return asked
