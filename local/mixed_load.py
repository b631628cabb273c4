"""A mixed load on the running one-machine stack: `python -m local.mixed_load [--minutes 10] [--seed 1] [--no-kills]`.

Threads call the API, files are put in the drop folder, bookings go over the bus, and functions' processes are
killed meanwhile. Afterwards it waits until the queues are empty and the projections agree with the records, and checks
that each event reached the webhook once or more and that nothing lies in a dead-letter queue. It works on a tenant of
its own, on loopback alone, and stops by itself. Prints its figures; exits with 1 when something is lost or false.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local import demo
from local.deploy import Aws
from local.http import request
from local.projections import compare
from shared.domain.events import EVENT_TYPES
from shared.files.object_keys import inbox_key
from shared.table.keys import events as event_keys
from shared.table.keys.spelling import SK, tenant_prefix

CALLERS, SECONDS_BETWEEN_CALLS = 4, 1.0
"""Paced, since the emulator walks a whole partition for each query: it delivers some thousand events in ten minutes."""
MOST_CONTACTS = 3_000
"""How many contacts the callers make at the most; they go on changing them then."""
ROWS_IN_A_FILE, SECONDS_BETWEEN_FILES = 100, 60
SECONDS_BETWEEN_BOOKINGS, SECONDS_BETWEEN_KILLS = 1.0, 4.0
SETTLE_MINUTES = 20
"""How long it waits for work to be done after the load: a sweep comes every minute and looks up to two minutes ago."""
_RETRIES = 8
_MAY_FAIL = frozenset({0, 502, 503, 504})
"""Answers to a call whose function's process is killed; 0 is none. The call may have had its effect."""
_NAMES = ("Alpha", "Beta", "Gamma", "Ζήτα", "Бета", "राम", "O'Brien", "Müller")
_TAGS = ("vip", "lead", "newsletter", "Café")


