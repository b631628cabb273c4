"""Answers of bulk calls: an entry for each contact, in the form of the answer of the call for one contact."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.bulk import BulkResult
from shared.domain.errors import DomainError, Invalid
from shared.http.problem_document import Problem
from shared.http.problems import build_members

MAX_ERROR_FIELDS = 2
"""Fields that the error of an entry names."""
_MAX_FIELD_NAME = 64
"""Characters of a field's name in the error of an entry. No field of the API has a longer name.

With both limits the longest possible answer, 500 refusals that name fields invented by the caller, can be stored under
an Idempotency-Key."""


class BulkEntry(BaseModel):
    """The result for one entry. `status`: that of the call for one contact."""

    model_config = ConfigDict(defer_build=True)

    status: int
    id: str | None = Field(
        None,
        exclude_if=lambda value: value is None,
        description="The contact that was created, changed or deleted.",
    )
    error: Problem | None = Field(None, exclude_if=lambda value: value is None)


class BulkAnswer(BaseModel):
    """The results of a bulk call, in the order of its entries."""

    model_config = ConfigDict(defer_build=True)

    items: list[BulkEntry]
    succeeded: int
    failed: int


def build_answer(outcomes: Iterable[BulkResult], *, done: int, request_id: str) -> BulkAnswer:
    """Return the answer with the results of a bulk call. `done`: the status of an entry that succeeded."""
    items = [_build_entry(one, done, request_id) for one in outcomes]
    succeeded = sum(1 for entry in items if entry.error is None)
    return BulkAnswer.model_construct(items=items, succeeded=succeeded, failed=len(items) - succeeded)


def _build_entry(outcome: BulkResult, done: int, request_id: str) -> BulkEntry:
    if outcome.refusal is None:
        return BulkEntry.model_construct(status=done, id=outcome.contact_id)
    problem = Problem.model_validate(build_members(_shorten(outcome.refusal), request_id))
    return BulkEntry.model_construct(status=problem.status, id=outcome.contact_id, error=problem)


def _shorten(refusal: DomainError) -> DomainError:
    """Return a refusal with at most MAX_ERROR_FIELDS fields and short names."""
    if not (isinstance(refusal, Invalid) and refusal.errors):
        return refusal
    shortened = tuple(
        replace(error, field=error.field[:_MAX_FIELD_NAME]) for error in refusal.errors[:MAX_ERROR_FIELDS]
    )
    detail = refusal.detail.replace(refusal.errors[0].field, shortened[0].field)
    return Invalid(detail, code=refusal.code, errors=shortened)
