"""Recounts a tenant: compares contacts' figures and projections with their timelines, and can correct them.

`python -m local.recount compare TENANT` writes nothing; `mend` instead of `compare` does at once what the nightly task
does. Prints how many of each kind differ, and what the last nightly recount found. The table is `TABLE_NAME`, or by
default that of the running one-machine stack.
"""

from __future__ import annotations

import json
import sys

from local.projections import find_table
from shared.services.recount.recount import RecountReport
from shared.table.metered_store import MeteredStore
from shared.table.recount.progress import RecountTable
from shared.wiring.recount import recount_through


def main(arguments: list[str]) -> int:
    match arguments:
        case ["compare" | "mend" as command, tenant_id]:
            client, table = find_table()
        case _:
            print("usage: python -m local.recount compare|mend TENANT", file=sys.stderr)
            return 2
    store = MeteredStore(client, table)
    progress = RecountTable(store).read(tenant_id)
    print(f"last night: {json.dumps(progress.last if progress is not None else {})}")
    report = recount_through(store, is_dry=command == "compare").run_for(tenant_id)
    print(_describe(report))
    return 1 if report.has_found_faults and command == "compare" else 0


def _describe(report: RecountReport) -> str:
    return "\n".join(f"{name}: {amount}" for name, amount in report.figures.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