class Receiver:
    """The webhook's receiver: counts each event id, and fails now and then so that deliveries are tried again."""

    def __init__(self, chance: random.Random) -> None:
        self.received: Counter[str] = Counter()
        lock = threading.Lock()
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                fails = chance.random() < 0.02
                if not fails:
                    with lock:
                        received[self.headers["webhook-id"]] += 1
                self.send_response(500 if fails else 204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: what counts is counted."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()


@dataclass
class Load:
    """The load on one tenant of a stack, until its time is over."""

    state: dict[str, Any]
    state_dir: Path
    tenant_id: str
    key: str
    until: float
    statuses: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)
    kills: int = 0
    files: int = 0
    bookings: int = 0
    _ids: list[str] = field(default_factory=list)

    @property
    def aws(self) -> Aws:
        return Aws(self.state["aws_endpoint"])

    def goes_on(self) -> bool:
        return time.monotonic() < self.until

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call with the API key; again where it was not answered. Notes each status by its method."""
        for attempt in range(_RETRIES):
            status, answer = 0, b""
            with contextlib.suppress(OSError):
                status, _, answer = request(
                    method, f"{self.state['api_url']}{path}", token=self.key, body=body, seconds=30
                )
            self.statuses[f"{method} {status}"] += 1
            if status not in _MAY_FAIL and status != 429:
                if status >= 500:
                    self.surprises.append(f"{method} {path.split('?')[0]}: {status}")
                return json.loads(answer) if answer else None
            time.sleep(min(4.0, 0.2 * 2**attempt))
        return None

    def run_caller(self, number: int, seed: int) -> None:
        """Make, change, delete, restore, search and list contacts."""
        chance = random.Random(seed * 1000 + number)  # noqa: S311 - a repeatable load
        while self.goes_on():
            self._pause(SECONDS_BETWEEN_CALLS)
            kind = chance.random()
            if not self._ids or (kind < 0.3 and len(self._ids) < MOST_CONTACTS):
                made = self.call("POST", "/contacts", self._contact(chance))
                if made and "id" in made:
                    self._ids.append(made["id"])
                continue
            one = chance.choice(self._ids)
            if kind < 0.6:
                self.call("PATCH", f"/contacts/{one}", self._change(chance))
            elif kind < 0.66:
                self.call("DELETE", f"/contacts/{one}")
            elif kind < 0.72:
                self.call("POST", f"/contacts/{one}/restore")
            elif kind < 0.76:
                some = chance.sample(self._ids, min(5, len(self._ids)))
                self.call(
                    "POST", "/contacts/bulk-update", {"contact_ids": some, "add_tags": [chance.choice(_TAGS)]}
                )
            elif kind < 0.84:
                self.call("GET", "/contacts?limit=25&sort=name")
            elif kind < 0.92:
                self.call("GET", "/contacts?search=alp&tags=vip")
            else:
                self.call("GET", f"/contacts/{one}")

    def _contact(self, chance: random.Random) -> dict[str, Any]:
        return {
            "first_name": chance.choice(_NAMES),
            "last_name": chance.choice(_NAMES),
            "email": f"p{chance.randrange(10**9)}@load.example",
            "phone": f"+1415555{chance.randrange(2000, 9999)}",
            "company": chance.choice(("Booking.com", "Acme, Inc.", "")),
            "tags": chance.sample(_TAGS, chance.randrange(3)),
        }

    def _change(self, chance: random.Random) -> dict[str, Any]:
        # From few values, so that some come back: what is then projected looks like what was before.
        return chance.choice(
            [
                {"last_name": chance.choice(_NAMES[:2])},
                {"tags": chance.choice((["vip"], [], ["vip", "lead"]))},
                {"phone": chance.choice(("+14155552671", None))},
                {"is_active": chance.random() < 0.5},
                {"company": chance.choice(("Booking.com", ""))},
            ]
        )

    def run_files(self) -> None:
        """Put a file in the drop folder now and then."""
        s3 = self.aws.client("s3")
        while self.goes_on():
            self.files += 1
            rows = "".join(
                f"Row,Number {n},file{self.files}-{n}@load.example\r\n" for n in range(ROWS_IN_A_FILE)
            )
            s3.put_object(
                Bucket=self.state["drop_bucket"],
                Key=inbox_key(self.tenant_id, f"load {self.files}.csv"),
                Body=f"First Name,Last Name,Email\r\n{rows}".encode(),
            )
            self._pause(SECONDS_BETWEEN_FILES)

    def run_bookings(self) -> None:
        """Put a booking on the bus each second, one in four twice."""
        bus = self.aws.client("events")
        while self.goes_on():
            self.bookings += 1
            now = datetime.now(UTC)
            detail = {
                "event_id": f"load-{self.bookings}",
                "booking_id": f"booking-{self.bookings}",
                "tenant_id": self.tenant_id,
                "occurred_at": now.isoformat(),
                "starts_at": (now + timedelta(days=1)).isoformat(),
                "invitee_name": "Bo Oker",
                "invitee_email": f"booker{self.bookings % 50}@load.example",
            }
            entry = {
                "EventBusName": self.state["bus"],
                "Source": "scheduling.bookings",
                "DetailType": "BookingCreated",
                "Detail": json.dumps(detail),
            }
            bus.put_events(Entries=[entry] * (2 if self.bookings % 4 == 0 else 1))
            self._pause(SECONDS_BETWEEN_BOOKINGS)

    def run_kills(self, seed: int) -> None:
        """Kill a function's process every few seconds."""
        chance = random.Random(seed)  # noqa: S311 - a repeatable load
        while self.goes_on():
            self._pause(SECONDS_BETWEEN_KILLS)
            if workers := worker_processes(self.state_dir):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    self.kills += 1

    def _pause(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self.until - time.monotonic())))


def worker_processes(state_dir: Path) -> list[int]:
    """The processes of functions: those whose command lines name the stack's scratch folder."""
    scratch = str(state_dir.resolve() / "tmp")
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True)
    return [int(line.split(None, 1)[0]) for line in listed.stdout.splitlines() if scratch in line]


def open_tenant(state: dict[str, Any]) -> tuple[str, str]:
    """A new tenant for the load, and an API key with all permissions."""
    door = demo.onboarding(Aws(state["aws_endpoint"]), state["outputs"])
    tenant_id = f"load-{secrets.token_hex(4)}"
    door.open_tenant(tenant_id, tenant_id)
    return tenant_id, door.add_api_client(tenant_id, "load", demo.API_PERMISSIONS)


