"""The running stack's addresses as shell variables: `eval "$(python -m local.env)"`."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path

from local import demo
from local.deploy import Aws


def main() -> int:
    state_dir = Path(os.environ.get("STATE_DIR") or ".local")
    try:
        state = json.loads((state_dir / "state.json").read_text(encoding="utf-8"))
    except OSError:
        print(f"No stack runs with its state in {state_dir}. Start it with: make run", file=sys.stderr)
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
