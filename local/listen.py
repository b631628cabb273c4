"""A webhook receiver for experiments: `python -m local.listen PORT [SECRET]` prints the requests it receives.

With the subscription's secret it verifies each request as `docs/events.md` describes. It answers 204 to every request,
also to one that it prints as refused.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

_MAX_BYTES = 1_000_000


class _Receiver(BaseHTTPRequestHandler):
    verifier: Webhook | None = None

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("content-length") or 0), _MAX_BYTES))
        verdict = "not verified: no secret given"
        if self.verifier is not None:
            try:
                self.verifier.verify(body, {name.lower(): value for name, value in self.headers.items()})
                verdict = "signature verified"
            except WebhookVerificationError as error:
                verdict = f"REFUSED: {error}"
        print(f"webhook-id {self.headers.get('webhook-id')}   {verdict}", body.decode(), sep="\n", flush=True)
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the request is printed already."""


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2 or not arguments[0].isdigit():
        print("usage: python -m local.listen PORT [SECRET]", file=sys.stderr)
        return 2
    if len(arguments) == 2:
        try:
            _Receiver.verifier = Webhook(arguments[1])
        except ValueError:  # also of base64
            print("SECRET is the `secret` of a new webhook, such as whsec_…", file=sys.stderr)
            return 2
    with ThreadingHTTPServer(("127.0.0.1", int(arguments[0])), _Receiver) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
