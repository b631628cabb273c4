"""check 99: tenants are projected side by side, and so are the calls of each that do not depend on each other."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from functions.changes import on_stream_project
from shared.domain.errors import Unavailable
from shared.domain.ids import derived_id
from shared.projections.comparison import find_discrepancies
from shared.projections.engine import Projection
from shared.services.side_by_side import SideBySide
from shared.table.item import Item
from shared.table.keys import contacts as contact_keys
from shared.table.keys.spelling import tenant_of_item
from shared.table.store import Store
from tests.unit.projections.busy_table import BusyTable


def contact(tenant: str, number: int, version: int = 1, *, company: str = "", tag: str = "vip") -> Item:
    """Return the item of a tenant's contact of that number, which contacts of other tenants may share."""
    contact_id = derived_id(1_750_000_000_000 + number, str(number))
    texts = {"id": contact_id, "first_name": "Ann", "last_name": f"Row{number}x{version}", "company": company}
    texts |= {"email": f"ann{number}@example.com", "full_name": f"Ann Row{number}x{version}"}
    texts |= {"created_at": "2026-05-04T09:00:00.000Z", "updated_at": f"2026-05-04T09:00:0{version}.000Z"}
    return {
        **contact_keys.contact(tenant, contact_id),
        **{name: {"S": text} for name, text in texts.items()},
        "tag_ids": {"L": [{"S": tag}]},
        "version": {"N": str(version)},
    }


def project(table: BusyTable, images: Sequence[Item]) -> dict[str, Exception]:
    store = Store(table, "table", sleep=lambda seconds: None)
    return Projection(store).project_each_tenant(images)


def differences(table: BusyTable, records: Sequence[Item], tenant: str) -> Any:
    present = [item for item in (*table.memory.all(), *records) if tenant_of_item(item) == tenant]
    return find_discrepancies(tenant, present)


def test_calls_that_do_not_depend_on_each_other_are_under_way_together() -> None:
    table = BusyTable(seconds=0.002)
    images = [contact("t1", number) for number in range(100)]
    assert project(table, images) == {}
    assert differences(table, images, "t1") == ({}, [])
    assert 1 < table.most_at_once <= 8


def test_transactions_of_one_tenant_never_meet() -> None:
    """They all change the tenant's counters: DynamoDB would cancel those that meet."""
    table = BusyTable(seconds=0.002)
    tenants = ["t1", "t2", "t3", "t4", "t5", "t6"]
    images = [contact(tenant, number) for number in range(60) for tenant in tenants]
    assert project(table, images) == {}
    assert table.conflicts == 0
    assert [tenant for tenant in tenants if differences(table, images, tenant) != ({}, [])] == []


def test_contacts_of_one_company_are_in_one_transaction() -> None:
    table = BusyTable()
    images = [contact("t1", number, company=f"Company {number % 25}") for number in range(100)]
    assert project(table, images) == {}
    assert differences(table, images, "t1") == ({}, [])
    # A hundred rows, three items for each company, and the counters. In the order of the batch there would be five.
    assert table.calls["transact_write_items"] == 3


def test_a_tenant_whose_keys_are_hot_holds_up_no_other() -> None:
    table = BusyTable(refuses=lambda key: key["PK"]["S"].startswith("T#hot#LIST#name"))
    images = [contact(tenant, number) for number in range(3) for tenant in ("t1", "hot", "t2")]
    failures = project(table, images)
    assert {tenant: type(failure) for tenant, failure in failures.items()} == {"hot": Unavailable}
    assert [differences(table, images, tenant) for tenant in ("t1", "t2")] == [({}, [])] * 2
    assert differences(table, images, "hot") != ({}, [])


@pytest.mark.parametrize("seed", range(5))
def test_projectors_at_the_same_time_end_with_what_the_records_say(seed: int) -> None:
    """Two projectors have the same batches, in other portions, and their calls and transactions do meet."""
    chosen = random.Random(seed)
    table = BusyTable(seconds=0.0005)
    tenants = ("t1", "t2", "t3")
    latest: dict[tuple[str, int], Item] = {}
    images: list[Item] = []
    for version in (1, 2, 3):
        for tenant in tenants:
            for number in range(15):
                company, tag = chosen.choice(["", "Acme", "Bolt"]), chosen.choice(["vip", "new"])
                image = contact(tenant, number, version, company=company, tag=tag)
                if version == 3 and chosen.random() < 0.3:
                    image = {**image, "deleted_at": {"S": "2026-05-04T10:00:00.000Z"}}
                images.append(image)
                latest[tenant, number] = image

    def work(portion: int) -> None:
        for start in range(0, len(images), portion):
            batch = images[start : start + portion]
            for _ in range(50):  # as the stream repeats what failed
                if not project(table, batch):
                    break
            else:
                failed.append(portion)

    failed: list[int] = []
    workers = [threading.Thread(target=work, args=(portion,)) for portion in (45, 31)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failed == []
    records = list(latest.values())
    assert [tenant for tenant in tenants if differences(table, records, tenant) != ({}, [])] == []


def test_the_first_change_of_a_tenant_that_failed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    table = BusyTable(refuses=lambda key: key["PK"]["S"].startswith("T#hot#"))
    projection = Projection(Store(table, "table", sleep=lambda seconds: None))
    monkeypatch.setattr(on_stream_project, "projection", lambda: projection)
    images = [
        contact(tenant, number)
        for tenant, number in (("t1", 1), ("t2", 1), ("hot", 1), ("t1", 2), ("hot", 2))
    ]
    records = [
        {
            "dynamodb": {
                "SequenceNumber": str(100 + place),
                "Keys": {name: image[name] for name in ("PK", "SK")},
                "NewImage": image,
            }
        }
        for place, image in enumerate(images)
    ]
    report = on_stream_project.handler({"Records": records}, None)
    assert report == {"batchItemFailures": [{"itemIdentifier": "102"}]}
    assert [differences(table, images, tenant) for tenant in ("t1", "t2")] == [({}, [])] * 2
    assert on_stream_project.handler({"Records": records[:2]}, None) == {"batchItemFailures": []}
    with pytest.raises(Unavailable):
        on_stream_project.handler({"Records": [records[2], records[4]]}, None)


def test_a_failure_is_raised_when_what_is_under_way_has_ended() -> None:
    is_failing, ended = threading.Event(), []

    def fail() -> None:
        is_failing.set()
        raise Unavailable()

    def end_later() -> None:
        is_failing.wait()
        time.sleep(0.05)
        ended.append(True)

    threads = SideBySide(2)
    with pytest.raises(Unavailable):
        threads.run([end_later, fail])
    assert ended == [True]
    assert threads.run([lambda: 1, lambda: 2]) == [1, 2]
