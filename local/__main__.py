"""`python -m local` runs the stack in the foreground; `python -m local token [admin|user]` prints a fresh token."""

from __future__ import annotations

import os
import signal
import sys
from typing import NoReturn

from local.failures import CannotStart
from local.stack import Stack
from local.state_files import StackNotRunning, read_state, state_folder

USAGE = "usage: python -m local [run | token [admin|user]]"


class StopRequested(Exception):
    """A signal asked this process to stop."""


def _on_signal(number: int, _frame: object) -> NoReturn:
    # From here on the stack stops in order, however many signals arrive.
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    raise StopRequested(signal.Signals(number).name)


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise CannotStart(f"{name}={text} is not a port number")
    return int(text)


def _say(line: str) -> None:
    print(line, flush=True)


def run() -> int:
    """Run until a signal arrives; return the exit status."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, _on_signal)
    stack: Stack | None = None
    try:
        stack = Stack(state_folder(), _number("PORT", 8000), _number("AWS_PORT", 4566), _say)
        stack.start()
        _say(_welcome(stack))
        while stack.wait(3600):
            pass
    except StopRequested as signal_name:
        _say(f"\n{signal_name}: stopping; the state is kept in {state_folder()}")
        return 0
    except CannotStart as error:
        print(f"\n{error}", file=sys.stderr, flush=True)
        return 1
    else:
        print(f"\nThe emulator ended by itself; see {stack.log_file}", file=sys.stderr, flush=True)
        return 1
    finally:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_IGN)
        if stack is not None:
            stack.stop()


def _welcome(stack: Stack) -> str:
    from shared.files.object_keys import inbox_key  # here, because it imports pydantic

    state = stack.state
    return f"""
API            {state["api_url"]}
AWS endpoint   {state["aws_endpoint"]}   (region us-east-1, keys test / test)
drop bucket    {state["drop_bucket"]}   (put files under {inbox_key(state["tenant_id"], "")})
event bus      {state["bus"]}
topic          {state["topic"]}
tenant         {state["tenant_id"]}
admin          {state["admin"]["username"]}   password {state["admin"]["password"]}
user           {state["user"]["username"]}   password {state["user"]["password"]}
API key        {state["api_key"]}
all of it      {stack.display_path(stack.state_file)}

The admin's token, good for an hour (`make token` prints a new one):
{state["admin"]["token"]}

curl -s {state["api_url"]}/contacts -H "Authorization: Bearer {state["api_key"]}"

Ctrl-C stops the stack."""


def token(who: str) -> int:
    """Print a fresh token of the running stack's admin or user."""
    # Imported only here: `run` starts the emulator before it imports them.
    from botocore.exceptions import BotoCoreError, ClientError

    from local import demo
    from local.deploy import Aws

    try:
        state = read_state()
        person = state[who]
        aws = Aws(state["aws_endpoint"])
        print(demo.token(aws, state["outputs"], person["username"], person["password"]))
    except StackNotRunning as error:
        print(f"{error} Start it with: make run", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(
            f"No stack runs with its state in {state_folder()} ({type(error).__name__}). Start it with: make run",
            file=sys.stderr,
        )
        return 1
    return 0


def main(arguments: list[str]) -> int:
    match arguments:
        case [] | ["run"]:
            return run()
        case ["token"]:
            return token("admin")
        case ["token", ("admin" | "user") as who]:
            return token(who)
        case _:
            print(USAGE, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
