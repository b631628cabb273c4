"""A posting list has the ids it was given, whoever writes at the same time and wherever a writer stops."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.errors import ConcurrentChange, Unavailable
from shared.domain.ids import NUMBERS, derived_id, id_of, number_of
from shared.table import postings
from shared.table.contacts.index import ContactIndex
from shared.table.item import Item
from shared.table.keys import postings as posting_keys
from shared.table.postings import PostingList, PostingWalk, chunks_of, ids_in
from shared.wiring.base import store
from tests.support.aws import Stack, stack_in_moto
from tests.support.budgets import repetitions
from tests.support.faults import (
    Fault,
    assert_same_after_kills,
    assert_same_under_throttling,
    call,
    calls_of,
    injecting,
    lost_answer,
    transaction_conflict,
)
from tests.support.meter import meter
from tests.support.template import Template
from tests.support.tenant_guard import acting_for
from tests.support.tokens import TokenIssuer
from tests.support.transport import Attempt, Send

TENANT = "t1"
PARTITION = posting_keys.partition(TENANT, "tag", "vip")
IDS = [derived_id(1_760_000_000_000 + 90_000 * number, str(number)) for number in range(400)]
IMPORTED = [derived_id(1_770_000_000_000, "import", str(n), ordinal=n) for n in range(400)]


def listed() -> PostingList:
    return PostingList(store(), PARTITION, sleep=lambda seconds: None)


def rows() -> list[Item]:
    return store().query(PARTITION, limit=10_000, consistent=True)


def content() -> set[str]:
    """Return the ids in the list, after a check that it is consistent."""
    found = ids_in(rows())
    assert found is not None, "the chunks join each other and hold the ids of their ranges"
    return found


def walked(*, descending: bool, low: str = id_of(0), high: str = id_of(NUMBERS - 1)) -> list[str]:
    index = ContactIndex(store(), TENANT)
    steps = index.with_all([("tag", "vip")], after=None, descending=descending, low=low, high=high)
    return [one for one, is_there in steps if is_there]


@pytest.fixture
def table(aws_stack: Stack) -> Iterator[Stack]:
    with acting_for(TENANT):
        yield aws_stack


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few ids."""
    monkeypatch.setattr(postings, "_FULL", 60)


def fresh(
    template: Template, token_issuer: TokenIssuer, ids: Iterable[str]
) -> Callable[[], AbstractContextManager[None]]:
    """Return a function that creates a table with a list."""

    @contextmanager
    def make() -> Iterator[None]:
        with stack_in_moto(template, token_issuer), acting_for(TENANT):
            listed().change(add=ids)
            yield

    return make


NUMBER = st.integers(0, 60)
BATCHES = st.lists(
    st.tuples(st.sets(NUMBER, max_size=25), st.sets(NUMBER, max_size=25)), min_size=1, max_size=8
)


@pytest.mark.usefixtures("small")
@settings(max_examples=repetitions(5), suppress_health_check=list(HealthCheck))
@given(BATCHES, NUMBER, NUMBER)
def test_a_list_holds_what_a_set_would(
    template: Template,
    token_issuer: TokenIssuer,
    batches: list[tuple[set[int], set[int]]],
    one: int,
    other: int,
) -> None:
    held: set[str] = set()
    with stack_in_moto(template, token_issuer), acting_for(TENANT):
        for added, removed in batches:
            add = {IDS[number] for number in added}
            remove = {IDS[number] for number in removed - added}
            listed().change(add=add, remove=remove)
            held = (held | add) - remove
            assert content() == held
        assert walked(descending=False) == sorted(held)
        assert walked(descending=True) == sorted(held, reverse=True)
        low, high = sorted((IDS[one], IDS[other]))
        within = [each for each in sorted(held) if low <= each <= high]
        assert walked(descending=False, low=low, high=high) == within
        assert walked(descending=True, low=low, high=high) == within[::-1]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("descending", [True, False])
@settings(max_examples=repetitions(3), suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**16))
def test_a_walk_gives_what_was_there_throughout_once_whatever_is_written_meanwhile(
    template: Template, token_issuer: TokenIssuer, descending: bool, seed: int
) -> None:
    chosen = random.Random(seed)
    with stack_in_moto(template, token_issuer), acting_for(TENANT):
        steady = set(chosen.sample(IDS[:60], chosen.randint(1, 30)))
        others = [one for one in IDS[:60] if one not in steady]
        listed().change(add=[*steady, *chosen.sample(others, 15)])
        index = ContactIndex(store(), TENANT)
        walk = index.with_all(
            [("tag", "vip")], after=None, descending=descending, low=id_of(0), high=id_of(NUMBERS - 1)
        )
        found = []
        for one, is_there in walk:
            if is_there:
                found.append(one)
            if chosen.random() < 0.2:
                start = chosen.randrange(len(others))
                some = others[start : start + chosen.randint(1, 15)]
                listed().change(**{chosen.choice(["add", "remove"]): some})
        assert found == sorted(set(found), reverse=descending)
        assert steady <= set(found)


