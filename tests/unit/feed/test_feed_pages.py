"""Reading the feed: pages, positions, conditions and limits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.days import first_of, last_of
from shared.domain.errors import NotFound, PermissionDenied, PositionExpired, RuleBroken
from shared.domain.feed_views import ALL_ENTRIES, FeedFilter, FeedPage
from shared.services.feed.reading import MAX_PAGE_BYTES, EventContent
from shared.services.reading_budget import MAX_ROWS, Budget
from tests.unit.feed.fake_feed import NOW, FakeFeed, ago, caller


def positions(page: FeedPage) -> list[int]:
    return [item.position for item in page.items]


def read_all(
    feed: FakeFeed, wanted: FeedFilter = ALL_ENTRIES, *, limit: int = 25, **how: object
) -> list[int]:
    """Return the positions of all pages, after checking that each call gets further."""
    found: list[int] = []
    after: int | None = None
    while True:
        page = feed.reading(**how).list(wanted, after=after, limit=limit)  # type: ignore[arg-type]
        found += positions(page)
        assert after is None or page.next_after > after or not page.has_more
        after = page.next_after
        if not page.has_more:
            return found


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed()


def test_an_empty_feed_has_an_empty_page(feed: FakeFeed) -> None:
    for after in (None, 0):
        page = feed.reading().list(ALL_ENTRIES, after=after, limit=25)
        assert page == FeedPage(items=[], next_after=0, has_more=False)


def test_a_reader_at_the_end_costs_one_read_of_the_head(feed: FakeFeed) -> None:
    feed.add()
    page = feed.reading(caller(contacts_read="own")).list(ALL_ENTRIES, after=1, limit=25)
    assert page == FeedPage(items=[], next_after=1, has_more=False)
    assert feed.calls == ["head"]


def test_pages_go_on_from_next_after_and_have_each_entry_once(feed: FakeFeed) -> None:
    for version in range(1, 8):
        feed.add(version=version)
    first = feed.reading().list(ALL_ENTRIES, after=None, limit=3)
    assert (positions(first), first.next_after, first.has_more) == ([1, 2, 3], 3, True)
    assert first.items[0].changes == {"company": {"old": "", "new": "at 1"}}
    assert read_all(feed, limit=3) == [1, 2, 3, 4, 5, 6, 7]
    assert feed.calls.count("contents 3") >= 3  # one call for a page


def test_entries_that_were_added_since_the_head_was_read_are_more_or_are_shown(feed: FakeFeed) -> None:
    for _ in range(4):
        feed.add()
    feed.visible = 2
    page = feed.reading().list(ALL_ENTRIES, after=1, limit=2)
    assert (positions(page), page.has_more) == ([2, 3], False)
    page = feed.reading().list(FeedFilter(actor_id="u1"), after=0, limit=2)
    assert (positions(page), page.next_after) == ([1, 2], 2)


def test_a_position_that_was_not_given_yet_is_refused_and_one_that_a_late_head_lacks_is_not(
    feed: FakeFeed,
) -> None:
    for _ in range(4):
        feed.add()
    feed.visible = 2
    assert feed.reading().list(ALL_ENTRIES, after=4, limit=25).next_after == 4
    with pytest.raises(RuleBroken) as caught:
        feed.reading().list(ALL_ENTRIES, after=5, limit=25)
    assert caught.value.code == "unknown_position"
    assert "the last one is 4" in caught.value.detail


@pytest.mark.parametrize("after", [0, 1])
def test_a_position_is_expired_if_the_entry_after_it_is_older_than_30_days(
    feed: FakeFeed, after: int
) -> None:
    feed.add(at=ago(31))
    feed.add(at=ago(30, seconds=1))
    feed.add(at=ago(29))
    for who in (feed.reading(), feed.reading(caller(contacts_read="all"))):
        with pytest.raises(PositionExpired) as caught:
            who.list(ALL_ENTRIES, after=after, limit=25)
        assert "/v1/events/start" in caught.value.detail
        assert positions(who.list(ALL_ENTRIES, after=2, limit=25)) == [3]
        assert positions(who.list(ALL_ENTRIES, after=None, limit=25)) == [3]


def test_a_reader_who_has_all_entries_is_not_told_to_begin_again(feed: FakeFeed) -> None:
    feed.add(at=ago(100))
    assert feed.reading().list(ALL_ENTRIES, after=1, limit=25).items == []


def test_a_position_whose_entries_were_removed_is_expired(feed: FakeFeed) -> None:
    for _ in range(3):
        feed.add(at=ago(1))
    assert read_all(feed) == [1, 2, 3]
    feed.expire(2)
    for wanted in (ALL_ENTRIES, FeedFilter(first=ago(2))):
        with pytest.raises(PositionExpired):
            feed.reading().list(wanted, after=1, limit=25)
        assert positions(feed.reading().list(wanted, after=2, limit=25)) == [3]
        assert positions(feed.reading().list(wanted, after=None, limit=25)) == [3]


def test_a_position_is_expired_if_all_entries_were_removed(feed: FakeFeed) -> None:
    """A tenant without changes for 400 days still has its last position."""
    feed.add(at=ago(401))
    feed.expire(1)
    with pytest.raises(PositionExpired):
        feed.reading().list(ALL_ENTRIES, after=0, limit=25)
    for after in (None, 1):
        assert feed.reading().list(ALL_ENTRIES, after=after, limit=25).next_after == 1


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (FeedFilter(types=("contact.created",)), [1]),
        (FeedFilter(types=("contact.*",)), [1, 2, 5]),
        (FeedFilter(types=("contact.created", "tag.created")), [1, 4]),
        (FeedFilter(types=("*",)), [1, 2, 3, 4, 5]),
        (FeedFilter(entity="tag"), [4]),
        (FeedFilter(entity_id="c1"), [1, 2, 3]),
        (FeedFilter(entity="tag", entity_id="c1"), []),
        (FeedFilter(actor_id="u1"), [1, 3, 4]),
        (FeedFilter(actor_id="user:u1"), [1, 3, 4]),
        (FeedFilter(actor_id="i1"), [5]),
        (FeedFilter(actor_id="system:import:i1"), [5]),
        (FeedFilter(actor_id="import"), []),
        (FeedFilter(actor_id="u"), []),
        (FeedFilter(types=("contact.*",), actor_id="u1", entity_id="c1"), [1]),
    ],
)
def test_all_conditions_must_hold(feed: FakeFeed, wanted: FeedFilter, found: list[int]) -> None:
    feed.add("contact.created")
    feed.add(actor="client:k1")
    feed.add("interaction.created")
    feed.add("tag.created", entity="tag", entity_id="g1")
    feed.add("contact.updated", entity_id="c2", actor="system:import:i1")
    page = feed.reading().list(wanted, after=0, limit=25)
    assert (positions(page), page.next_after, page.has_more) == (found, 5, False)


def test_a_page_of_which_nothing_is_shown_moves_on(feed: FakeFeed) -> None:
    for _ in range(3_000):
        feed.add()
    feed.add("tag.created", entity="tag")
    page = feed.reading().list(FeedFilter(entity="tag"), after=0, limit=25)
    assert (positions(page), page.next_after, page.has_more) == ([3_001], 3_001, False)
    assert feed.calls.count("read") == 6  # 25, 100, 200, 400, 800 and 1,600 entries
    # A reader may keep what no one may see, such as events of an unknown type.
    page = feed.reading(caller(contacts_read="all")).list(FeedFilter(entity="user"), after=0, limit=25)
    assert (page.items, page.next_after) == ([], 3_001)


def test_the_budget_ends_a_page_early_and_the_next_one_goes_on(feed: FakeFeed) -> None:
    """check 102: ten packed entries cost as much as a row."""
    entry = feed.add()
    feed.given = 60_000
    feed.entries = [replace(entry, position=number) for number in range(1, feed.given + 1)]
    budget = Budget()
    page = feed.reading(budget=budget).list(FeedFilter(entity="tag"), after=0, limit=25)
    assert (page.items, page.has_more) == ([], True)
    assert 50_000 <= page.next_after < 55_000
    assert MAX_ROWS <= budget.total < MAX_ROWS + 500
    rest = feed.reading().list(FeedFilter(entity="tag"), after=page.next_after, limit=25)
    assert (rest.next_after, rest.has_more) == (len(feed.entries), False)


def test_time_ends_a_page_early_after_one_portion_at_least(feed: FakeFeed) -> None:
    for _ in range(1_000):
        feed.add()
    budget = Budget(seconds=0)
    page = feed.reading(budget=budget).list(FeedFilter(entity="tag"), after=0, limit=25)
    assert (page.items, page.next_after, page.has_more) == ([], 25, True)


def test_a_page_of_large_events_ends_early(feed: FakeFeed) -> None:
    for _ in range(8):
        feed.add(size=MAX_PAGE_BYTES // 3)
    page = feed.reading().list(ALL_ENTRIES, after=0, limit=25)
    assert (positions(page), page.next_after, page.has_more) == ([1, 2, 3], 3, True)
    assert read_all(feed) == list(range(1, 9))
    feed.add(size=2 * MAX_PAGE_BYTES)
    page = feed.reading().list(ALL_ENTRIES, after=8, limit=25)
    assert (positions(page), page.has_more) == ([9], False)


@pytest.mark.parametrize("small", [0, 3])
def test_a_page_reads_few_more_events_than_it_shows_and_charges_their_bytes(
    feed: FakeFeed, small: int
) -> None:
    for number in range(100):
        feed.add(size=100 if number < small else 380_000)
    after, shown, read, budget = 0, 0, 0, Budget()
    while shown < 100:
        feed.calls.clear()
        page = feed.reading(budget=budget).list(ALL_ENTRIES, after=after, limit=100)
        after, shown = page.next_after, shown + len(page.items)
        read += sum(int(call.split()[1]) for call in feed.calls if call.startswith("contents"))
    assert read <= 1.5 * 100
    assert budget.total >= (read - small) * 380_000 / 4_096


def test_a_page_of_small_events_takes_few_calls(feed: FakeFeed) -> None:
    for _ in range(100):
        feed.add(size=1_000)
    for limit, most in ((4, 1), (25, 2), (100, 3)):
        feed.calls.clear()
        feed.reading().list(ALL_ENTRIES, after=0, limit=limit)
        assert sum(call.startswith("contents") for call in feed.calls) == most


@pytest.mark.parametrize("size", [40_000, 300_000])
def test_large_contacts_of_a_reader_at_level_own_are_charged_by_size_and_end_the_walk(
    feed: FakeFeed, size: int
) -> None:
    for number in range(1_000):
        feed.add_contact(f"c{number}", "someone else", size=size)
        feed.add(entity_id=f"c{number}")
    after = 0
    while after < 1_000:
        budget = Budget()
        page = feed.reading(caller(contacts_read="own"), budget).list(ALL_ENTRIES, after=after, limit=100)
        assert page.next_after > after and page.items == [] and page.has_more == (page.next_after < 1_000)
        assert (
            (page.next_after - after) * size / 4_096 <= budget.total <= MAX_ROWS + 100 * (size // 4_096 + 2)
        )
        after = page.next_after


def test_an_event_that_cannot_be_read_is_an_entry_without_content(feed: FakeFeed) -> None:
    broken = feed.add()
    feed.contents[broken.id] = EventContent(None, 9_000)
    feed.add()
    budget = Budget()
    first, second = feed.reading(budget=budget).list(ALL_ENTRIES, after=0, limit=25).items
    assert (first.changes, first.data) == (None, None)
    assert second.changes is not None
    assert budget.total == 1 + 3 + 1
    assert feed.reading().read(broken.id) == first


def test_the_event_of_a_purged_contact_has_no_content(feed: FakeFeed) -> None:
    gone = feed.add()
    del feed.contents[gone.id]
    feed.add("contact.purged", version=2)
    first, second = feed.reading().list(ALL_ENTRIES, after=0, limit=25).items
    assert (first.changes, first.data) == (None, None)
    assert second.changes is not None
    assert feed.reading().read(gone.id) == first


# The audit log


def test_a_range_of_time_is_of_the_time_at_which_events_occurred(feed: FakeFeed) -> None:
    for days in (9, 8, 7, 6, 5):
        feed.add(at=ago(days))
    feed.add(at=ago(8), published_at=ago(4.9))  # late, and far after the end of the range
    feed.add(at=ago(7), published_at=ago(4.8))
    wanted = FeedFilter(first=ago(8), last=ago(6))
    page = feed.reading().list(wanted, after=None, limit=25)
    assert (positions(page), page.has_more) == ([2, 3, 4], False)
    assert page.next_after == 5  # within a day after the end, where late events may be
    assert positions(feed.reading().list(FeedFilter(last=ago(8)), after=None, limit=25)) == [1, 2]
    assert read_all(feed, FeedFilter(first=ago(8)), limit=1) == [2, 3, 4, 5, 6, 7]


def test_a_late_event_is_found_within_a_day_of_the_end_of_the_range(feed: FakeFeed) -> None:
    feed.add(at=ago(9))
    feed.add(at=ago(7.5))
    feed.add(at=ago(8.4), published_at=ago(7.1))
    assert read_all(feed, FeedFilter(first=ago(9), last=ago(8)), limit=1) == [1, 3]


def test_a_range_may_end_with_the_last_day_of_the_calendar(feed: FakeFeed) -> None:
    feed.add(at=ago(2))
    feed.add(at=ago(1))
    assert read_all(feed, FeedFilter(last=last_of("9999-12-31", "UTC"))) == [1, 2]
    assert read_all(feed, FeedFilter(first=first_of("1970-01-01", "UTC"))) == [1, 2]


def test_clocks_that_differ_hide_no_event(feed: FakeFeed) -> None:
    feed.add(at=ago(2), published_at=ago(2, seconds=50))
    feed.add(at=ago(1))
    assert read_all(feed, FeedFilter(first=ago(2))) == [1, 2]


def test_a_range_is_read_from_its_beginning_even_after_an_older_position(feed: FakeFeed) -> None:
    for days in range(29, 0, -1):
        feed.add(at=ago(days))
    page = feed.reading().list(FeedFilter(first=ago(2)), after=3, limit=25)
    assert positions(page) == [28, 29]
    assert feed.calls == ["head", "read", "position_at", "read", "contents 2"]
    page = feed.reading().list(FeedFilter(first=ago(20)), after=28, limit=25)
    assert positions(page) == [29]


def test_the_audit_log_goes_back_400_days_for_those_who_may_read_it(feed: FakeFeed) -> None:
    for days in (401, 399, 31, 1):
        feed.add(at=ago(days))
    log = FeedFilter(first=ago(500))
    auditor = caller(contacts_read="all", audit_read="all")
    assert read_all(feed, log, limit=1) == read_all(feed, log, caller=auditor, limit=1) == [2, 3, 4]
    assert positions(feed.reading().list(log, after=1, limit=25)) == [2, 3, 4]
    assert positions(feed.reading().list(FeedFilter(last=ago(30)), after=None, limit=25)) == [2, 3]
    with pytest.raises(PositionExpired):
        feed.reading().list(log, after=0, limit=25)
    for who in (caller(contacts_read="all"), caller(contacts_read="all", audit_read="own")):
        for wanted in (log, FeedFilter(last=ago(31)), FeedFilter(first=ago(31), last=ago(1))):
            with pytest.raises(PermissionDenied) as caught:
                feed.reading(who).list(wanted, after=None, limit=25)
            assert "audit:read" in caught.value.detail
        assert positions(feed.reading(who).list(FeedFilter(first=ago(29)), after=None, limit=25)) == [4]
        with pytest.raises(PositionExpired):
            feed.reading(who).list(FeedFilter(first=ago(29)), after=1, limit=25)


# One event, and the start of a replica


def test_an_event_is_read_by_its_id_as_long_as_its_entry(feed: FakeFeed) -> None:
    old, recent = feed.add(at=ago(31)), feed.add(at=ago(1))
    ancient = feed.add(at=ago(401))
    regular = caller(contacts_read="all")
    assert feed.reading(regular).read(recent.id).position == 2
    assert feed.reading().read(old.id).position == 1
    for who, event_id in ((regular, old.id), (regular, "x"), (regular, ""), (None, ancient.id)):
        with pytest.raises(NotFound) as caught:
            (feed.reading(who) if who else feed.reading()).read(event_id)
        assert caught.value.detail == "Event not found."


def test_a_search_for_an_event_is_charged(feed: FakeFeed) -> None:
    entries = [feed.add() for _ in range(100)]
    budget = Budget()
    feed.reading(budget=budget).read(entries[-1].id)
    assert budget.total == 10 + 1


@pytest.mark.parametrize(
    ("checkpoint", "position"),
    [
        (ago(seconds=100), 2),
        (f"{ago(seconds=100)}#{'0' * 8}", 2),
        (ago(seconds=59), 2),
        (ago(seconds=0), 3),
        (ago(seconds=600), 1),
        (ago(40), 1),
        (None, 1),
    ],
)
def test_a_replica_starts_after_what_the_sweep_has_checked(
    feed: FakeFeed, checkpoint: str | None, position: int
) -> None:
    """Checked: published and projected. The clocks of writer and publisher may differ by a minute."""
    feed.add(at=ago(31))
    feed.add(at=ago(seconds=300))
    feed.add(at=ago(seconds=70))
    feed.add(at=ago(seconds=10))
    feed.checkpoint = checkpoint
    start = feed.reading().start()
    assert start.position == position
    assert "sort=created_at" in start.snapshot
    assert feed.reading(now=NOW).list(ALL_ENTRIES, after=start.position, limit=25).items
