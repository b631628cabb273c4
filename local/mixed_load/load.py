"""The load: calls of the API, files in the drop folder, bookings on the bus, and kills of functions' processes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.deploy import Aws
from local.http import request
from shared.domain.bookings.event import STATES
from shared.files.object_keys import inbox_key

_SECONDS_BETWEEN_CALLS = 1.0
"""Of each caller. The emulator walks a whole partition for each query: it delivers some thousand events in ten
minutes."""
_MAX_CONTACTS = 3_000
"""How many contacts the callers create; after that they only change them."""
_ROWS_IN_A_FILE = 100
_SECONDS_BETWEEN_FILES = 60
_SECONDS_BETWEEN_BOOKINGS = 1.0
_SECONDS_BETWEEN_KILLS = 4.0
_MAX_CALLS = 8
"""How often a call is made until it is answered."""
_UNANSWERED = frozenset({0, 502, 503, 504})
"""Statuses of a call whose function's process was killed; 0 for no response. The call may have had its effect."""
_NAMES = ("Alpha", "Beta", "Gamma", "Ζήτα", "Бета", "राम", "O'Brien", "Müller")
_TIMELINE_LISTS = (
    "{}/interactions",
    "{}/notes",
    "{}/bookings",
    "/interactions?limit=25",
    "/bookings?limit=25",
)
_TAGS = ("vip", "lead", "newsletter", "Café")


