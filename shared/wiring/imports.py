"""Imports of contacts from files."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from shared import environment
from shared.wiring.base import aws_client, cursors, store
from shared.wiring.contacts import contact_reading, contact_writing
from shared.wiring.idempotency import announcer, store_for
from shared.wiring.kept import kept
from shared.wiring.labels import label_table, labelling
from shared.wiring.tenants import find_tenant, is_active_user, owners, tenant_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from shared.domain.callers import Caller
    from shared.domain.ids import Work
    from shared.domain.import_options import ImportOptions
    from shared.domain.imports.columns import Layout
    from shared.domain.imports.limits import ImportLimits
    from shared.domain.imports.record import ImportRun
    from shared.domain.imports.tasks import ImportTask
    from shared.domain.tenant import TenantSettings
    from shared.files.drop_bucket import DropBucket
    from shared.files.queues.imports import ImportTaskQueue
    from shared.services.idempotency import IdempotencyKeyClaim
    from shared.services.imports.cancelling import ImportCancelling
    from shared.services.imports.carrying_out import RowWriting
    from shared.services.imports.chunks import SplitImport, WrittenChunk
    from shared.services.imports.imports import ImportService
    from shared.services.imports.preview_runs import PreviewRuns
    from shared.services.imports.previews import ImportPreviews
    from shared.services.imports.retries import ImportRetries
    from shared.services.imports.runs import ImportRuns
    from shared.services.imports.scans import Scans
    from shared.services.imports.undo import ImportUndo, UndoneChunk, UndoOfChunk
    from shared.services.imports.undo_queue import UndoQueue
    from shared.services.imports.undo_requests import ImportUndos
    from shared.services.imports.uploads import GivenOptions, ImportUploads
    from shared.services.imports.watch import ImportWatch
    from shared.services.jobs.runner import JobRunner
    from shared.table.imports.previews import PreviewTable
    from shared.table.imports.repository import ImportTable


def _import_table(tenant_id: str, claim: IdempotencyKeyClaim | None = None) -> ImportTable:
    from shared.table.imports.repository import ImportTable

    return ImportTable(store_for(claim), tenant_id)


@kept
def drop_bucket() -> DropBucket:
    """The bucket that receives files to import."""
    from shared.files.drop_bucket import DropBucket

    return DropBucket(aws_client("s3"), environment.drop_bucket())


@kept
def import_queue() -> ImportTaskQueue:
    """The queues of work on imports."""
    from shared.files.queues.imports import ImportTaskQueue, to_message
    from shared.files.queues.tasks import SqsTaskQueue

    sqs = partial(aws_client, "sqs")
    return ImportTaskQueue(
        SqsTaskQueue(sqs, environment.import_files_queue_url(), to_message),
        SqsTaskQueue(sqs, environment.import_rows_queue_url(), to_message),
    )


def import_limits() -> ImportLimits:
    """The limits on the size of a file to import."""
    from shared.domain.imports.limits import ImportLimits

    return ImportLimits(**environment.import_limits())


def _scans() -> Scans:
    from shared.services.imports.scans import NO_SCANS, Scans

    return Scans(drop_bucket) if environment.malware_scan() else NO_SCANS


def _preview_table(tenant_id: str, claim: IdempotencyKeyClaim | None = None) -> PreviewTable:
    from shared.table.imports.previews import PreviewTable

    return PreviewTable(store_for(claim), tenant_id)


def import_service(caller: Caller) -> ImportService:
    """The imports, for one caller."""
    from shared.services.imports.imports import ImportService

    return ImportService(
        caller,
        _import_table(caller.tenant_id),
        # The bucket is built only when a URL is signed: most calls return no results, and an S3 client costs a third of
        # a cold start.
        lambda key, seconds: drop_bucket().signed_url(key, seconds),
        cursors(),
    )


def import_uploads(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> ImportUploads:
    """The creation and the start of imports, for one caller."""
    from shared.services.imports.uploads import ImportUploads

    return ImportUploads(
        caller,
        _import_table(caller.tenant_id, claim),
        drop_bucket,
        import_queue,
        _given_options(caller),
        scans=_scans(),
        limits=import_limits(),
        announce=announcer(claim),
    )


def import_previews(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> ImportPreviews:
    """The previews of imports, for one caller."""
    from shared.services.imports.previews import ImportPreviews

    return ImportPreviews(
        caller,
        _import_table(caller.tenant_id),
        _preview_table(caller.tenant_id, claim),
        drop_bucket,
        import_queue,
        _given_options(caller),
        scans=_scans(),
        announce=announcer(claim),
    )


def import_retries(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> ImportRetries:
    """The imports of rows that failed in other imports, for one caller."""
    from shared.services.imports.retries import ImportRetries
    from shared.table.imports.retries import ImportRetryTable

    return ImportRetries(
        caller,
        ImportRetryTable(store_for(claim), caller.tenant_id),
        drop_bucket,
        import_queue,
        _given_options(caller),
        announce=announcer(claim),
    )


def _given_options(caller: Caller) -> GivenOptions:
    from shared.services.import_options import check_options
    from shared.services.imports.uploads import GivenOptions

    def check(options: ImportOptions, settings: TenantSettings) -> None:
        is_active = partial(is_active_user, caller.tenant_id)
        check_options(options, settings, labelling(caller), is_active, field="options")

    return GivenOptions(partial(tenant_settings, caller.tenant_id), check)


def import_cancelling(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> ImportCancelling:
    """The service that cancels imports, for one caller."""
    from shared.services.imports.cancelling import ImportCancelling

    return ImportCancelling(
        caller, _import_table(caller.tenant_id, claim), import_queue, announce=announcer(claim)
    )


def import_runs() -> ImportRuns:
    """The service that starts, splits, finishes and fails imports."""
    from shared.services.imports.runs import ImportRuns

    return ImportRuns(
        find_tenant,
        _import_table,
        drop_bucket(),
        import_queue(),
        _open_workbook,
        close_begun=_close_begun,
        scans=_scans(),
        limits=import_limits(),
    )


def _close_begun(run: ImportRun, layout: Layout) -> None:
    from shared.services.imports.begun_chunks import BegunChunks
    from shared.table.contacts.repository import ContactTable
    from shared.table.imports.begun import BegunChunkTable

    BegunChunks(
        _import_table(run.tenant_id),
        BegunChunkTable(store(), run.tenant_id),
        ContactTable(store(), run.tenant_id),
        drop_bucket(),
    ).close(run, layout)


def _open_workbook(blocks: Iterable[bytes]) -> AbstractContextManager[BinaryIO]:
    from shared.files.spreadsheets import open_workbook

    return open_workbook(blocks)


def preview_runs() -> PreviewRuns:
    """The service that splits, ends and fails previews."""
    from shared.services.imports.preview_runs import PreviewRuns

    return PreviewRuns(
        find_tenant,
        _preview_table,
        drop_bucket(),
        import_queue(),
        _open_workbook,
        scans=_scans(),
        limits=import_limits(),
    )


def import_chunks() -> JobRunner[ImportTask, SplitImport, WrittenChunk]:
    """The worker that writes imports' rows."""
    from shared.services.imports.chunks import ImportChunks
    from shared.services.jobs.runner import JobRunner

    return JobRunner(find_tenant, ImportChunks(_import_table, _row_writing, drop_bucket(), import_runs()))


