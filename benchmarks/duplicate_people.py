"""A labelled set of invented people, some of whom were entered twice or three times.

It models the contacts of a business that takes bookings: private customers, employees of client companies, families
that share a telephone number, offices with one switchboard. Second entries of a person differ in the ways in which such
data differ: another address, a nickname, a typing error, an initial, swapped or unaccented names, another spelling of
the company. The set was written before the matching that it judges, and is not adapted to it.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

# fmt: off
_NICKNAMES = {
    "William": "Bill", "Robert": "Bob", "Elizabeth": "Liz", "Katherine": "Kate", "Michael": "Mike", "Thomas": "Tom",
    "James": "Jim", "Margaret": "Peggy", "Richard": "Rick", "Jennifer": "Jenny", "Christopher": "Chris",
    "Alexander": "Alex", "Benjamin": "Ben", "Daniel": "Dan", "Samuel": "Sam", "Joseph": "Joe", "Andrew": "Andy",
    "Patricia": "Pat", "Rebecca": "Becky", "Susan": "Sue", "Anthony": "Tony", "Nicholas": "Nick", "Matthew": "Matt",
    "Victoria": "Vicky", "Stephanie": "Steffi", "Johannes": "Hannes", "Francisco": "Paco", "Giuseppe": "Beppe",
}
_FIRST = (
    *_NICKNAMES, "Anna", "Marie", "Sophie", "Laura", "Julia", "Lena", "Sarah", "Nina", "Clara", "Emma", "Mia", "Paul",
    "Felix", "Lukas", "Jonas", "Leon", "Max", "Simon", "David", "Oskar", "Jürgen", "Jörg", "Björn", "Søren", "Zoë",
    "Chloé", "François", "André", "René", "José", "María", "Sofía", "Lucía", "Íñigo", "Marco", "Giulia", "Chiara",
    "Łukasz", "Małgorzata", "Agnieszka", "Ivan", "Olga", "Dmitri", "Elena", "Mehmet", "Ayşe", "Fatima", "Omar",
    "Priya", "Arjun", "Wei", "Yuki", "Haruto", "Linh", "Kwame", "Amara", "Thabo", "Ingrid", "Åsa", "Erik", "Peter",
    "Helen", "Ruth", "Grace", "Frank", "George", "Henry", "Walter", "Karen", "Diane", "Carol", "Brian", "Kevin",
)
_LAST = (
    "Smith", "Johnson", "Brown", "Taylor", "Wilson", "Davies", "Evans", "Walker", "Wright", "Robinson", "Thompson",
    "White", "Hughes", "Edwards", "Green", "Hall", "Wood", "Harris", "Clarke", "Jackson", "Turner", "Hill", "Cooper",
    "Morris", "Ward", "Moore", "Baker", "Carter", "Phillips", "Parker", "Bennett", "Murphy", "O'Brien", "Kelly",
    "Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Meyer", "Wagner", "Becker", "Schulz", "Hoffmann", "Koch",
    "Schäfer", "Krüger", "Weiß", "Großmann", "Jäger", "García", "Fernández", "López", "Martínez", "Sánchez", "Pérez",
    "Gómez", "Ruiz", "Díaz", "Muñoz", "Rossi", "Russo", "Ferrari", "Bianchi", "Romano", "Colombo", "Ricci", "Marino",
    "Dubois", "Lefèvre", "Moreau", "Laurent", "Girard", "Bonnet", "Nowak", "Kowalski", "Wiśniewski", "Wójcik",
    "Novák", "Svoboda", "Horváth", "Popescu", "Ivanov", "Petrov", "Sokolov", "Yılmaz", "Öztürk", "Demir", "Khan",
    "Patel", "Singh", "Sharma", "Gupta", "Wang", "Chen", "Nguyễn", "Trần", "Kim", "Tanaka", "Sato", "Okafor",
    "Mensah", "Dlamini", "Andersson", "Johansson", "Hansen", "Nielsen", "Åström", "Virtanen", "Jansen", "de Vries",
    "van den Berg", "Costa", "Silva", "Santos", "Pereira", "Haddad", "Cohen", "Levi", "Papadopoulos",
)
_COMPANIES = (
    "Northwind Traders", "Blue Lagoon Spa", "Harbour Dental", "Kiez Salon", "Atelier Zoë", "Riverside Physio",
    "Summit Consulting", "Green Leaf Catering", "Oak & Sons", "Müller Bau", "Praxis am Park", "Fjord Studio",
    "Casa Verde", "Lumen Photography", "Iron Gate Fitness", "Pixel Forge", "Old Town Legal", "Bright Minds Tutoring",
    "Cedar Architects", "Silver Fox Media", "Delta Logistics", "Morgenstern Verlag", "Nordlicht Energie",
    "Café Central", "Velo Werkstatt", "Quantum Labs", "Paws & Claws", "Second Skin Tattoo", "Stone Bridge Capital",
    "Wild Rose Events",
)
# fmt: on
_LEGAL_FORMS = ("Inc", "Ltd", "GmbH", "LLC", "S.A.")
_PRIVATE_DOMAINS = ("gmail.com", "gmail.com", "outlook.com", "yahoo.com", "gmx.de", "icloud.com", "web.de")
_KEYBOARD = "qwertyuiop asdfghjkl zxcvbnm"

PEOPLE = 2_000
"""Entries in the set."""


@dataclass(frozen=True, slots=True)
class Person:
    """An entry of a person, with the values that a contact has. `key`: a customer number of the business, if it is
    known. `person`: the number of the person, the label; `case`: how the entry came about."""

    person: int
    case: str
    first_name: str
    last_name: str
    email: str
    phone: str | None = None
    whatsapp: str | None = None
    company: str = ""
    key: str = ""


Change = Callable[["_Writer", Person], Person]


class _Writer:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.people: list[Person] = []
        self._persons = 0
        self._emails: set[str] = set()
        self._phones: set[str] = set()

    def new(
        self,
        case: str,
        *,
        company: str = "",
        last_name: str = "",
        phone: str | None = "new",
        names: Sequence[str] = _FIRST,
    ) -> Person:
        """Add a person who is not in the set yet, with one of some first `names`."""
        self._persons += 1
        first, last = self.random.choice(names), last_name or self.random.choice(_LAST)
        person = Person(
            self._persons,
            case,
            first,
            last,
            self.email(first, last, company),
            phone=self.phone() if phone == "new" else phone,
            company=company,
            key=f"K{self._persons:05}" if self.random.random() < 0.1 else "",
        )
        self.people.append(person)
        return person

    def again(self, case: str, before: Person, *changes: Change) -> Person:
        """Add another entry of a person, who gave an address of theirs that is not known yet."""
        entry = replace(
            before,
            case=case,
            key="",
            email=self.email(before.first_name, before.last_name, before.company),
        )
        for change in changes:
            entry = change(self, entry)
        self.people.append(entry)
        return entry

    def email(self, first: str, last: str, company: str) -> str:
        first, last = _ascii(first).lower(), _ascii(last).lower()
        at_work = company and self.random.random() < 0.6
        domain = f"{_ascii(company).lower()}.com" if at_work else self.random.choice(_PRIVATE_DOMAINS)
        forms = (
            f"{first}.{last}",
            f"{first[0]}{last}",
            f"{first}{last}",
            f"{last}.{first}",
            f"{first}_{last}",
        )
        local = self.random.choice(forms)
        while f"{local}@{domain}" in self._emails:
            local = f"{self.random.choice(forms)}{self.random.randrange(1, 1000)}"
        self._emails.add(f"{local}@{domain}")
        return f"{local}@{domain}"

    def phone(self) -> str:
        while True:
            number, digits = self.random.choice(
                (("+1415555", 4), ("+493090", 5), ("+4420794", 5), ("+33145", 6))
            )
            number += "".join(self.random.choices("0123456789", k=digits))
            if number not in self._phones:
                self._phones.add(number)
                return number


def _ascii(text: str) -> str:
    bare = text.replace("ł", "l").replace("Ł", "L").replace("ø", "o").replace("ß", "ss").replace("ı", "i")
    bare = unicodedata.normalize("NFKD", bare).encode("ascii", "ignore").decode()
    return "".join(letter for letter in bare if letter.isalnum())


# What differs between two entries of one person


def _other_mailbox_spelling(writer: _Writer, entry: Person) -> Person:
    first = next(one for one in writer.people if one.person == entry.person)
    local, _, domain = first.email.partition("@")
    if domain == "gmail.com" and writer.random.random() < 0.5:
        plain = local.replace(".", "")
        cut = writer.random.randrange(1, len(plain))
        local = f"{plain[:cut]}.{plain[cut:]}"
        domain = writer.random.choice(("gmail.com", "googlemail.com"))
    else:
        local += writer.random.choice(("+newsletter", "+booking", "+1", "+shop"))
    return replace(entry, email=f"{local}@{domain}")


def _nickname(writer: _Writer, entry: Person) -> Person:
    return replace(entry, first_name=_NICKNAMES[entry.first_name])


def _initial(writer: _Writer, entry: Person) -> Person:
    return replace(entry, first_name=entry.first_name[0] + writer.random.choice(("", ".")))


def _swapped(writer: _Writer, entry: Person) -> Person:
    return replace(entry, first_name=entry.last_name, last_name=entry.first_name)


def _unaccented(writer: _Writer, entry: Person) -> Person:
    def bare(text: str) -> str:
        return " ".join(_ascii(word) for word in text.split())

    return replace(entry, first_name=bare(entry.first_name), last_name=bare(entry.last_name))


def _typing_error(writer: _Writer, entry: Person) -> Person:
    if writer.random.random() < 0.4:
        return replace(entry, first_name=_mistype(writer.random, entry.first_name))
    return replace(entry, last_name=_mistype(writer.random, entry.last_name))


def _mistype(chosen: random.Random, word: str) -> str:
    if len(word) < 3:
        return word + word[-1]
    at = chosen.randrange(1, len(word) - 1)
    kind = chosen.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    beside = _KEYBOARD.find(_ascii(word[at]).lower() or "e") + 1
    return word[:at] + (_KEYBOARD[beside : beside + 1].strip() or "e") + word[at + 1 :]


def _middle_name(writer: _Writer, entry: Person) -> Person:
    return replace(entry, first_name=f"{entry.first_name} {writer.random.choice(_FIRST)}")


def _no_phone(writer: _Writer, entry: Person) -> Person:
    return replace(entry, phone=None)


def _new_phone(writer: _Writer, entry: Person) -> Person:
    return replace(entry, phone=writer.phone())


def _number_as_whatsapp(writer: _Writer, entry: Person) -> Person:
    return replace(entry, whatsapp=entry.phone, phone=None)


def _other_company_spelling(writer: _Writer, entry: Person) -> Person:
    kind = writer.random.randrange(3)
    if kind == 0:
        return replace(entry, company=f"{entry.company} {writer.random.choice(_LEGAL_FORMS)}")
    return replace(entry, company=entry.company.upper() if kind == 1 else entry.company.replace("&", "and"))


def _no_company(writer: _Writer, entry: Person) -> Person:
    return replace(entry, company="")


def _other_last_name(writer: _Writer, entry: Person) -> Person:
    return replace(entry, last_name=writer.random.choice(_LAST))


def _same_key(writer: _Writer, entry: Person) -> Person:
    first = next(one for one in writer.people if one.person == entry.person)
    key = first.key or f"K{entry.person:05}"
    writer.people[writer.people.index(first)] = replace(first, key=key)
    return replace(entry, key=key)


_AGAIN: tuple[tuple[str, int, bool, tuple[Change, ...]], ...] = (
    # How the second entry came about; how often; whether the person works for a client company; what differs.
    ("another spelling of the mailbox", 30, False, (_other_mailbox_spelling,)),
    ("another spelling of the mailbox, no number", 20, False, (_other_mailbox_spelling, _no_phone)),
    ("another address", 45, False, ()),
    ("another address, nickname", 25, False, (_nickname,)),
    ("another address, unaccented", 20, False, (_unaccented,)),
    ("another address, typing error", 25, False, (_typing_error,)),
    ("another address, names swapped", 12, False, (_swapped,)),
    ("another address, initial", 10, False, (_initial,)),
    ("another address, married", 6, False, (_other_last_name,)),
    ("number given as WhatsApp", 12, False, (_number_as_whatsapp,)),
    ("colleague, another address and no number", 30, True, (_no_phone,)),
    ("colleague, another number", 15, True, (_new_phone,)),
    ("colleague, nickname", 20, True, (_nickname, _no_phone)),
    ("colleague, typing error", 30, True, (_typing_error, _no_phone)),
    ("colleague, names swapped", 14, True, (_swapped, _no_phone)),
    ("colleague, initial", 14, True, (_initial, _no_phone)),
    ("colleague, unaccented", 14, True, (_unaccented, _no_phone)),
    ("colleague, middle name", 10, True, (_middle_name, _no_phone)),
    ("colleague, company spelled differently", 20, True, (_other_company_spelling, _no_phone)),
    ("colleague, private entry", 10, True, (_no_company,)),
    ("customer number", 12, False, (_same_key, _new_phone, _typing_error)),
)


def make_people(seed: int = 16) -> list[Person]:
    """Return the set, PEOPLE entries in no particular order; the same for the same seed."""
    writer = _Writer(seed)
    for case, count, at_work, changes in _AGAIN:
        for number in range(count):
            company = writer.random.choice(_COMPANIES) if at_work else ""
            names = tuple(_NICKNAMES) if _nickname in changes else _FIRST
            first = writer.new("first entry", company=company, names=names)
            writer.again(case, first, *changes)
            if number % 12 == 11:
                writer.again("third entry", first)
    for _ in range(70):  # families with one number
        home, name = writer.phone(), writer.random.choice(_LAST)
        for _ in range(writer.random.choice((2, 2, 3, 4))):
            writer.new("family", last_name=name, phone=home)
    for _ in range(25):  # couples with two names and one number
        home = writer.phone()
        writer.new("couple", phone=home)
        writer.new("couple", phone=home)
    for company, size in zip(
        _COMPANIES, (80, 25, 18, 12, 9, 7, 5, 4), strict=False
    ):  # offices with one number
        switchboard = writer.phone()
        for _ in range(size):
            writer.new("office", company=company, phone=switchboard)
    while len(writer.people) < PEOPLE:
        company = writer.random.choice(_COMPANIES) if writer.random.random() < 0.3 else ""
        writer.new("once", company=company, phone=None if writer.random.random() < 0.25 else "new")
    writer.random.shuffle(writer.people)
    return writer.people[:PEOPLE]


def pairs_of(people: list[Person]) -> set[tuple[int, int]]:
    """Return the pairs of entries of the same person, each as two positions in the set, the smaller one first."""
    by_person: dict[int, list[int]] = {}
    for position, one in enumerate(people):
        by_person.setdefault(one.person, []).append(position)
    return {pair for positions in by_person.values() for pair in combinations(positions, 2)}
