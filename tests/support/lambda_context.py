"""The context object that Lambda hands to a handler."""

from __future__ import annotations

from chalice.local import Clock, LambdaContext

REGION = "us-east-1"
ACCOUNT = "123456789012"


class StandingClock(Clock):
    """A clock that stands still, so that what a handler does does not depend on the machine's speed."""

    def time(self) -> float:
        return 0.0


def lambda_context(function_name: str, *, timeout_ms: int = 30_000, memory_mb: int = 256) -> LambdaContext:
    """Return the context of an invocation that always has `timeout_ms` left."""
    context = LambdaContext(function_name, memory_mb, timeout_ms, StandingClock())
    context.invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name}"
    context.log_group_name = f"/aws/lambda/{function_name}"
    return context