def queue_depths(state: dict[str, Any], *, dead: bool) -> dict[str, int]:
    """How many messages lie in the dead-letter queues, or in all others; only those that have some."""
    sqs = Aws(state["aws_endpoint"]).client("sqs")
    found = {}
    for name, url in state["outputs"].items():
        if name.endswith("Url") and "Queue" in name + url and ("DeadLetters" in name) == dead:
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            if depth := sum(int(told[one]) for one in names):
                found[name] = depth
    return found


def events_of(state: dict[str, Any], tenant_id: str, since: str) -> dict[str, str]:
    """The ids of a tenant's events that were written from a time on, with their types."""
    pages = (
        Aws(state["aws_endpoint"])
        .client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=state["table"],
            ConsistentRead=True,
            FilterExpression="begins_with(PK, :tenant) AND begins_with(SK, :event)",
            ExpressionAttributeValues={
                ":tenant": {"S": tenant_prefix(tenant_id)},
                ":event": {"S": event_keys.EVENT},
            },
        )
    )
    return {
        item[SK]["S"].removeprefix(event_keys.EVENT): item["type"]["S"]
        for page in pages
        for item in page["Items"]
        if "type" in item and item["at"]["S"] >= since
    }


def until(check: Callable[[], Any], minutes: float) -> Iterator[Any]:
    """Yield what `check` returns, every few seconds, until it returns nothing or the minutes are over."""
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        found = check()
        yield found
        if not found:
            return
        time.sleep(5)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m local.mixed_load", description=__doc__.split("\n\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-kills", action="store_true")
    given = parser.parse_args(arguments)
    state_dir = Path(os.environ.get("STATE_DIR") or ".local")
    try:
        state = json.loads((state_dir / "state.json").read_text(encoding="utf-8"))
    except OSError:
        sys.exit(f"No stack runs with its state in {state_dir}. Start it: make run")
    tenant_id, key = open_tenant(state)
    chance = random.Random(given.seed)  # noqa: S311 - a repeatable load
    receiver = Receiver(chance)
    load = Load(state, state_dir, tenant_id, key, time.monotonic() + 60 * given.minutes)
    contact_events = [one for one in EVENT_TYPES if one.split(".")[0] in ("contact", "interaction")]
    hook = load.call("POST", "/webhooks", {"url": receiver.url, "events": contact_events})
    since = hook["created_at"]
    print(f"tenant {tenant_id}, {given.minutes:g} minutes", flush=True)

    with ThreadPoolExecutor(CALLERS + 3) as pool:
        work = [pool.submit(load.run_caller, number, given.seed) for number in range(CALLERS)]
        work += [pool.submit(load.run_files), pool.submit(load.run_bookings)]
        if not given.no_kills:
            work.append(pool.submit(load.run_kills, given.seed))
        for one in work:
            one.result()

    dynamodb = Aws(state["aws_endpoint"]).client("dynamodb")
    expected: dict[str, str] = {}

    def unfinished() -> dict[str, int]:
        # Asked first, since to compare reads the whole table.
        if depths := queue_depths(state, dead=False):
            return depths
        expected.update(events_of(state, tenant_id, since))
        wanted = [one for one, kind in expected.items() if kind in contact_events]
        differing, beyond = compare(dynamodb, state["table"], tenant_id)
        left = {
            "projected otherwise": len(differing),
            "projected too much": len(beyond),
            "events not received": sum(1 for one in wanted if one not in receiver.received),
        }
        return {name: number for name, number in left.items() if number}

    left: dict[str, int] = {}
    for left in until(unfinished, SETTLE_MINUTES):
        print(left or "nothing is left", flush=True)
    dead = queue_depths(state, dead=True)
    receiver.close()
    told = {
        "calls": dict(sorted(load.statuses.items())),
        "files": load.files,
        "bookings": load.bookings,
        "kills": load.kills,
        "events": len(expected),
        "received": sum(receiver.received.values()),
        "left undone": left,
        "in dead-letter queues": dead,
        "5xx of no killed process": load.surprises[:20],
    }
    print(json.dumps(told, indent=2))
    return 1 if left or dead or load.surprises else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
