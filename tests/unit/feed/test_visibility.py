"""Who sees which entries of the feed (check 109)."""

from __future__ import annotations

import pytest

from shared.domain.callers import PERMISSIONS, Caller
from shared.domain.errors import NotFound, PermissionDenied
from shared.domain.event_rights import EVENT_RIGHTS, right_in_feed
from shared.domain.events import EVENT_TYPES
from shared.domain.feed_views import ALL_ENTRIES
from tests.unit.feed.fake_feed import ADMIN, FakeFeed, caller

ADMINISTRATIVE = [one for one in EVENT_TYPES if EVENT_RIGHTS[one].permissions == ("tenant:admin",)]


def seen(feed: FakeFeed, who: Caller) -> list[int]:
    return [item.position for item in feed.reading(who).list(ALL_ENTRIES, after=0, limit=100).items]


@pytest.fixture
def feed() -> FakeFeed:
    """One event of each type, of an actor who is none of the callers, about contacts of nobody."""
    made = FakeFeed()
    for event_type in EVENT_TYPES:
        made.add(event_type, actor="user:someone")
    return made


def types_seen(feed: FakeFeed, who: Caller) -> set[str]:
    page = feed.reading(who).list(ALL_ENTRIES, after=0, limit=100)
    assert page.next_after == feed.given
    return {item.type for item in page.items}


def test_check_109_an_admin_sees_every_type_and_a_caller_without_rights_is_refused(feed: FakeFeed) -> None:
    assert types_seen(feed, ADMIN) == set(EVENT_TYPES)
    everything_else = {word.replace(":", "_"): "all" for word in PERMISSIONS}
    del everything_else["contacts_read"], everything_else["audit_read"]
    for who in (caller(), caller(audit_read="own"), caller(**everything_else)):
        for call in (
            lambda who=who: feed.reading(who).list(ALL_ENTRIES, after=None, limit=1),
            lambda who=who: feed.reading(who).read(feed.entries[0].id),
            lambda who=who: feed.reading(who).start(),
        ):
            with pytest.raises(PermissionDenied):
                call()


def test_check_109_administrative_entries_take_audit_read_and_that_shows_no_others(feed: FakeFeed) -> None:
    assert {"user.updated", "tenant.updated", "api_client.created"} <= set(ADMINISTRATIVE)
    assert types_seen(feed, caller(audit_read="all")) == set(ADMINISTRATIVE)
    without = caller(**{word.replace(":", "_"): "all" for word in PERMISSIONS if word != "audit:read"})
    assert types_seen(feed, without).isdisjoint(ADMINISTRATIVE)
    assert types_seen(feed, caller("user", contacts_read="all")).isdisjoint(ADMINISTRATIVE)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_check_109_each_type_takes_in_the_feed_what_it_takes_of_a_webhook_but_for_administration(
    event_type: str,
) -> None:
    expected = ("audit:read",) if event_type in ADMINISTRATIVE else EVENT_RIGHTS[event_type].permissions
    right = right_in_feed(event_type)
    assert right is not None
    assert (right.permissions, right.reach) == (expected, EVENT_RIGHTS[event_type].reach)


def test_a_type_without_rights_is_shown_to_no_caller(feed: FakeFeed) -> None:
    unknown = feed.add("contact.forgotten")
    assert types_seen(feed, ADMIN) == set(EVENT_TYPES)
    with pytest.raises(NotFound):
        feed.reading().read(unknown.id)


def test_check_109_at_level_own_a_caller_sees_entries_of_own_contacts_and_of_labels() -> None:
    feed = FakeFeed()
    feed.add_contact("owned", "u1")
    feed.add_contact("organized", "u2", "u3", "u1")
    feed.add_contact("other", "u2")
    feed.add_contact("nobody's", None)
    for entity_id in ("owned", "organized", "other", "nobody's", "purged"):
        for event_type in ("contact.updated", "note.created"):
            feed.add(event_type, entity_id=entity_id)
    feed.add("tag.created", entity="tag")
    feed.add("customer.updated", entity="customer", entity_id="owned")
    feed.add("user.updated", entity="user", entity_id="u1")
    feed.add("import.completed", entity="import")
    for who in (
        caller(contacts_read="own"),
        caller("user", contacts_read="own"),
        caller(**{word.replace(":", "_"): "own" for word in PERMISSIONS}),
    ):
        feed.calls.clear()
        assert seen(feed, who) == [1, 2, 3, 4, 11]
        assert feed.calls.count("contacts 5") == 1  # each contact once
    assert len(seen(feed, caller("user", contacts_read="all"))) == 12
    hidden = feed.entries[4]
    with pytest.raises(NotFound):
        feed.reading(caller(contacts_read="own")).read(hidden.id)


def test_check_109_jobs_and_exports_are_seen_by_those_who_started_them_and_by_admins() -> None:
    feed = FakeFeed()
    for actor in ("client:u1", "user:u1", "client:u2"):
        feed.add("bulk_job.completed", entity="bulk_job", actor=actor)
        feed.add("export.completed", entity="export", actor=actor)
    assert seen(feed, ADMIN) == [1, 2, 3, 4, 5, 6]
    for level in ("all", "own"):
        assert seen(feed, caller(contacts_read=level, exports_run=level)) == [1, 2]
        assert seen(feed, caller(contacts_read=level)) == [1]
    assert seen(feed, caller("user", contacts_read="all")) == [3, 4]  # a user may run exports