@pytest.mark.usefixtures("small", "table")
def test_racing_writers_lose_nothing_of_each_other() -> None:
    listed().change(add=IDS[:40])

    def write(number: int) -> None:
        # Each has its own ids, spread over all chunks, and removes half of what it adds.
        own = IDS[40 + number : 120 : 4]
        with acting_for(TENANT):
            for start in range(0, len(own), 10):
                some = own[start : start + 10]
                while True:
                    try:
                        listed().change(add=some)
                        listed().change(remove=some[::2])
                        break
                    except (ConcurrentChange, Unavailable):
                        continue

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    kept = {
        one for number in range(4) for at, one in enumerate(IDS[40 + number : 120 : 4]) if at % 10 % 2 == 1
    }
    assert content() == {*IDS[:40], *kept}


def overtaken_by(change: Callable[[], None], *operations: str) -> Fault:
    """Let another writer change the list just before a call is sent."""

    def act(attempt: Attempt, send: Send) -> AWSResponse:
        change()
        return send(attempt)

    return Fault("overtaken", act, call("dynamodb", *operations))


OTHERS: dict[str, dict[str, Any]] = {
    "another id": {"add": IDS[3:4]},
    "enough to split": {"add": IDS[:12]},
    "the last ids gone": {"remove": IDS[:40]},
    "the same": {"add": IDS[20:21], "remove": IDS[4:8]},
}


@pytest.mark.usefixtures("small", "table")
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("own", [{"add": IDS[20:21]}, {"add": IDS[20:30]}, {"remove": IDS[4:8]}], ids=str)
def test_a_writer_that_is_overtaken_looks_again(own: dict[str, Any], other: dict[str, Any]) -> None:
    listed().change(add=IDS[4:8])
    with injecting(overtaken_by(lambda: listed().change(**other), "PutItem", "TransactWriteItems")):
        listed().change(**own)
    held = {*IDS[4:8], *other.get("add", ())} - set(other.get("remove", ()))
    assert content() == (held | set(own.get("add", ()))) - set(own.get("remove", ()))


@pytest.mark.usefixtures("small", "table")
def test_a_chunk_that_went_and_came_back_is_not_taken_for_the_one_that_was_read() -> None:
    listed().change(add=IDS[:12])
    edge = sorted(row["SK"]["S"] for row in rows())[1]
    inside = [one for one in IDS[:12] if f"{number_of(one):031x}" >= edge]

    def gone_and_back() -> None:
        listed().change(remove=inside)
        listed().change(add=[*inside[1:], *IDS[100:104]])

    with injecting(overtaken_by(gone_and_back, "PutItem", "TransactWriteItems")):
        listed().change(add=IDS[20:21])
    assert content() == {*IDS[:12], *IDS[100:104], IDS[20]} - {inside[0]}


CHANGES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "first id": ([], {"add": IDS[:1]}),
    "one more": (IDS[:2], {"add": IDS[2:3]}),
    "split at the end": (IDS[:4], {"add": IDS[4:10]}),
    "split in the middle": (IDS[:40:4], {"add": IDS[1:40:4]}),
    "many chunks": (IDS[:40:2], {"add": IDS[1:40:8], "remove": IDS[:40:6]}),
    "chunk emptied": (IDS[:40], {"remove": IDS[10:30]}),
    "all gone": (IDS[:20], {"remove": IDS[:20]}),
    "last one gone": (IDS[:1], {"remove": IDS[:1]}),
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("before", "change"), CHANGES.values(), ids=CHANGES)
def test_a_writer_killed_anywhere_that_comes_again_ends_as_if_unharmed(
    template: Template, token_issuer: TokenIssuer, before: list[str], change: dict[str, Any]
) -> None:
    """check 13"""
    world = fresh(template, token_issuer, before)
    assert assert_same_after_kills(world, lambda _: listed().change(**change), lambda _: content()) > 1


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("before", "change"), CHANGES.values(), ids=CHANGES)
def test_a_throttled_writer_ends_the_same(
    template: Template, token_issuer: TokenIssuer, before: list[str], change: dict[str, Any]
) -> None:
    """check 10"""
    world = fresh(template, token_issuer, before)
    assert assert_same_under_throttling(world, lambda _: listed().change(**change), lambda _: content()) > 1


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("before", "change"), CHANGES.values(), ids=CHANGES)
def test_a_writer_recognises_its_own_write_when_the_answer_is_lost(
    template: Template, token_issuer: TokenIssuer, before: list[str], change: dict[str, Any]
) -> None:
    world = fresh(template, token_issuer, before)
    with world():
        names = calls_of(lambda: listed().change(**change))
        wanted = content()
    for at in range(1, len(names) + 1):
        with world(), injecting(lost_answer(at=at)) as injector:
            listed().change(**change)
            assert content() == wanted
            # botocore sent it again, which was enough; the last call is the test's own read of the list.
            assert len(injector.calls) == len(names) + 2


