"""Tokens that no verifier may take, made with PyJWT and joserfc, and by hand where those refuse to.

A *stranger* knows an issuer's public keys and one of its good tokens. An *insider* has the issuer's private key, and
signs what is no access token for this API: what else the issuer signs, or signs for others."""

import base64
import hmac
import json
import time
import warnings

import jwt
from cryptography.hazmat.primitives import serialization
from joserfc import jwk, jws
from joserfc.errors import SecurityWarning

warnings.simplefilter("ignore", SecurityWarning)  # to sign with a public key is the very thing to warn of
ANY_ALGORITHM = jws.JWSRegistry(algorithms=["EdDSA", "ES256", "RS256", "HS256"], strict_check_header=False)


def b64(data: bytes | str) -> str:
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def by_hand(header: dict | str, claims: dict | str, sign=lambda _: b"") -> str:
    parts = [b64(part if isinstance(part, str) else json.dumps(part)) for part in (header, claims)]
    signed = ".".join(parts)
    return f"{signed}.{b64(sign(signed.encode()))}"


def hmac_with(secret: bytes, hash_name: str = "sha256"):
    return lambda message: hmac.new(secret, message, hash_name).digest()


def signed_by(key: jwk.Key, header: dict, claims: dict | str) -> str:
    """A compact JWS; the claims may be any text."""
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    return jws.serialize_compact(header, payload, key, registry=ANY_ALGORITHM)


def algorithm_of(key: jwk.Key) -> str:
    return {"OKP": "EdDSA", "EC": "ES256", "RSA": "RS256"}[key.key_type]


def strangers(good: str, public: dict, trap: str) -> dict[str, str]:
    """Forgeries of `good`, whose key is the JWK `public`. `trap` is the address of the forger's own JWK Set."""
    head, body, signature = good.split(".")
    header, claims = json.loads(unb64(head)), json.loads(unb64(body))
    other = {**claims, "sub": "1", "scope": "profile:read profile:write"}
    keys = {
        "OKP": jwk.OKPKey.generate_key("Ed25519"), "EC": jwk.ECKey.generate_key("P-256"), "RSA": jwk.RSAKey.generate_key(2048),
    }  # fmt: skip
    own = keys.pop(public["kty"])  # of the issuer's kind, so that the algorithm fits
    own_jwk = {**own.as_dict(private=False), "kid": header["kid"]}
    found = {
        "no signature": f"{head}.{body}.",
        "two parts": f"{head}.{body}",
        "a signature twice": f"{good}.{signature}",
        "other claims": f"{head}.{b64(json.dumps(other))}.{signature}",
        "JWS as JSON": json.dumps({"protected": head, "payload": body, "signature": signature}),
        "another key": signed_by(own, header, claims),
        "jwk": signed_by(own, {**header, "jwk": own_jwk}, claims),
        "jwk and no kid": signed_by(own, {"typ": header["typ"], "alg": header["alg"], "jwk": own_jwk}, claims),
        "jku": signed_by(own, {**header, "jku": trap}, claims),
        "jku of an unknown kid": signed_by(own, {**header, "kid": "trap", "jku": trap}, claims),
        "x5u": signed_by(own, {**header, "x5u": trap}, claims),
        "x5c": signed_by(own, {**header, "x5c": [base64.b64encode(own.as_der(private=False)).decode()]}, claims),
        "PyJWT, another key": jwt.encode(claims, own.private_key, header["alg"], headers=header),
        # ECDSA with r = s = 0 (CVE-2022-21449).
        "a signature of zeros": by_hand({**header, "alg": "ES256"}, other, lambda _: bytes(64)),
        "a signature of zeros, the key's algorithm": by_hand(header, other, lambda _: bytes(64)),
    }
    for kind, key in keys.items():
        found[f"{kind} key"] = signed_by(key, {**header, "alg": algorithm_of(key)}, claims)
    for alg in ("none", "None", "NONE", "nOnE", ""):
        found[f"alg {alg!r}"] = by_hand({**header, "alg": alg}, other)
        found[f"alg {alg!r} with the signature"] = by_hand({**header, "alg": alg}, claims, lambda _: unb64(signature))
    found["PyJWT, alg none"] = jwt.encode(other, None, "none", headers={**header, "alg": "none"})
    found["no alg"] = by_hand({name: header[name] for name in header if name != "alg"}, claims, lambda _: unb64(signature))
    found |= {f"HMAC with {name}": token for name, token in confusions(header, other, public)}
    for name, kid in odd_kids(header["kid"]).items():
        found[f"kid {name}"] = signed_by(own, {k: v for k, v in {**header, "kid": kid}.items() if v is not None}, claims)
    for path in ("/dev/null", "../../../../../../dev/null"):
        found[f"HMAC with nothing, kid {path}"] = by_hand({**header, "alg": "HS256", "kid": path}, other, hmac_with(b""))
    for name, changed in odd_headers(header).items():
        found[f"{name}, another key"] = by_hand_signed(own, changed, claims)
        found[f"{name}, the old signature"] = by_hand(changed, claims, lambda _: unb64(signature))
    return found


def misspelt(good: str) -> dict[str, str]:
    """`good` in other letters, as only a strict reader sees: whoever counts or blocks tokens by their text is misled."""
    # A signature of 64 bytes leaves four bits of its last letter unused.
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return {
        "padded": good + "==",
        "with unused bits set": good[:-1] + letters[letters.index(good[-1]) + 1],
    }


