"""The items of merges and of their details."""

from __future__ import annotations

import zlib

from shared.domain.merges.record import Merge, MergeDetail
from shared.table.item import Item, binary
from shared.table.keys import merges as merge_keys


def merge_to_item(tenant_id: str, merge: Merge) -> Item:
    """Return the item of a merge. The attribute `undone` is there when it was undone."""
    item: Item = {
        **merge_keys.merge(tenant_id, merge.id),
        "merge": {"S": merge.model_dump_json(exclude_defaults=True)},
    }
    if merge.state == "undone":
        item["undone"] = {"BOOL": True}
    return item


def merge_from_item(item: Item) -> Merge:
    """Return the merge of an item."""
    return Merge.model_validate_json(item["merge"]["S"])


def detail_to_item(tenant_id: str, merge: Merge, detail: MergeDetail) -> Item:
    """Return the item of a merge's detail, whose values are compressed."""
    return {
        **merge_keys.detail(tenant_id, merge.survivor_id, merge.id),
        "detail": {"B": zlib.compress(detail.to_json().encode())},
    }


def detail_from_item(item: Item) -> MergeDetail:
    """Return the detail of an item."""
    return MergeDetail.from_json(zlib.decompress(binary(item["detail"])).decode())
