"""Sends a booking event to the running stack: `python -m local.book created --email ada@example.com`.

The state of the booking after the event is the first argument: created, rescheduled, completed or cancelled. Prints the
`detail` that was sent. Pass its `booking_id` as `--booking` to send further events of the same booking.
"""

from __future__ import annotations

import argparse
import json
import sys
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.deploy import Aws
from local.state_files import StackNotRunning, read_state
from shared.domain.bookings.event import STATES

SOURCE = "scheduling.bookings"
DETAIL_TYPES: dict[str, str] = {state: detail_type for detail_type, state in STATES.items()}


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m local.book", description="Send a booking event to the running stack."
    )
    parser.add_argument("state", choices=sorted(DETAIL_TYPES), help="what happened to the booking")
    parser.add_argument("--booking", metavar="ID", help="the booking's id; a new one unless given")
    parser.add_argument("--email", required=True, help="the invitee's e-mail address")
    parser.add_argument("--name", help="the invitee's full name")
    parser.add_argument("--phone", help="the invitee's telephone number")
    parser.add_argument(
        "--starts", metavar="TIME", help="RFC 3339, such as 2031-03-08T15:00:00Z; in a week unless given"
    )
    parser.add_argument("--ends", metavar="TIME", help="RFC 3339")
    parser.add_argument("--title", help="what the appointment is about")
    parser.add_argument("--organizer", metavar="ID", help="a user's id or scheduling_id")
    parser.add_argument("--organizer-email", metavar="EMAIL", help="the organizer's e-mail address")
    parser.add_argument("--version", type=int, help="counts the booking's changes; 1 unless given")
    parser.add_argument("--event", metavar="ID", help="the event's id, to send the same event again")
    parser.add_argument("--occurred", metavar="TIME", help="when it happened; now unless given")
    parser.add_argument("--tenant", metavar="ID", help="the tenant; the demo's unless given")
    return parser


def build_detail(given: argparse.Namespace, tenant_id: str, now: datetime) -> dict[str, Any]:
    """Return the `detail` of an event. Options that were not given have a default or are left out."""
    detail = {
        "event_id": given.event or str(uuid.uuid4()),
        "occurred_at": given.occurred or _format(now),
        "tenant_id": given.tenant or tenant_id,
        "booking_id": given.booking or f"booking-{uuid.uuid4()}",
        "organizer_id": given.organizer,
        "organizer_email": given.organizer_email,
        "invitee_name": given.name,
        "invitee_email": given.email,
        "invitee_phone": given.phone,
        "starts_at": given.starts or _format(now.replace(microsecond=0) + timedelta(days=7)),
        "ends_at": given.ends,
        "title": given.title,
        "version": given.version,
    }
    return {name: value for name, value in detail.items() if value is not None}


def _format(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def send(aws: Aws, bus: str, state: str, detail: dict[str, Any]) -> None:
    """Put the event on the bus. Raises BotoCoreError or ClientError when the bus does not take it."""
    entry = {
        "EventBusName": bus,
        "Source": SOURCE,
        "DetailType": DETAIL_TYPES[state],
        "Detail": json.dumps(detail),
    }
    [result] = aws.client("events").put_events(Entries=[entry])["Entries"]
    if "ErrorCode" in result:
        raise ClientError(
            {"Error": {"Code": result["ErrorCode"], "Message": result.get("ErrorMessage", "")}}, "PutEvents"
        )


def main(arguments: list[str]) -> int:
    given = parser().parse_args(arguments)
    try:
        running = read_state()
        detail = build_detail(given, running["tenant_id"], datetime.now(UTC))
        send(Aws(running["aws_endpoint"]), running["bus"], given.state, detail)
    except (StackNotRunning, BotoCoreError, ClientError) as error:
        print(f"{error} Start the stack with: make run", file=sys.stderr)
        return 1
    print(json.dumps(detail, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