@dataclass
class Load:
    """The load on one tenant of a stack, until a moment of the monotonic clock."""

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

    def has_time(self) -> bool:
        return time.monotonic() < self.until

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Make a call with the API key, and repeat it when it is not answered. Counts each status by its method."""
        for attempt in range(_MAX_CALLS):
            status, answer = 0, b""
            with contextlib.suppress(OSError):
                status, _, answer = request(
                    method, f"{self.state['api_url']}{path}", token=self.key, body=body, seconds=30
                )
            self.statuses[f"{method} {status}"] += 1
            if status not in _UNANSWERED and status != 429:
                if status >= 500:
                    self.surprises.append(f"{method} {path.split('?')[0]}: {status}")
                return json.loads(answer) if answer else None
            time.sleep(min(4.0, 0.2 * 2**attempt))
        return None

    def run_caller(self, number: int, seed: int) -> None:
        """Create, change, delete, restore, search and list contacts."""
        chance = random.Random(seed * 1000 + number)  # noqa: S311 - a repeatable load
        while self.has_time():
            self._pause(_SECONDS_BETWEEN_CALLS)
            kind = chance.random()
            if not self._ids or (kind < 0.3 and len(self._ids) < _MAX_CONTACTS):
                created = self.call("POST", "/contacts", self._build_contact(chance))
                if created and "id" in created:
                    self._ids.append(created["id"])
                continue
            contact_id = chance.choice(self._ids)
            if kind < 0.6:
                self.call("PATCH", f"/contacts/{contact_id}", self._build_change(chance))
            elif kind < 0.66:
                self.call("DELETE", f"/contacts/{contact_id}")
            elif kind < 0.72:
                self.call("POST", f"/contacts/{contact_id}/restore")
            elif kind < 0.76:
                several = chance.sample(self._ids, min(5, len(self._ids)))
                self.call(
                    "POST",
                    "/contacts/bulk-update",
                    {"contact_ids": several, "add_tags": [chance.choice(_TAGS)]},
                )
            elif kind < 0.8:
                self.call("GET", "/contacts?limit=25&sort=name")
            elif kind < 0.84:
                self.call("GET", "/contacts?search=alp&tags=vip")
            elif kind < 0.86:
                self.call("GET", f"/contacts/{contact_id}")
            else:
                self._use_timeline(contact_id, chance)

    def _use_timeline(self, contact_id: str, chance: random.Random) -> None:
        """Write or read entries of a contact's timeline: interactions, follow-ups, notes and its status."""
        now = datetime.now(UTC)
        path = f"/contacts/{contact_id}"
        kind = chance.randrange(6)
        if kind == 0:
            due = now + timedelta(seconds=chance.randrange(-60, 120))
            interaction = {"type": "call", "description": "Load", "scheduled_follow_up": due.isoformat()}
            self.call("POST", f"{path}/interactions", interaction)
        elif kind == 1:
            self._change_one(f"{path}/interactions?limit=1&type=call", f"{path}/interactions/", chance)
        elif kind == 2:
            self.call("POST", f"{path}/notes", {"text": "Write to load@load.example #load"})
        elif kind == 3:
            status = chance.choice(("prospect", "qualified_lead", "lost_lead", "inactive"))
            self.call("PUT", f"{path}/status", {"relationship_status": status, "reason": "load"})
        elif kind == 4:
            open_ones = self.call("GET", "/follow-ups?done=false&limit=5") or {}
            for follow_up in open_ones.get("items", [])[:1]:
                act = chance.choice(("complete", "cancel"))
                body = {"outcome": "done"} if act == "complete" else None
                self.call("POST", f"/follow-ups/{follow_up['id']}/{act}", body)
        else:
            self.call("GET", chance.choice(_TIMELINE_LISTS).format(path))

    def _change_one(self, path: str, at: str, chance: random.Random) -> None:
        """Change or delete the first record of a list."""
        found = self.call("GET", path) or {}
        for one in found.get("items", []):
            if chance.random() < 0.3:
                self.call("DELETE", f"{at}{one['id']}")
            else:
                moved = datetime.now(UTC) - timedelta(minutes=chance.randrange(60))
                self.call("PATCH", f"{at}{one['id']}", {"occurred_at": moved.isoformat()})

    def _build_contact(self, chance: random.Random) -> dict[str, Any]:
        return {
            "first_name": chance.choice(_NAMES),
            "last_name": chance.choice(_NAMES),
            "email": f"p{chance.randrange(10**9)}@load.example",
            "phone": f"+1415555{chance.randrange(2000, 9999)}",
            "company": chance.choice(("Booking.com", "Acme, Inc.", "")),
            "tags": chance.sample(_TAGS, chance.randrange(3)),
        }

    def _build_change(self, chance: random.Random) -> dict[str, Any]:
        # Few values, so that some return: their projections then look like earlier ones.
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
        """Put a file in the drop folder at intervals."""
        s3 = self.aws.client("s3")
        while self.has_time():
            self.files += 1
            rows = "".join(
                f"Row,Number {n},file{self.files}-{n}@load.example\r\n" for n in range(_ROWS_IN_A_FILE)
            )
            s3.put_object(
                Bucket=self.state["drop_bucket"],
                Key=inbox_key(self.tenant_id, f"load {self.files}.csv"),
                Body=f"First Name,Last Name,Email\r\n{rows}".encode(),
            )
            self._pause(_SECONDS_BETWEEN_FILES)

    def run_bookings(self, seed: int) -> None:
        """Put events of bookings on the bus at intervals: new bookings, and further events of the last ones, some of
        which happened before those that were sent. Every fourth event is sent twice.
        """
        chance = random.Random(-seed)  # noqa: S311 - a repeatable load
        bus = self.aws.client("events")
        while self.has_time():
            self.bookings += 1
            is_new = chance.random() < 0.4
            number = (
                self.bookings if is_new else chance.randrange(max(1, self.bookings - 20), self.bookings + 1)
            )
            now = datetime.now(UTC)
            detail = {
                "event_id": f"load-{self.bookings}",
                "booking_id": f"booking-{number}",
                "tenant_id": self.tenant_id,
                "occurred_at": (now - timedelta(seconds=chance.randrange(60))).isoformat(),
                "starts_at": (now + timedelta(days=chance.randrange(1, 30))).isoformat(),
                "invitee_name": "Bo Oker",
                "invitee_email": f"booker{number % 50}@load.example",
            }
            entry = {
                "EventBusName": self.state["bus"],
                "Source": "scheduling.bookings",
                "DetailType": "BookingCreated" if is_new else chance.choice(list(STATES)),
                "Detail": json.dumps(detail),
            }
            bus.put_events(Entries=[entry] * (2 if self.bookings % 4 == 0 else 1))
            self._pause(_SECONDS_BETWEEN_BOOKINGS)

    def run_kills(self, seed: int) -> None:
        """Kill a function's process every few seconds."""
        chance = random.Random(seed)  # noqa: S311 - a repeatable load
        while self.has_time():
            self._pause(_SECONDS_BETWEEN_KILLS)
            if workers := worker_processes(self.state_dir):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    self.kills += 1

    def _pause(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self.until - time.monotonic())))


def worker_processes(state_dir: Path) -> list[int]:
    """Return the ids of the functions' processes: those whose command lines name the stack's scratch folder.

    The process that forked them has the same command line and is left out.
    """
    scratch = str(state_dir.resolve() / "tmp")
    listed = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    )
    found = [line.split(None, 2)[:2] for line in listed.stdout.splitlines() if scratch in line]
    parents = {parent for _process, parent in found}
    return [int(process) for process, _parent in found if process not in parents]
