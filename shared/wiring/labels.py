"""Tags, types and groups as labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.wiring.base import cursors, store
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.kept import kept

if TYPE_CHECKING:
    from shared.domain.callers import Caller
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.labels.labelling import Labelling
    from shared.services.labels.labels import AnyLabel, LabelService
    from shared.table.labels import LabelMemory, LabelTable
    from shared.table.store import Store


@kept
def _label_memory() -> LabelMemory:
    from shared.table.labels import LabelMemory

    return LabelMemory()


def label_table(tenant_id: str, through: Store | None = None) -> LabelTable:
    """A tenant's tags, types and groups. `through`: the store to use, for a call with an Idempotency-Key."""
    from shared.table.labels import LabelTable

    return LabelTable(through or store(), tenant_id, _label_memory())


def labelling(caller: Caller) -> Labelling:
    """The look-up of labels by their names, for one call of one caller."""
    from shared.services.labels.labelling import Labelling

    return Labelling(caller, label_table(caller.tenant_id))


def label_service(
    caller: Caller, kind: type[AnyLabel], claim: IdempotencyKeyClaim | None = None
) -> LabelService[AnyLabel]:
    """The tags, types or groups, for one caller."""
    from shared.services.labels.labels import LabelService
    from shared.table.contacts.index import ContactIndex

    tenant_id = caller.tenant_id
    return LabelService(
        caller,
        kind,
        label_table(tenant_id, store_for(claim)),
        ContactIndex(store(), tenant_id),
        cursors(),
        announce=announcer(claim),
    )
