"""What an event costs from its publication to the answer of one webhook: calls, units and dollars.

The calls and units of the table are those of docs/access-patterns.md, where a test counts each of them. Prices are the
list prices of us-east-1 without free tiers, in dollars: DynamoDB on demand and SNS and SQS standard ("Pricing" pages of
AWS, November 2026). The time of Lambda is left out: most of it is the receiver's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Figure

WRITE_UNIT, READ_UNIT = 0.625e-6, 0.125e-6
PUBLISHED, SQS_CALL = 0.5e-6, 0.4e-6
"""A message that is published on a topic; a call of SQS. Messages from SNS to SQS cost nothing."""
_BATCH = 10
"""The most messages of a call of SQS, and of the fan-out."""
_PAGE = Path(__file__).parents[1] / "docs" / "access-patterns.md"

CALLS = 5
"""The budget of an attempt that succeeds: calls of the table."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of the table, its read and write units, and calls of SQS."""

    calls: float
    read: float
    write: float
    sqs: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.calls + other.calls, self.read + other.read, self.write + other.write, self.sqs + other.sqs
        )

    @property
    def dollars(self) -> float:
        """The price, with one message published."""
        return self.read * READ_UNIT + self.write * WRITE_UNIT + self.sqs * SQS_CALL + PUBLISHED


def counted(operation: str, *, events: int = 1, sqs: float = 0.0) -> Cost:
    """Return the cost of an operation of docs/access-patterns.md, divided by the number of its events."""
    row = re.search(
        rf"^\| {re.escape(operation)} \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|",
        _PAGE.read_text(),
        re.MULTILINE,
    )
    assert row, f"{operation} is not in {_PAGE.name}"
    calls, read, write = (float(one) / events for one in row.groups())
    return Cost(calls, read, write, sqs)


# A message is sent, received and deleted. Lambda receives and deletes up to ten together, and the sender's one by one.
_ATTEMPT = counted("Attempt of a delivery that succeeds", sqs=2)


def alone() -> Cost:
    """Return the cost of an event that is published by itself."""
    return (
        counted("Publish an event") + counted("Fan out an event to one webhook", sqs=2) + Cost(0, 0, 0, 1)
    ) + _ATTEMPT


def together() -> Cost:
    """Return the cost of each of ten events that are published and fanned out together."""
    return (
        counted("Publish 30 events of a tenant", events=30)
        + counted("Fan out ten events to one webhook", events=_BATCH, sqs=2 / _BATCH)
        + Cost(0, 0, 0, 1 / _BATCH)
        + _ATTEMPT
    )


def figures() -> list[Figure]:
    """Return the figures of a delivered event."""
    one, ten = alone(), together()
    return [
        Figure("webhook: calls of the table for an attempt", _ATTEMPT.calls, None, "", None, CALLS),
        Figure("webhook: calls of the table for an event alone", one.calls, None, "", None),
        Figure("webhook: write units for an event alone", one.write, None, "", None),
        Figure("webhook: write units for one of ten events", ten.write, None, "", None),
        Figure("webhook: 1,000 events alone", 1000 * one.dollars, None, "$", None),
        Figure("webhook: 1,000 events in batches", 1000 * ten.dollars, None, "$", None),
    ]
