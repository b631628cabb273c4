"""Answers of bulk calls: one entry for each contact, in the form of the single call's answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.contacts.bulk import Outcome
from shared.domain.errors import DomainError, Invalid
from shared.http.problem_document import Problem
from shared.http.problems import members_of

TOLD_FIELDS, _TOLD_CHARACTERS = 2, 64
"""Of a refused entry's fields, and of a field's name. So the longest answer there can be, five hundred refusals whose
fields' names are the caller's own, can be kept under an Idempotency-Key. No field of ours has a longer name."""


class BulkEntry(BaseModel):
    """What became of one entry. `status`: as of the single call."""

    model_config = ConfigDict(defer_build=True)

    status: int
    id: str | None = Field(
        None, exclude_if=lambda value: value is None, description="The contact that was made, or is meant."
    )
    error: Problem | None = Field(None, exclude_if=lambda value: value is None)


class BulkAnswer(BaseModel):
    """What became of each entry, in their order."""

    model_config = ConfigDict(defer_build=True)

    items: list[BulkEntry]
    succeeded: int
    failed: int


def answer_of(outcomes: Iterable[Outcome], *, done: int, request_id: str) -> BulkAnswer:
    """The answer that tells of outcomes; `done`: the single call's status when it succeeds."""
    items = [_entry(one, done, request_id) for one in outcomes]
    succeeded = sum(1 for entry in items if entry.error is None)
    return BulkAnswer.model_construct(items=items, succeeded=succeeded, failed=len(items) - succeeded)


def _entry(outcome: Outcome, done: int, request_id: str) -> BulkEntry:
    if outcome.refusal is None:
        return BulkEntry.model_construct(status=done, id=outcome.contact_id)
    problem = Problem.model_validate(members_of(_shortened(outcome.refusal), request_id))
    return BulkEntry.model_construct(status=problem.status, id=outcome.contact_id, error=problem)


def _shortened(refusal: DomainError) -> DomainError:
    """A refusal that names fields told more briefly."""
    if not (isinstance(refusal, Invalid) and refusal.errors):
        return refusal
    told = tuple(replace(one, field=one.field[:_TOLD_CHARACTERS]) for one in refusal.errors[:TOLD_FIELDS])
    detail = refusal.detail.replace(refusal.errors[0].field, told[0].field)
    return Invalid(detail, code=refusal.code, errors=told)
