"""How often to repeat what failed for the moment, and how long to wait before each repetition."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import SystemRandom

# Seeded by the operating system: instances restored from one snapshot would all draw the same numbers from `random`
# (AWS Lambda developer guide, "Handling uniqueness with Lambda SnapStart").
_random = SystemRandom()


def fraction() -> float:
    """Return a random number from 0 up to 1, which no two processes share."""
    return _random.random()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often to attempt a piece of work, and how long to wait between two attempts.

    `attempts` counts the first one too. `first_wait` is the longest wait after the first attempt, in seconds; it
    doubles with each attempt, up to `longest_wait`. Each wait is a random share of that, so that writers who met do
    not meet again (full jitter: Amazon Builders' Library, "Timeouts, retries and backoff with jitter").
    """

    attempts: int
    first_wait: float = 0.01
    longest_wait: float = 0.4

    def tries(self, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
        """Yield the number of each attempt, counted from 0, and sleep before each but the first.

        Ends without a word after the last attempt: the caller raises what fits, as a rule ConcurrentChange.
        """
        for attempt in range(self.attempts):
            if attempt:
                sleep(self.wait_after(attempt - 1))
            yield attempt

    def is_last(self, attempt: int) -> bool:
        """Return whether no attempt follows this one, counted from 0."""
        return attempt + 1 >= self.attempts

    def wait_after(self, attempt: int) -> float:
        """Return the seconds to wait after an attempt, counted from 0."""
        return fraction() * min(self.longest_wait, self.first_wait * 2.0**attempt)


RECORD = RetryPolicy(attempts=8)
"""For a record that few write at once: a label, a user, an import. The waits add up to 1.03 s at most; then
ConcurrentChange is raised.
"""
HOT = RetryPolicy(attempts=12)
"""For a record that many write at once: a contact that bookings and callers change, a customer whose contacts come and
go. The waits add up to 2.63 s at most; then ConcurrentChange is raised.
"""
CUSTOMER_NUMBER = RetryPolicy(attempts=40)
"""For the counter of a tenant's customer numbers, which every creation of a customer writes: all want the same next
number, and one of them gets it. The waits add up to 13.83 s at most; then ConcurrentChange is raised.
"""

BUSY_TABLE = RetryPolicy(attempts=7, first_wait=0.025, longest_wait=0.8)
"""For a call of DynamoDB that was throttled, or met a transaction in progress. The waits add up to 1.58 s at most; then
Unavailable is raised.
"""
AWS_CALL = RetryPolicy(attempts=4, first_wait=0.1, longest_wait=0.8)
"""For calls of S3 and SQS that botocore does not retry by itself: the body of a response, and refused entries of a
batch. The waits add up to 0.7 s at most; then Unavailable is raised.
"""
