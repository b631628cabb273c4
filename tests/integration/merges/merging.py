"""Merges written as their plan says: records and events, without customers and locks."""

from __future__ import annotations

from shared.domain.callers import Caller
from shared.domain.ids import new_id
from shared.domain.merges.plan import plan_merge
from shared.domain.stamp import Stamp
from shared.table import event_items
from shared.table.contacts import items as contact_items
from shared.table.contacts.repository import ContactTable
from shared.table.transactions import Transaction
from shared.wiring.base import store
from shared.wiring.labels import label_table
from tests.support.tenant_guard import acting_for


def merge(survivor_id: str, *merged_ids: str, tenant_id: str = "T1") -> None:
    """Merge live contacts of a tenant into another one."""
    with acting_for(tenant_id):
        found = ContactTable(store(), tenant_id, label_table(tenant_id)).get_many([survivor_id, *merged_ids])
        survivor, *merged = (found[one] for one in (survivor_id, *merged_ids))
        assert [one.id for one in (survivor, *merged)] == [survivor_id, *merged_ids]
        stamp = Stamp.now(Caller(tenant_id, "user", f"admin-of-{tenant_id}", "admin"))
        figures = {one.id: one.figures for one in merged}
        plan = plan_merge(survivor, merged, {}, merge_id=new_id(), stamp=stamp, own_figures=figures)
        transaction = Transaction()
        for before, after, event in (plan.survivor, *plan.merged):
            transaction.put(contact_items.contact_to_item(tenant_id, after))
            event_items.add_event(transaction, tenant_id, event, follows=before.last_event)
        store().commit(transaction)
