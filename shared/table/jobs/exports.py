"""Exports in the table."""

from __future__ import annotations

from typing import Any

from shared.domain.exports.record import ExportRun
from shared.domain.jobs.quotas import EXPORTS, WORKBOOKS
from shared.table.jobs import records
from shared.table.jobs.records import JobItems, JobTable, JobWatchTable
from shared.table.jobs.slots import Slots
from shared.table.keys import jobs as job_keys
from shared.table.store import Store


def _from_members(members: dict[str, Any]) -> ExportRun:
    return ExportRun(**records.from_members(members))


ITEMS = JobItems(
    EXPORTS, job_keys.exports, job_keys.export, job_keys.export_due, records.to_members, _from_members
)
"""How exports are stored."""


class ExportTable(JobTable[ExportRun]):
    """The exports of one tenant."""

    def __init__(self, store: Store, tenant_id: str) -> None:
        super().__init__(store, tenant_id, ITEMS)
        self._workbooks = Slots(store, tenant_id, WORKBOOKS)

    def _slots_of(self, run: ExportRun) -> Slots:
        return self._workbooks if run.format == "xlsx" else super()._slots_of(run)


class ExportWatchTable(JobWatchTable):
    """The exports of all tenants, for the watch over jobs."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, job_keys.EXPORTS_DUE)
