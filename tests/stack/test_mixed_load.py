"""The mixed load for a few seconds and without kills: it runs, ends, and finds nothing lost or wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from local.sources import ROOT
from tests.stack.conftest import LiveStack


def test_after_a_mixed_load_nothing_is_lost_or_wrong(live: LiveStack) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.mixed_load", "--minutes", "0.1", "--no-kills"],
        cwd=ROOT,
        env=os.environ | {"STATE_DIR": str(live.state_dir)},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout[done.stdout.index("\n{\n") :])
    assert told["files"] == 1
    assert told["bookings"] >= 1
    assert told["events"] >= 100  # the rows of the file make as many
    assert told["received"] >= 100