def preview_chunks() -> JobRunner[ImportTask, SplitImport, WrittenChunk]:
    """The worker that plans the rows of previews."""
    from shared.services.imports.preview_runs import PreviewChunks
    from shared.services.jobs.runner import JobRunner

    return JobRunner(find_tenant, PreviewChunks(_preview_table, _row_writing, drop_bucket(), preview_runs()))


def _row_writing(run: ImportRun) -> RowWriting:
    from shared.services.imports.carrying_out import RowWriting
    from shared.services.imports.row_lookups import RowLookups, TenantReads
    from shared.table.contacts.index import ContactIndex
    from shared.table.contacts.repository import ContactTable
    from shared.table.customers.repository import CustomerTable
    from shared.table.imports.begun import BegunChunkTable

    tenant_id = run.tenant_id
    contacts = ContactTable(store(), tenant_id, label_table(tenant_id))
    reads = TenantReads(
        contacts,
        ContactIndex(store(), tenant_id),
        CustomerTable(store(), tenant_id),
        owners(tenant_id),
        label_table(tenant_id).current,
    )
    begun = BegunChunkTable(store(), tenant_id)
    return RowWriting(RowLookups(reads), contacts, contact_writing(run.caller), begun)


def import_undos(caller: Caller, claim: IdempotencyKeyClaim | None = None) -> ImportUndos:
    """The undos of imports, for one caller."""
    from shared.services.imports.undo_requests import ImportUndos
    from shared.table.imports.undo import ImportUndoTable

    return ImportUndos(
        caller,
        ImportUndoTable(store_for(claim), caller.tenant_id),
        undo_queue().queue_open,
        lambda key, seconds: drop_bucket().signed_url(key, seconds),
        announce=announcer(claim),
    )


