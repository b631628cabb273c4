"""Invented contacts of many languages, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from shared.domain import timestamps
from shared.domain.contacts.record import Contact
from shared.domain.ids import derived_id

# fmt: off
_FIRST = (
    "Ada", "José", "Maria", "Jürgen", "Zoë", "Łukasz", "Anna", "Olga", "Wei", "Li", "Min-jun", "Yuki",
    "Haruto", "Sofía", "Noah", "Emma", "Liam", "Olivia", "Mehmet", "Ayşe", "Fatima", "Omar", "Priya", "Arjun",
    "Chloé", "François", "Giulia", "Marco", "Ingrid", "Åsa", "Søren", "Nguyễn", "Linh", "Kwame", "Amara",
    "Thabo", "Zanele", "Ivan", "Dmitri", "Elena",
)
_LAST = (
    "Smith", "Müller", "García", "Rossi", "Silva", "Nowak", "Kowalski", "Ivanov", "Petrov", "Kim", "Park",
    "Tanaka", "Sato", "Wang", "Zhang", "Chen", "Singh", "Patel", "Khan", "Ali", "Yılmaz", "Öztürk", "Dubois",
    "Lefèvre", "Jansen", "Visser", "Andersson", "Åström", "Hansen", "Nielsen", "O'Brien", "Murphy", "Okafor",
    "Mensah", "Dlamini", "Nkosi", "Novák", "Horváth", "Popescu", "Georgiou", "Cohen", "Haddad", "Nguyễn",
    "Trần", "Costa", "Fernández", "Straße", "Weiß", "Łoś",
)
_COMPANIES = (
    "",
    "",
    "Northwind",
    "Müller & Söhne",
    "Blue Lagoon Spa",
    "Atelier Zoë",
    "Kiez Salon",
    "Harbour Dental",
    "東京ヘア",
)
# fmt: on
_DOMAINS = ("example.com", "mail.example", "firma.example", "correo.example", "shop.example.org")
_COUNTRIES = (
    ("+1415555", 4),
    ("+4930901", 3),
    ("+442079460", 3),
    ("+3314567", 4),
    ("+81312345", 3),
    ("+5511987", 6),
)
TAGS = (("vip", 0.2), ("newsletter", 0.5), ("no-show", 0.05), ("spring", 0.3), ("wholesale", 0.02))
"""Tags, and the share of the contacts that has each."""


def contacts(count: int, seed: int = 1) -> Iterator[Contact]:
    """Yield `count` contacts, created a minute apart. Thirty of them, whatever the count, have the tag `gold`."""
    chosen = random.Random(seed)
    start = timestamps.to_milliseconds("2025-01-01T00:00:00.000Z")
    golden = set(range(0, count, max(1, count // 30)))
    for number in range(count):
        created = start + number * 60_000
        at = timestamps.from_milliseconds(created)
        first, last = chosen.choice(_FIRST), chosen.choice(_LAST)
        prefix, digits = chosen.choice(_COUNTRIES)
        booked = random.Random(number).randrange(4) if number % 3 == 0 else 0
        last_booking = timestamps.plus(at, 86_400 * booked) if booked else None
        tags = [tag for tag, part in TAGS if chosen.random() < part] + (["gold"] if number in golden else [])
        yield Contact.model_construct(
            id=derived_id(created, "people", str(seed), str(number)),
            first_name=first,
            last_name=last,
            full_name=f"{first} {last}",
            email=f"p{number}@{chosen.choice(_DOMAINS)}",
            phone=f"{prefix}{chosen.randrange(10**digits):0{digits}d}",
            company=chosen.choice(_COMPANIES),
            tag_ids=tags,
            owner_id=f"owner-{chosen.randrange(5)}",
            source=chosen.choice(("api", "api", "import", "booking")),
            is_active=chosen.random() < 0.9,
            total_bookings=booked,
            last_booking_at=last_booking,
            last_contacted_at=last_booking,
            created_at=at,
            created_by="user:owner-0",
            updated_at=at,
            updated_by="user:owner-0",
            last_event=derived_id(created, "event", str(number)),
        )
