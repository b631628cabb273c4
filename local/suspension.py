"""Suspends a tenant or ends its suspension: `python -m local.suspension suspend TENANT`, or `resume`.

For the operator, with the operator's own credentials. The table is `TABLE_NAME`, or by default that of the running
one-machine stack. The tenant's audit log has an event of it.
"""

from __future__ import annotations

import sys

from local.projections import find_table
from shared.domain.errors import NotFound
from shared.table.store import Store
from shared.wiring.accounts import onboarding_service


def main(arguments: list[str]) -> int:
    match arguments:
        case ["suspend" | "resume" as command, tenant_id]:
            through = Store(*find_table()), None
        case _:
            print("usage: python -m local.suspension suspend|resume TENANT", file=sys.stderr)
            return 2
    try:
        tenant = onboarding_service(through).suspend(tenant_id, is_suspended=command == "suspend")
    except NotFound:
        print(f"there is no tenant {tenant_id}", file=sys.stderr)
        return 1
    print(f"{tenant.name} is {'suspended' if tenant.suspended else 'not suspended'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
