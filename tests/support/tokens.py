"""An identity provider for tests: its own key pair, a JWKS on loopback, and access tokens in Cognito's form."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

ABSENT: Any = object()


class TokenIssuer:
    """`issuer`, `client_id`: the values in tokens, which the authorizer must expect. `jwks_url`: the address of the key
    while `serving()`. `jwks_requests` counts the requests for it.
    """

    issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_TESTPOOL1"
    client_id = "test-client-1234567890"

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = uuid.uuid4().hex
        self.jwks_url = ""
        self.jwks_requests = 0

    @property
    def jwks(self) -> dict[str, Any]:
        numbers = self.key.public_key().public_numbers()
        return {
            "keys": [
                {
                    "kty": "RSA",
                    "use": "sig",
                    "alg": "RS256",
                    "kid": self.key_id,
                    "n": _encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
                    "e": _encode(numbers.e.to_bytes(3, "big")),
                }
            ]
        }

    def claims(self, sub: str, **overrides: Any) -> dict[str, Any]:
        """Return an access token's claims for `sub`, valid for an hour; ABSENT as an override leaves a claim out."""
        now = int(time.time())
        claims = {
            "sub": sub,
            "iss": self.issuer,
            "client_id": self.client_id,
            "origin_jti": str(uuid.uuid4()),
            "event_id": str(uuid.uuid4()),
            "token_use": "access",
            "scope": "aws.cognito.signin.user.admin",
            "auth_time": now,
            "exp": now + 3600,
            "iat": now,
            "jti": str(uuid.uuid4()),
            "username": sub,
            **overrides,
        }
        return {name: value for name, value in claims.items() if value is not ABSENT}

    def make_token(self, sub: str, *, header: dict[str, Any] | None = None, **overrides: Any) -> str:
        """Return a signed access token. `header` changes members of the JOSE header, `overrides` claims."""
        return self.sign(self.claims(sub, **overrides), header)

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        """Sign these claims with the issuer's key and RS256, whatever the header says."""
        jose = {"kid": self.key_id, "alg": "RS256", "typ": "JWT", **(header or {})}
        jose = {name: value for name, value in jose.items() if value is not ABSENT}
        signed = f"{_encode(json.dumps(jose).encode())}.{_encode(json.dumps(claims).encode())}"
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_encode(signature)}"

    @contextmanager
    def serving(self) -> Iterator[TokenIssuer]:
        """Serve the JWKS over HTTP on a free loopback port until the block ends."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.jwks_requests += 1
                body = json.dumps(issuer.jwks).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Log nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.jwks_url = f"http://127.0.0.1:{server.server_address[1]}/.well-known/jwks.json"
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class PoolKeys(TokenIssuer):
    """Serves the public keys with which moto's Cognito signs; tokens created here are signed with another key."""

    @property
    def jwks(self) -> dict[str, Any]:
        packed = resources.files("moto.cognitoidp") / "resources" / "jwks-public.json.gz"
        read: dict[str, Any] = json.loads(gzip.decompress(packed.read_bytes()))
        return read