def undo_queue() -> UndoQueue:
    """The queue of the steps of undos."""
    from shared.services.imports.undo_queue import UndoQueue
    from shared.table.imports.undo import ImportUndoTable

    return UndoQueue(partial(ImportUndoTable, store()), import_queue)


def import_undo() -> ImportUndo:
    """The service that undoes imports, chunk by chunk."""
    from shared.services.contacts.bulk_writing import BulkWriting
    from shared.services.imports.reversals import Reversals
    from shared.services.imports.undo import ImportUndo
    from shared.services.reading_budget import Budget
    from shared.table.contacts.history import ContactEvents
    from shared.table.contacts.repository import ContactTable
    from shared.table.imports.undo import ImportUndoTable

    def reversals(run: ImportRun) -> Reversals:
        tenant_id, caller = run.tenant_id, run.caller
        labels = label_table(tenant_id)
        contacts = ContactTable(store(), tenant_id, labels)
        writing = contact_writing(caller)

        def many(work: Work) -> BulkWriting:
            return BulkWriting(
                caller, contact_reading(caller), writing, contacts, work=work, has_time=lambda: True
            )

        events = ContactEvents(store(), tenant_id, Budget.unlimited())
        return Reversals(run, contacts, events, writing, many, labels.current)

    return ImportUndo(partial(ImportUndoTable, store()), reversals, drop_bucket(), undo_queue())


def import_undo_chunks() -> JobRunner[ImportTask, UndoOfChunk, UndoneChunk]:
    """The worker that takes back what chunks of imports wrote."""
    from shared.services.jobs.runner import JobRunner

    return JobRunner(find_tenant, import_undo())


def import_watch(has_time: Callable[[], bool]) -> ImportWatch:
    """The watch over all tenants' imports. It works while `has_time` returns True."""
    from shared.services.imports.undo_watch import WatchedUndos
    from shared.services.imports.watch import ImportWatch, WatchedImportJobs
    from shared.table.imports.watch import ImportWatchTable
    from shared.table.keys.imports import DUE_PREVIEWS

    previews = ImportWatchTable(store(), DUE_PREVIEWS)
    return ImportWatch(
        find_tenant,
        ImportWatchTable(store()),
        _import_table,
        drop_bucket(),
        import_runs(),
        import_queue(),
        WatchedImportJobs(previews, _preview_table, preview_runs(), import_queue()),
        WatchedUndos(ImportWatchTable(store()), _import_table, import_undo(), undo_queue()),
        has_time=has_time,
    )
