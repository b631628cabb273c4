"""Files to import of any size, the same for the same number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

HEADER = "First Name,Last Name,Email,Phone,Company,Job Title,Tags\n"
_FIRST = ("Ada", "José", "Maria", "Jürgen", "Zoë", "Łukasz", "Anna", "Olga", "Wei", "Fatima", "Noah", "Priya")
_LAST = (
    "Smith",
    "Müller",
    "García",
    "Rossi",
    "Nowak",
    "Ivanov",
    "Kim",
    "Tanaka",
    "Singh",
    "Dubois",
    "O'Brien",
)
_TITLES = ("Programmer", "Head of Sales", "", "Owner", "Assistant")
_TAGS = ("vip", '"vip, newsletter"', "", "newsletter")


def lines(rows: int) -> Iterator[str]:
    """Yield the lines of a file: its header, and then people with different addresses."""
    yield HEADER
    for n in range(rows):
        yield (
            f"{_FIRST[n % 12]},{_LAST[n % 11]},p{n}@example.com,+1 415-555-{n % 10_000:04d},"
            f"Company {n % 97},{_TITLES[n % 5]},{_TAGS[n % 4]}\n"
        )


def write(path: Path, rows: int) -> None:
    """Write a file of so many rows."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines(rows))
