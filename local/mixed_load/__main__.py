"""A mixed load on the running one-machine stack: `python -m local.mixed_load [--minutes 10] [--seed 1] [--no-kills]`.

Threads call the API, files are put in the drop folder, bookings are put on the bus, and functions' processes are
killed meanwhile. Afterwards the command waits until the queues are empty and the projections agree with the records,
and checks that each event reached the webhook at least once and that no dead-letter queue has a message. It works on a
tenant of its own, only on loopback, and stops by itself. Prints its figures; exits with 1 when something was lost or is
wrong.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local import demo
from local.deploy import Aws
from local.mixed_load.checks import CONTACT_EVENTS, Checks, repeat_until_empty
from local.mixed_load.load import Load
from local.mixed_load.receiver import Receiver
from local.state_files import StackNotRunning, read_state, state_folder

_CALLERS = 4
_SETTLE_MINUTES = 20
"""How long the command waits for work to be done after the load: a sweep runs every minute and looks back over up to
two minutes."""


def open_tenant(state: dict[str, Any]) -> tuple[str, str]:
    """Create a tenant for the load, and an API key with all permissions; return both."""
    door = demo.onboarding(Aws(state["aws_endpoint"]), state["outputs"])
    tenant_id = f"load-{secrets.token_hex(4)}"
    door.open_tenant(tenant_id, tenant_id)
    return tenant_id, door.add_api_client(tenant_id, "load", demo.API_PERMISSIONS)


def main(arguments: list[str]) -> int:
    """Run the load and the checks; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m local.mixed_load", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-kills", action="store_true")
    given = parser.parse_args(arguments)
    try:
        state = read_state()
    except StackNotRunning as error:
        sys.exit(f"{error} Start it: make run")
    tenant_id, key = open_tenant(state)
    receiver = Receiver(random.Random(given.seed))  # noqa: S311 - a repeatable load
    load = Load(state, state_folder(), tenant_id, key, time.monotonic() + 60 * given.minutes)
    webhook = load.call("POST", "/webhooks", {"url": receiver.url, "events": CONTACT_EVENTS})
    print(f"tenant {tenant_id}, {given.minutes:g} minutes", flush=True)

    with ThreadPoolExecutor(_CALLERS + 3) as pool:
        work = [pool.submit(load.run_caller, number, given.seed) for number in range(_CALLERS)]
        work += [pool.submit(load.run_files), pool.submit(load.run_bookings, given.seed)]
        if not given.no_kills:
            work.append(pool.submit(load.run_kills, given.seed))
        for future in work:
            future.result()

    checks = Checks(state, tenant_id, webhook["created_at"])
    left: dict[str, int] = {}
    for left in repeat_until_empty(lambda: checks.find_unfinished(receiver.received), _SETTLE_MINUTES):
        print(left or "nothing is left", flush=True)
    dead = checks.queue_depths(dead=True)
    receiver.close()
    figures = {
        "calls": dict(sorted(load.statuses.items())),
        "files": load.files,
        "bookings": load.bookings,
        "kills": load.kills,
        "events": len(checks.events),
        "received": sum(receiver.received.values()),
        "left undone": left,
        "in dead-letter queues": dead,
        "5xx of no killed process": load.surprises[:20],
    }
    print(json.dumps(figures, indent=2))
    return 1 if left or dead or load.surprises else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
