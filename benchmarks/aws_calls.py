"""The costs of calls of AWS, counted as they go on the wire to moto, and priced by the list prices.

Prices are dollars in us-east-1 at the first tier, without free tiers, as of November 2026. Each names the page of AWS
that states it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from botocore.awsrequest import AWSResponse

from tests.support.meter import Meter
from tests.support.transport import Attempt, Layer, Send, intercepting

WRITE_UNIT, READ_UNIT = 0.625e-6, 0.125e-6
"""Request units of DynamoDB on demand, standard class (https://aws.amazon.com/dynamodb/pricing/on-demand/)."""
SNS_REQUEST = 0.5e-6
"""A request that publishes on a standard topic, for each 64 KB: up to ten messages with PublishBatch. Messages from SNS
to SQS cost nothing (https://aws.amazon.com/sns/pricing/, "Amazon SNS message batching" in the developer guide)."""
SQS_REQUEST = 0.5e-6
"""A request of a standard queue, for each 64 KB: 0.40 for a million, and 0.10 more for fair queues, whose messages have
group ids. Here all requests count as those of fair queues (https://aws.amazon.com/sqs/pricing/)."""
KMS_REQUEST = 3e-6
"""A request for a symmetric key: 0.03 for 10,000. The key itself costs 1 a month (https://aws.amazon.com/kms/pricing/)."""
LAMBDA_REQUEST = 0.2e-6
"""An invocation (https://aws.amazon.com/lambda/pricing/)."""
LAMBDA_GB_SECOND = 1.33334e-5
"""A second of a function with one GB of memory on arm64 (the same page)."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of the table with their read and write units; requests of SNS, SQS and KMS; messages that reach a queue;
    invocations of functions.

    Lambda's reads of the table's stream cost nothing, and no event passes EventBridge on its way. The time of functions
    is left out, since most of it is the receiver's: see `LAMBDA_GB_SECOND`.
    """

    calls: float = 0
    read: float = 0
    write: float = 0
    sns: float = 0
    sqs: float = 0
    kms: float = 0
    messages: float = 0
    invocations: float = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __truediv__(self, count: float) -> Cost:
        return Cost(*(getattr(self, one.name) / count for one in fields(self)))

    @property
    def dollars(self) -> float:
        """The price."""
        return (
            self.read * READ_UNIT
            + self.write * WRITE_UNIT
            + self.sns * SNS_REQUEST
            + self.sqs * SQS_REQUEST
            + self.kms * KMS_REQUEST
            + self.invocations * LAMBDA_REQUEST
        )


class Calls:
    """The calls of a block, of all threads."""

    def __init__(self) -> None:
        self._meter = Meter()
        self._requests: Counter[str] = Counter()

    def __call__(self, attempt: Attempt, send: Send) -> AWSResponse:
        """Count an attempt on its way."""
        self._requests[attempt.service] += 1
        return self._meter(attempt, send)

    @property
    def cost(self) -> Cost:
        """The costs of the calls so far."""
        total, requests = self._meter.total, self._requests
        return Cost(
            total.calls,
            total.read,
            total.write,
            sns=requests["sns"],
            sqs=requests["sqs"],
            kms=requests["kms"],
        )


@contextmanager
def counting() -> Iterator[Calls]:
    """Count the calls of a block."""
    calls = Calls()
    with intercepting(Layer.METER, calls):
        yield calls


def invoke(handler: Any, event: dict[str, Any], context: Any, *, messages: int = 0) -> Cost:
    """Return the cost of an invocation, whose event has `messages` of a queue: Lambda receives and deletes them.

    Raises RuntimeError if the function reports failures.
    """
    with counting() as calls:
        answer = handler(event, context)
    if answer["batchItemFailures"]:
        raise RuntimeError(f"the function reports failures: {answer}")
    receives_and_deletes = 2 if messages else 0
    return calls.cost + Cost(sqs=receives_and_deletes, messages=messages, invocations=1)
