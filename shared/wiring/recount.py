"""The nightly recount of all tenants."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared import environment, observability
from shared.wiring.base import aws_client, store
from shared.wiring.kept import kept
from shared.wiring.tenants import tenant_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.services.recount.recount import Recount
    from shared.table.metered_store import MeteredStore
    from shared.table.recount.progress import RecountTable


@kept
def recount_table() -> RecountTable:
    """The progress of the recount with all tenants."""
    from shared.table.recount.progress import RecountTable

    return RecountTable(store())


def recount(has_time: Callable[[], bool], *, is_dry: bool = False) -> Recount:
    """The recount. It works while `has_time` returns True; a dry one writes nothing."""
    from shared.table.metered_store import MeteredStore

    return recount_through(
        MeteredStore(aws_client("dynamodb"), environment.table_name()), has_time, is_dry=is_dry
    )


def recount_through(
    metered: MeteredStore, has_time: Callable[[], bool] = lambda: True, *, is_dry: bool = False
) -> Recount:
    """The recount through a store of its own."""
    from shared.projections.engine import Projection
    from shared.projections.recounting import RecountedProjection
    from shared.projections.sweeping import SweptProjection
    from shared.services.recount.recount import Recount
    from shared.table.recount.contacts import RecountedContacts
    from shared.table.recount.progress import RecountTable

    projection = Projection(
        metered, duplicate_key_of=lambda tenant_id: tenant_settings(tenant_id).duplicate_key
    )
    return Recount(
        RecountTable(metered),
        partial(RecountedContacts, metered),
        RecountedProjection(metered, projection, SweptProjection(metered, projection)),
        lambda: metered.units,
        on_failure=lambda: observability.warn("not recounted", trace=observability.trace()),
        is_dry=is_dry,
        has_time=has_time,
    )
