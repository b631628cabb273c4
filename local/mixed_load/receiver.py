"""The receiver of the load's webhook."""

from __future__ import annotations

import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_FAILING_SHARE = 0.02
"""The share of requests that the receiver answers with 500, so that deliveries are retried."""


class Receiver:
    """Counts the events it receives, by id, and fails now and then."""

    def __init__(self, chance: random.Random) -> None:
        self.received: Counter[str] = Counter()
        lock = threading.Lock()
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                fails = chance.random() < _FAILING_SHARE
                if not fails:
                    with lock:
                        received[self.headers["webhook-id"]] += 1
                self.send_response(500 if fails else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
