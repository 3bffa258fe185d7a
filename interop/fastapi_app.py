"""A FastAPI application that accepts the access tokens of a Portcullis server."""

import os
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

ISSUER = os.environ["ISSUER"]  # the server's public_url, to the byte
AUDIENCE = os.environ["AUDIENCE"]  # its setting `audience`; by default the public_url
KEYS = jwt.PyJWKClient(os.environ["KEYS_AT"], timeout=5)  # public_url + /.well-known/jwks.json
ALGORITHMS = ["EdDSA", "ES256"]  # never one that starts with HS
CLAIMS = ["exp", "iat", "sub", "jti", "client_id"]  # RFC 9068 §2.2


# `def`, not `async def`: fetching the keys blocks, and FastAPI runs such a function in a thread.
def caller(credentials: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())]) -> dict:
    token = credentials.credentials
    try:
        key = KEYS.get_signing_key_from_jwt(token)
        verified = jwt.decode_complete(
            token, key, algorithms=ALGORITHMS, issuer=ISSUER, audience=AUDIENCE, leeway=5, options={"require": CLAIMS}
        )
    except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError) as cause:  # without keys there is no verdict
        raise HTTPException(503, "Credentials cannot be checked at the moment") from cause
    except jwt.PyJWTError as cause:
        raise unauthorized() from cause
    # An ID token of the same issuer has another typ (RFC 9068 §4). PyJWT does not check it.
    if str(verified["header"].get("typ")).lower() not in ("at+jwt", "application/at+jwt"):
        raise unauthorized()
    return verified["payload"]


def unauthorized() -> HTTPException:
    return HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": 'Bearer error="invalid_token"'})


def with_scope(name: str):
    def check(claims: Annotated[dict, Depends(caller)]) -> dict:
        if name not in str(claims.get("scope", "")).split(" "):
            raise HTTPException(403, "Not enough permissions")
        return claims

    return Depends(check)


app = FastAPI()


@app.get("/caller")
def read_caller(claims: Annotated[dict, Depends(caller)]) -> dict:
    return {"subject": claims["sub"], "client_id": claims["client_id"]}


@app.get("/notes")
def read_notes(claims: Annotated[dict, with_scope("profile:read")]) -> str:
    return f"the notes of {claims['sub']}"
