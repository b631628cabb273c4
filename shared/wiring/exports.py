"""Exports: files of the contacts that match a filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, bulk_queue, cursors, store
from shared.wiring.contacts import contact_filter, contact_lists, shown_contacts
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.kept import kept
from shared.wiring.tenants import find_tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.domain.callers import Caller
    from shared.domain.contacts.filter import ContactFilter
    from shared.domain.exports.record import ExportRun, ExportTask, Piece
    from shared.domain.exports.views import ExportInput
    from shared.files.export_files import ExportFiles
    from shared.services.exports.exports import ExportService
    from shared.services.exports.listing import ExportListing
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.jobs.runner import JobRunner
    from shared.services.jobs.watch import JobWatch
    from shared.services.reading_budget import Budget
    from shared.table.jobs.exports import ExportTable


def _export_table(tenant_id: str, claim: IdempotencyKeyClaim | None = None) -> ExportTable:
    from shared.table.jobs.exports import ExportTable

    return ExportTable(store_for(claim), tenant_id)


@kept
def export_files() -> ExportFiles:
    """The files of exports."""
    from shared.files.export_files import ExportFiles

    return ExportFiles(aws_client("s3"), environment.drop_bucket())


def _export_listing(caller: Caller, budget: Budget) -> ExportListing:
    from shared.services.exports.listing import ExportListing
    from shared.table.contacts.names import NameTable

    names = NameTable(store(), caller.tenant_id)
    return ExportListing(caller, contact_lists(caller, budget), shown_contacts(caller), names)


def export_service(
    caller: Caller, claim: IdempotencyKeyClaim | None = None, budget: Budget | None = None
) -> ExportService:
    """The exports, for one caller. Contacts are searched within the request's budget, or within one of their own."""
    from shared.services.exports.exports import ExportService
    from shared.services.reading_budget import Budget

    budget = budget or Budget()
    return ExportService(
        caller,
        _export_table(caller.tenant_id, claim),
        contact_lists(caller, budget),
        _export_listing(caller, budget),
        bulk_queue(),
        cursors(),
        # The bucket is built only when a URL is signed: most calls return none, and an S3 client costs a third of a
        # cold start.
        lambda key, seconds: export_files().signed_url(key, seconds),
        budget=budget,
        announce=announcer(claim),
    )


def exported_filter(tenant_id: str, given: ExportInput) -> ContactFilter:
    """Return the filter for the contacts that a caller wants to export.

    Raises Invalid when `group` and the group of the filter differ, and as `contact_filter` does.
    """
    from shared.domain.errors import Invalid

    conditions = dict(given.filter.__dict__) if given.filter is not None else {}
    if given.group is not None:
        if conditions.get("group") not in (None, given.group):
            raise Invalid.field(
                "group", "contradiction", "`group` and `filter.group` are the same condition."
            )
        conditions["group"] = given.group
    return contact_filter(tenant_id, conditions)


def export_work(
    *, may_go_on: Callable[[], bool], has_time: Callable[[], bool]
) -> JobRunner[ExportTask, ExportRun, Piece]:
    """The worker that makes exports' portions.

    `may_go_on`: whether a portion may take further contacts. `has_time`: whether the worker may.
    """
    from shared.files.export_workbook import write_workbook
    from shared.services.exports.exporting import ExportPortions
    from shared.services.jobs.runner import JobRunner
    from shared.services.reading_budget import Budget

    portions = ExportPortions(
        _export_table,
        lambda caller: _export_listing(caller, Budget.unlimited()),
        export_files(),
        write_workbook,
        bulk_queue(),
        may_go_on=may_go_on,
        has_time=has_time,
    )
    return JobRunner(find_tenant, portions)


def export_watch(has_time: Callable[[], bool]) -> JobWatch[ExportRun]:
    """The watch over all tenants' exports. It works while `has_time` returns True."""
    from shared.domain.exports.record import ExportTask
    from shared.services.jobs.watch import JobWatch
    from shared.services.jobs.watched import WatchedPortions
    from shared.table.jobs.exports import ExportWatchTable

    jobs = WatchedPortions(ExportWatchTable(store()), _export_table, bulk_queue(), ExportTask)
    return JobWatch(find_tenant, jobs, has_time=has_time)