def confusions(header: dict, claims: dict, public: dict):
    """HS256 by the public key as the secret (CVE-2015-9235 and its line), in each way to write the key down."""
    key = jwk.import_key({**public, "use": "sig"})
    x_and_y = b"".join(unb64(public[part]) for part in ("x", "y", "n") if part in public)
    pem = key.public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    secrets = {
        "PEM": pem,
        "PEM without the last line's end": pem.strip(),
        "PEM with CRLF": pem.replace(b"\n", b"\r\n"),
        "DER": key.as_der(private=False),
        "the raw key": x_and_y,
        "x as text": public.get("x", public.get("n")).encode(),
        "JWK": json.dumps(public).encode(),
        "compact JWK": json.dumps(public, separators=(",", ":")).encode(),
        "sorted JWK": json.dumps(public, separators=(",", ":"), sort_keys=True).encode(),
        "JWK Set": json.dumps({"keys": [public]}, separators=(",", ":")).encode(),
        "the kid": header["kid"].encode(),
        "nothing": b"",
    }
    for name, secret in secrets.items():
        for size in ("256", "384", "512"):
            changed = {**header, "alg": f"HS{size}"}
            yield f"{name}, HS{size}", by_hand(changed, claims, hmac_with(secret, f"sha{size}"))
    oct_key = jwk.OctKey.import_key(secrets["the raw key"])
    yield "joserfc and the raw key", signed_by(oct_key, {**header, "alg": "HS256"}, claims)
    # Under the key's own algorithm's name, too.
    yield "PEM, under the key's own algorithm", by_hand(header, claims, hmac_with(pem))


def odd_kids(kid: str) -> dict:
    return {
        "absent": None,
        "empty": "",
        "unknown": "unknown",
        "with a space": f"{kid} ",
        "with a zero byte": f"{kid}\0",
        "in other case": kid.swapcase(),
        "of SQL": f"' UNION SELECT '{kid}' --",
        "of a shell": "$(id)|/usr/bin/id",
        "as an address": "http://127.0.0.1/jwks.json",
        "of 6000 bytes": "k" * 6000,
    }


def odd_headers(header: dict) -> dict:
    return {
        "typ JWT": {**header, "typ": "JWT"},
        "crit of an unknown extension": {**header, "crit": ["exp"], "exp": 1},
        "crit empty": {**header, "crit": []},
        "b64 false": {**header, "crit": ["b64"], "b64": False},
        "zip": {**header, "zip": "DEF"},
    }


def insiders(key: jwk.Key, claims: dict) -> tuple[dict[str, str], dict[str, str]]:
    """What the issuer's own key signed and is no access token for this API; then what only a strict reader refuses."""
    now, kid = int(time.time()), key.kid
    header = {"typ": "at+jwt", "alg": algorithm_of(key), "kid": kid}

    def sign(head: dict | None = None, **changes) -> str:
        changed = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return signed_by(key, {**header, **(head or {})}, changed)

    def untyped() -> str:
        return signed_by(key, {name: header[name] for name in ("alg", "kid")}, claims)

    refused = {
        "typ JWT": sign({"typ": "JWT"}),
        "no typ": untyped(),
        "typ of a logout token": sign({"typ": "logout+jwt"}),
        "typ of a proof": sign({"typ": "dpop+jwt"}),
        "PyJWT, typ JWT": jwt.encode(claims, key.private_key, header["alg"], headers={"kid": kid}),
        "crit of an unknown extension": by_hand_signed(key, {**header, "crit": ["exp"], "exp": now + 60}, claims),
        "crit empty": by_hand_signed(key, {**header, "crit": []}, claims),
        "crit no list": by_hand_signed(key, {**header, "crit": "exp"}, claims),
        "another issuer": sign(iss="https://other.example"),
        "an issuer with a slash": sign(iss=claims["iss"] + "/"),
        "no issuer": sign(iss=None),
        "another audience": sign(aud="another"),
        "other audiences": sign(aud=["another", "third"]),
        "no audience": sign(aud=None),
        "an empty list of audiences": sign(aud=[]),
        "over": sign(exp=now - 60),
        "no exp": sign(exp=None),
        "exp as text": sign(exp="soon"),
        "not yet": sign(nbf=now + 600),
        "no sub": sign(sub=None),
        "no iat": sign(iat=None),
        "no jti": sign(jti=None),
        "no client_id": sign(client_id=None),
        "claims as an array": by_hand_signed(key, header, json.dumps([claims])),
        "claims as text": by_hand_signed(key, header, json.dumps("sub")),
    }
    text = json.dumps(claims)
    strict = {
        "sub twice": by_hand_signed(key, header, text[:-1] + ', "sub": "root"}'),
        "aud twice": by_hand_signed(key, header, '{"aud": "another", ' + text[1:]),
        "exp twice": by_hand_signed(key, header, f'{{"exp": {now - 60}, ' + text[1:]),
        "sub twice, once escaped": by_hand_signed(key, header, text[:-1] + ', "s\\u0075b": "root"}'),
        "alg twice": by_hand_signed(key, '{"alg": "none", ' + json.dumps(header)[1:], claims),
        "kid twice": by_hand_signed(key, '{"kid": "unknown", ' + json.dumps(header)[1:], claims),
        "a number for sub": sign(sub=7),
        "a list for scope": sign(scope=["profile:read"]),
        "issued in an hour": sign(iat=now + 3600),
    }
    return refused, strict


def by_hand_signed(key: jwk.Key, header: dict | str, claims: dict | str) -> str:
    """A good signature over a head and claims that a careful library would not sign."""
    algorithm = jws.JWSRegistry.algorithms[algorithm_of(key)]
    return by_hand(header, claims, lambda message: algorithm.sign(message, key))
