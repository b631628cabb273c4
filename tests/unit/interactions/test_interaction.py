"""The rules of interactions: their inputs, changes, metadata and conditions."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from shared.domain.callers import Caller
from shared.domain.errors import Invalid
from shared.domain.interactions.conditions import InteractionFilter
from shared.domain.interactions.inputs import InteractionInput, InteractionPatch
from shared.domain.interactions.interaction import SYSTEM_TYPES, TYPES, Interaction
from shared.domain.interactions.metadata import MAX_BYTES, MAX_DEPTH, merge_metadata
from shared.domain.stamp import Stamp

AT, LATER = "2026-05-04T09:30:00.000Z", "2026-05-05T09:30:00.000Z"
ID = "019df26e-2380-7000-8000-000000000001"
ADA = Caller("t1", "user", "u1", "admin")


def made(**given: Any) -> Interaction:
    fields = InteractionInput(
        **{"type": "call", "description": "x", "occurred_at": AT, **given}
    ).given_fields()
    return Interaction.create(
        {**fields, "performed_by": "Ada", "performed_by_id": "u1"},
        interaction_id=ID,
        contact_id="c1",
        stamp=Stamp("e1", LATER, ADA),
    )


def changed(interaction: Interaction, **given: Any) -> tuple[Interaction, Any] | None:
    return interaction.change(InteractionPatch(**given).given_fields(), stamp=Stamp("e2", LATER, ADA))


def test_there_are_sixteen_types_and_the_system_alone_records_four() -> None:
    assert len(TYPES) == 16
    assert {name for name in TYPES if name.startswith("booking_")} == SYSTEM_TYPES and len(SYSTEM_TYPES) == 4
    for name in TYPES:
        if name in SYSTEM_TYPES:
            with pytest.raises(ValidationError):
                InteractionInput(type=name, description="x")  # type: ignore[arg-type]
        else:
            assert made(type=name).is_by_system is False


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"type": "fax"}, "type"),
        ({"description": ""}, "description"),
        ({"description": " \u200b\n"}, "description"),
        ({"description": "x" * 10_001}, "description"),
        ({"occurred_at": "2026-05-04"}, "occurred_at"),
        ({"occurred_at": "2026-05-04T09:30:00"}, "occurred_at"),
        ({"occurred_at": 1}, "occurred_at"),
        ({"occurred_at": "1969-12-31T23:59:59Z"}, "occurred_at"),
        ({"scheduled_follow_up": "tomorrow"}, "scheduled_follow_up"),
        ({"outcome": "x" * 501}, "outcome"),
        ({"booking_id": "a b"}, "booking_id"),
        ({"booking_id": ""}, "booking_id"),
        ({"metadata": []}, "metadata"),
        ({"metadata": {"n": 2**53}}, "metadata"),
        ({"metadata": {"n": [float("nan")]}}, "metadata"),
        ({"performed_by": "x"}, "performed_by"),
    ],
)
def test_what_is_refused_is_named(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        InteractionInput(**{"type": "call", "description": "x", **given})
    assert [error["loc"][0] for error in refusal.value.errors()] == [field]


def test_the_longest_description_and_the_offset_of_a_time_are_taken() -> None:
    interaction = made(description="x" * 10_000, occurred_at="2026-05-04T11:30:00+02:00")
    assert (len(interaction.description), interaction.occurred_at) == (10_000, AT)


def test_metadata_have_a_largest_size_and_depth() -> None:
    largest = {"x": "é" * ((MAX_BYTES - len('{"x":""}')) // 2)}
    assert made(metadata=largest).metadata == largest
    with pytest.raises(Invalid) as refusal:
        made(metadata={"x": largest["x"] + "é"})
    assert [error.field for error in refusal.value.errors] == ["metadata"]
    deep: dict[str, Any] = {}
    for _ in range(MAX_DEPTH - 1):
        deep = {"x": deep}
    assert made(metadata=deep).metadata == deep
    with pytest.raises(ValidationError):
        made(metadata={"x": deep})


def test_a_patch_of_metadata_is_a_merge_patch_at_every_level() -> None:
    """RFC 7396, its test cases that have objects."""
    for present, given, merged in (
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": 1}, None, {}),
    ):
        assert merge_metadata(present, given) == merged


def test_a_change_counts_the_version_and_lists_the_changed_fields() -> None:
    change = changed(made(outcome="interested", metadata={"a": 1}), outcome=None, metadata={"b": 2})
    assert change is not None
    after, changes = change
    assert (after.version, after.outcome, after.metadata) == (2, "", {"a": 1, "b": 2})
    assert changes == {"outcome": ("interested", None), "metadata": ({"a": 1}, {"a": 1, "b": 2})}
    assert changed(after, outcome="", metadata={"a": 1}, type="call") is None


def test_required_fields_cannot_be_cleared() -> None:
    with pytest.raises(Invalid) as refusal:
        InteractionPatch(type=None, description=None, occurred_at=None).given_fields()
    assert [error.field for error in refusal.value.errors] == ["type", "description", "occurred_at"]


def test_a_deletion_lists_every_field_as_removed() -> None:
    assert made(metadata={"a": 1}).list_removed_fields() == {
        "type": ("call", None),
        "description": ("x", None),
        "occurred_at": (AT, None),
        "metadata": ({"a": 1}, None),
        "performed_by": ("Ada", None),
        "performed_by_id": ("u1", None),
    }


def test_a_date_is_a_whole_day_in_the_tenant_s_time_zone() -> None:
    wanted = InteractionFilter.of(
        {"date_from": "2026-05-04", "date_to": "2026-05-04"}, timezone="America/New_York"
    )
    assert (wanted.first, wanted.last) == ("2026-05-04T04:00:00.000Z", "2026-05-05T03:59:59.999Z")


def test_a_filter_reads_only_the_ranges_that_can_match() -> None:
    def ranges(**given: str) -> list[bool]:
        wanted = InteractionFilter(**given)
        return [by_system for by_system in (False, True) if wanted.reads(by_system=by_system)]

    assert ranges() == ranges(booking_id="b") == ranges(performed_by_id="u1") == [False, True]
    assert ranges(type="call", booking_id="b") == [False]
    assert ranges(type="booking_created") == [True]