@pytest.mark.usefixtures("small", "table")
def test_a_conflict_with_a_transaction_under_way_is_tried_again() -> None:
    listed().change(add=IDS[:4])
    with injecting(transaction_conflict()):
        listed().change(add=IDS[4:12])
    assert content() == {*IDS[:12]}


@pytest.mark.usefixtures("table")
def test_what_is_as_wanted_is_not_written_again() -> None:
    listed().change(add=IDS[:30])
    again = calls_of(lambda: listed().change(add=IDS[:30], remove=IDS[30:60]))
    assert set(again) == {"dynamodb.Query"}


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("ids", [IDS, IMPORTED], ids=["created over hours", "imported"])
def test_ids_that_come_in_their_order_leave_full_chunks_of_one_write_unit(ids: list[str]) -> None:
    with meter() as measured:
        for start in range(0, len(ids), 40):
            listed().change(add=ids[start : start + 40])
    splits = len(rows()) - 1
    assert len(rows()) == len(list(chunks_of(PARTITION, ids))) > 1
    # Ten batches, each of one unit, or of four where a chunk is split.
    assert measured.write == 10 + 3 * splits


@pytest.mark.usefixtures("table")
def test_a_batch_costs_one_write_unit_and_so_does_one_contact() -> None:
    for ids in (IMPORTED[:40], IMPORTED[40:41]):
        with meter() as measured:
            listed().change(add=ids)
        assert (measured.calls, measured.read, measured.write) == (2, 1, 1)


@pytest.mark.usefixtures("small", "table")
def test_a_list_that_loses_all_its_ids_leaves_at_most_an_empty_chunk() -> None:
    listed().change(add=IDS[:1])
    listed().change(remove=IDS[:1])
    assert rows() == []
    listed().change(add=IDS[:40])
    chosen = random.Random(3)
    for one in chosen.sample(IDS[:40], 40):
        listed().change(remove=[one])
    assert content() == set()
    assert len(rows()) <= 1
    assert walked(descending=True) == walked(descending=False) == []


class HalfSeen:
    """A store whose next query shows a half-finished split, as a query beside a transaction may: one item changed, the
    other not.
    """

    def __init__(self, missing: str) -> None:
        self._missing: str | None = missing

    def query(self, *arguments: Any, **how: Any) -> list[Item]:
        found = store().query(*arguments, **how)
        missing, self._missing = self._missing, None
        return [row for row in found if row["SK"]["S"] != missing]


@pytest.mark.usefixtures("small", "table")
@pytest.mark.parametrize("descending", [True, False])
def test_a_reader_that_sees_half_of_a_split_looks_again(descending: bool) -> None:
    listed().change(add=IDS[:40])
    for missing in [row["SK"]["S"] for row in rows()]:
        half_seen: Any = HalfSeen(missing)
        walk = PostingWalk(half_seen, PARTITION, descending=descending, low=0, high=NUMBERS - 1)
        found, bound = [], NUMBERS - 1 if descending else 0
        while (number := walk.seek(bound)) is not None:
            found.append(id_of(number))
            bound = number - 1 if descending else number + 1
        assert found == sorted(IDS[:40], reverse=descending)


@pytest.mark.usefixtures("table")
def test_a_list_with_a_chunk_missing_is_not_read_as_if_it_were_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postings, "_FULL", 60)
    listed().change(add=IDS[:40])
    middle = rows()[2]
    store().write_many(delete=[{"PK": middle["PK"], "SK": middle["SK"]}])
    assert ids_in(rows()) is None
    for descending in (True, False):
        with pytest.raises(Unavailable):
            walked(descending=descending)
    with pytest.raises(ConcurrentChange):
        listed().change(add=IDS[:40])


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("wrong", ["", "c1", IDS[0].upper(), IDS[0].replace("-7", "-4", 1), IDS[0] + "0"])
def test_what_is_no_id_of_ours_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):
        listed().change(add=[wrong])
    with pytest.raises(ValueError):
        list(chunks_of(PARTITION, [wrong]))
