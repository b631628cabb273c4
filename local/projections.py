"""Compares a tenant's projections with its records, or rebuilds them: `python -m local.projections compare TENANT`.

For the operator, with the operator's own credentials: it reads the whole table, which no function may. The table is
`TABLE_NAME`, or by default that of the running one-machine stack.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import boto3

from local.state_files import StackNotRunning, read_state
from shared.projections.comparison import find_discrepancies
from shared.table.item import Item
from shared.table.keys.spelling import Key, identity_of, tenant_prefix
from shared.table.store import Store

_MAX_PRINTED = 20


def compare(client: Any, table: str, tenant_id: str) -> tuple[dict[tuple[str, str], Item], list[Key]]:
    """Return the items that a tenant's projections lack or have with other contents, and the keys of surplus items."""
    pages = client.get_paginator("scan").paginate(
        TableName=table,
        ConsistentRead=True,
        FilterExpression="begins_with(PK, :tenant)",
        ExpressionAttributeValues={":tenant": {"S": tenant_prefix(tenant_id)}},
    )
    return find_discrepancies(tenant_id, (item for page in pages for item in page["Items"]))


def main(arguments: list[str]) -> int:
    match arguments:
        case ["compare" | "rebuild" as command, tenant_id]:
            client, table = find_table()
        case _:
            print("usage: python -m local.projections compare|rebuild TENANT", file=sys.stderr)
            return 2
    differing, surplus = compare(client, table, tenant_id)
    places = sorted([*differing, *(identity_of(key) for key in surplus)])
    for pk, sk in places[:_MAX_PRINTED]:
        print(f"{pk} / {sk}: {'missing or other' if (pk, sk) in differing else 'too much'}")
    print(f"{len(differing)} missing or other, {len(surplus)} too much")
    if command == "rebuild":
        # Best while there are no writes: a change between reading and writing would be overwritten. Compare again.
        Store(client, table).write_many(put=list(differing.values()), delete=surplus)
        print("rebuilt")
        return 0
    return 1 if places else 0


def find_table() -> tuple[Any, str]:
    """Return a client of DynamoDB and the name of the table: `TABLE_NAME`, or that of the running one-machine stack."""
    if table := os.environ.get("TABLE_NAME"):
        return boto3.client("dynamodb"), table
    try:
        state = read_state()
    except StackNotRunning as error:
        sys.exit(f"{error} Start it (make run), or name a table (TABLE_NAME).")
    client = boto3.client(
        "dynamodb",
        endpoint_url=state["aws_endpoint"],
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 (the emulator's)
    )
    return client, state["table"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
