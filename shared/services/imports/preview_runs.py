"""The work on previews: that on imports, except that nothing is written and no results are gathered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from shared.domain.imports.groups import NumberedRow
from shared.domain.imports.limits import ImportLimits
from shared.domain.imports.preview import SAMPLE_ROWS, PreviewRow
from shared.domain.imports.preview_run import end_preview
from shared.domain.imports.progress import ClosedChunk
from shared.domain.imports.record import ImportRun
from shared.domain.imports.results import Fate
from shared.domain.imports.tasks import ImportTask
from shared.domain.imports.virtual_contact import VirtualContact
from shared.domain.tenant import Tenant
from shared.services.imports.chunks import Files as ChunkFiles
from shared.services.imports.chunks import ImportChunks, PlannedChunk, RowWriting, SplitImport
from shared.services.imports.chunks import ImportRepository as ChunkRepository
from shared.services.imports.runs import Files, ImportRepository, ImportRuns
from shared.services.imports.scans import Scans
from shared.services.imports.sources import OpenWorkbook
from shared.services.jobs.queue import TaskQueue


class PreviewRepository(ImportRepository, ChunkRepository, Protocol):
    """The previews of one tenant's imports; see `shared.table.imports.previews.PreviewTable`."""

    def end(self, preview: ImportRun) -> bool: ...

    def save_sample(self, preview: ImportRun, rows: Iterable[PreviewRow]) -> None: ...


class PreviewRuns(ImportRuns):
    """Splits, ends and fails previews."""

    def __init__(
        self,
        tenant: Callable[[str], Tenant | None],
        previews: Callable[[str], PreviewRepository],
        files: Files,
        tasks: TaskQueue[ImportTask],
        open_workbook: OpenWorkbook,
        *,
        scans: Scans,
        limits: ImportLimits,
    ) -> None:
        super().__init__(tenant, previews, files, tasks, open_workbook, scans=scans, limits=limits)
        self._previews = previews

    def finish(self, task: ImportTask) -> None:
        """End a preview whose chunks are all closed, and remove the parts of its file."""
        previews = self._previews(task.tenant_id)
        preview = previews.get(task.import_id)
        if preview is None or preview.attempt != task.attempt:
            # Another preview has taken its place.
            self._files.drop_parts(task.tenant_id, task.import_id, task.attempt)
            return
        if preview.state == "running" and not preview.all_chunks_done:
            return
        if preview.state == "running":
            previews.end(end_preview(preview, at=self._now()))
        self._files.drop_parts(preview.tenant_id, preview.id, preview.attempt)


class PreviewChunks(ImportChunks):
    """The chunks of previews for the `JobRunner`. Of the rows of a chunk only the first of the file are kept."""

    def __init__(
        self,
        previews: Callable[[str], PreviewRepository],
        row_writing: Callable[[ImportRun], RowWriting],
        files: ChunkFiles,
        runs: ImportRuns,
    ) -> None:
        super().__init__(previews, row_writing, files, runs)
        self._previews = previews

    def _drop_parts_later(self, task: ImportTask) -> None:
        """Queue the end of a preview that has ended or was replaced before all of its chunks were planned."""
        self._runs.queue_finish(task)

    def _keep(self, run: SplitImport, chunk: PlannedChunk) -> ClosedChunk:
        """Write the rows that the preview shows."""
        preview, fates = run.run, chunk.fates
        sample = [
            _show(one, fates[one.number], chunk.plan.contact_of(one.number))
            for group in chunk.groups
            for one in group.rows
            if one.number <= SAMPLE_ROWS
        ]
        if sample:
            self._previews(preview.tenant_id).save_sample(preview, sample)
        return ClosedChunk(chunk.number, "")


def _show(one: NumberedRow, fate: Fate, contact: VirtualContact | None) -> PreviewRow:
    before = contact.before if contact is not None else None
    return PreviewRow.of(
        one.number,
        one.row.line,
        fate,
        before=VirtualContact.of(before).shown() if before is not None else None,
        after=contact.shown() if contact is not None else None,
    )
