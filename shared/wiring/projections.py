"""The projections, from which lists, filters, searches and statistics are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wiring.base import store
from shared.wiring.kept import kept
from shared.wiring.tenants import tenant_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.projections.engine import Projection
    from shared.projections.matching import MatchingPass
    from shared.projections.sweeping import SweptProjection


@kept
def projection() -> Projection:
    """All projections of contacts and customers."""
    from shared.projections.engine import Projection

    return Projection(store(), duplicate_key_of=lambda tenant_id: tenant_settings(tenant_id).duplicate_key)


def matching_pass(has_time: Callable[[], bool]) -> MatchingPass:
    """The pass over match keys, which works while `has_time` returns True."""
    from shared.projections.matching import MatchingPass

    return MatchingPass(store(), projection(), has_time=has_time)


def swept_projection() -> SweptProjection:
    """The projections, for the sweep that repairs lists and counters."""
    from shared.projections.sweeping import SweptProjection

    return SweptProjection(store(), projection())
