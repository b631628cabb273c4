"""Prints the running stack's addresses as shell variables: `eval "$(python -m local.env)"`."""

from __future__ import annotations

import shlex
import sys

from local import demo
from local.deploy import Aws
from local.state_files import StackNotRunning, read_state


def main() -> int:
    try:
        state = read_state()
    except StackNotRunning as error:
        print(f"{error} Start it with: make run", file=sys.stderr)
        return 1
    admin = state["admin"]
    variables = {
        "API": state["api_url"],
        "TOKEN": demo.token(
            Aws(state["aws_endpoint"]), state["outputs"], admin["username"], admin["password"]
        ),
        "API_KEY": state["api_key"],
        "TENANT": state["tenant_id"],
        "BUCKET": state["drop_bucket"],
        "AWS_ENDPOINT_URL": state["aws_endpoint"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
