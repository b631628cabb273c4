"""The context object that Lambda hands to a handler."""

from __future__ import annotations

from chalice.local import LambdaContext

REGION = "us-east-1"
ACCOUNT = "123456789012"


def lambda_context(function_name: str, *, timeout_ms: int = 30_000, memory_mb: int = 256) -> LambdaContext:
    """One invocation's context; the time left runs from now."""
    context = LambdaContext(function_name, memory_mb, max_runtime_ms=timeout_ms)
    context.invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name}"
    context.log_group_name = f"/aws/lambda/{function_name}"
    return context
