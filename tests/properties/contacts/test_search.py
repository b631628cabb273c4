"""A contact is found by every text it shows, in any script, and by no text that it does not have: check 104."""

from __future__ import annotations

import unicodedata
from typing import Any

import phonenumbers
import pytest
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from benchmarks.scale import MemoryStore
from shared.domain.callers import Caller
from shared.domain.contacts.cleaning import clean
from shared.domain.contacts.filter import ContactFilter
from shared.domain.contacts.inputs import ContactInput
from shared.domain.contacts.record import Contact
from shared.domain.contacts.search import numbers_of, terms_of_contact
from shared.domain.errors import Invalid
from shared.domain.ids import new_id
from shared.domain.labels.record import NO_LABELS
from shared.domain.search import MAX_TERMS, fold, forms_of, indexed
from shared.domain.stamp import Stamp
from shared.domain.tenant import TenantSettings
from shared.projections.comparison import build_expected
from shared.services.contacts.lists import ContactLists
from shared.services.reading_budget import Budget
from shared.table.contacts import items as contact_items
from shared.table.contacts.index import ContactIndex
from shared.table.cursors import Cursors
from tests.support.budgets import repetitions
from tests.support.item_size import item_size

TENANT = "t1"
ADMIN = Caller(TENANT, "user", "u1", "admin")


class Labels:
    def recent(self) -> Any:
        return NO_LABELS


class Nobody:
    def all_owners_of_email(self, email: str, *, limit: int) -> list[str]:
        return []


def contact(country: str = "GB", **given: Any) -> Contact:
    """Return the contact that the API creates from the given fields."""
    fields = ContactInput.model_validate(
        {"first_name": "Zz", "email": "zz@zz.example", **given}
    ).given_fields()
    made, _ = Contact.create(
        clean(
            {name: value for name, value in fields.items() if value}, TenantSettings(default_country=country)
        ),
        contact_id=new_id(),
        stamp=Stamp(new_id(), "2026-01-01T00:00:00.000Z", ADMIN),
        source="api",
    )
    return made


def lists_over(store: MemoryStore) -> ContactLists:
    index: Any = ContactIndex(store, TENANT, Budget.unlimited())  # type: ignore[arg-type]
    labels: Any = Labels()
    return ContactLists(ADMIN, index, Nobody(), labels, Cursors(b"key"), Budget.unlimited())


class Book:
    """Contacts and their projections."""

    def __init__(self, *contacts: Contact, country: str = "GB") -> None:
        self._country = country
        self._contacts = contacts
        self.rows = build_expected(TENANT, (contact_items.contact_to_item(TENANT, one) for one in contacts))
        self._lists = lists_over(MemoryStore.of(self.rows))

    def found(self, search: str) -> set[str]:
        """Return the ids of the contacts that a search finds, with the index in pages of one; matching rows agrees."""
        wanted = ContactFilter.of(
            {"search": search}, TenantSettings(default_country=self._country), NO_LABELS.find
        )
        ids: list[str] = []
        cursor: str | None = None
        while True:
            page = self._lists.list(wanted, sort=None, limit=1, cursor=cursor)
            ids += [one.id for one in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert len(ids) == len(set(ids))
        assert set(ids) == {one.id for one in self._contacts if wanted.matches(one)}
        return set(ids)


SCRIPTS = {
    "latin": "aeknorstzAEKÉéèüÜöøłßñçİıŻŐœ",
    "cyrillic": "абвийёіїўЙЁҐдн",
    "greek": "αβγάέήςσΣΏ",
    "arabic": "ابتثجمهويىكئأآ\u064b\u0651\u0640",
    "persian": "یکگچپژمنه",
    "hebrew": "אבגשתךם\u05b8\u05bc",
    "devanagari": "रमपसनकािीेोौं्ःज़",
    "tamil": "தமிழ்நாடுபாகெொ",
    "thai": "กขคนมอะาำิีุู้่์",
    "chinese": "王小明李華陈东京",
    "japanese": "がかきぎパハ東京ｶﾞー・ヴ々",
    "korean": "김기가각철수이영희",
    "emoji": "🎉👍🏽👩💻❤🇩🇪★©",
    "full width": "ＡＢｃ１２＠．",
    "digits": "0123456789٣٤१२",
}  # fmt: skip
INVISIBLE = ["\u00ad", "\u200b", "\u2060", "\ufeff", "\u200e"]
JOINERS = ["\u200c", "\u200d", "\ufe0f", "\u0301", "\u0308"]
PUNCTUATION = [*".-_'’`´&@+#/!?:()\"“«·,;*%$~|<>…–、。", "++", "--", "'s"]


@st.composite
def words(draw: st.DrawFn) -> str:
    letters = draw(st.sampled_from(sorted(SCRIPTS.values())))
    pieces = draw(st.lists(st.text(letters, min_size=1, max_size=5), min_size=1, max_size=3))
    joints = st.sampled_from([*PUNCTUATION, *INVISIBLE, *JOINERS, "", ""])
    word = pieces[0] + "".join(draw(joints) + piece for piece in pieces[1:])
    return (
        draw(st.sampled_from(["", "", "", *PUNCTUATION]))
        + word
        + draw(st.sampled_from(["", "", *PUNCTUATION]))
    )


def lines(most: int) -> st.SearchStrategy[str]:
    parts = st.one_of(words(), words(), words(), st.sampled_from(PUNCTUATION))
    return st.lists(parts, min_size=1, max_size=most).map(" ".join)


LOCAL = st.from_regex(
    r"[a-z0-9][a-z0-9_+'=&!#-]{0,6}(\.[a-z0-9_+-]{1,5})?", fullmatch=True
) | st.sampled_from(
    ["ann_lee", "kim+news", "mary-jane", "jörg", "o'neil", "用户", "юзер", "{x}y", "_ann", "a.b.c.d"]
)
DOMAIN = st.sampled_from(
    [
        "example.com",
        "bücher.example",
        "mail.shop-1.example.co.uk",
        "пример.рф",
        "例え.jp",
        "xn--bcher-kva.example",
    ]
)
ADDRESS = st.tuples(LOCAL, DOMAIN).map("@".join)


@st.composite
def contacts(draw: st.DrawFn) -> Contact:
    try:
        return contact(
            first_name=draw(lines(2)),
            last_name=draw(st.just("") | lines(3)),
            company=draw(st.just("") | lines(6)),
            email=draw(ADDRESS),
            other_emails=draw(st.lists(ADDRESS, max_size=3)),
        )
    except (Invalid, ValidationError):
        reject()


def written_domain(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('ascii').decode('idna') if 'xn--' in domain else domain}"


def shown(one: Contact) -> list[str]:
    """Yield all texts that a contact shows, whole and in parts."""
    texts = [one.full_name, one.first_name, one.last_name, one.company]
    whole = [text for text in texts if text]
    whole += [word for text in whole for word in text.split()]
    for address in (one.email, *one.other_emails):
        assert address is not None
        for spelling in {address, written_domain(address)}:
            whole += [spelling[:end] for end in range(3, len(spelling) + 1)]
            whole.append(spelling.rpartition("@")[2])
    return whole


def is_of_a_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN" or unicodedata.category(character) == "So"


@settings(max_examples=repetitions(20), suppress_health_check=list(HealthCheck))
@given(contacts(), contacts())
def test_a_contact_is_found_by_all_texts_it_shows_and_by_no_other(one: Contact, other: Contact) -> None:
    """check 104"""
    book = Book(one, other)
    texts = [one_text for text in shown(other) for one_text in forms_of(text)]
    for search in shown(one):
        if not fold(search).strip():
            continue
        found = book.found(search)
        assert one.id in found, search
        if other.id in found:
            parts = fold(search).split()
            # Parts without a word count only if there is no other part.
            parts = [part for part in parts if any(is_of_a_word(character) for character in part)] or parts
            bare = [part.strip("\"'([{<,;:!?)]}>.") for part in parts]
            assert all(any(part in text for text in texts) for part in bare), search


@pytest.mark.parametrize(
    "company",
    ["Booking.com", "J.R.R. Tolkien", "Node.js", "Web 2.0", "H@ckers", "O'Brien", "AT&T", "C++", "C#", ".NET",
     "Yahoo! (Japan)", "24/7", "Smith & Sons", "?", "&", "🎉", "می\u200cخواهم", "soft\u00adware", "zero\u200bwidth",
     "ＦＵＬＬ", "A–B"],
)  # fmt: skip
def test_a_name_with_punctuation_is_found_by_exactly_this_and_by_each_of_its_words(company: str) -> None:
    """check 104: and not by a text that shares a letter or a part with it."""
    alike = [
        "Booker Comm",
        "Jr Tolkienist",
        "Nodejs",
        "Web 20",
        "Hackers",
        "OBrien",
        "ATT",
        "Carl",
        "Cc",
        "Netflix",
    ]
    one = contact(company=company)
    book = Book(one, *(contact(company=text) for text in alike))
    for search in (company, company.upper(), company.lower(), *company.split()):
        assert one.id in book.found(search), search
    if company not in ("Web 2.0", "24/7"):
        assert book.found(company) == {one.id}


@pytest.mark.parametrize(
    ("search", "finds", "passes_over"),
    [
        ("राम", "राम", "रोमा"),
        ("रोमा", "रोमा", "राम"),
        ("तमिल", "तमिल", "तमाल"),
        ("நாடு", "நாடு", "நாடி"),
        ("กิน", "กิน", "กัน"),
        ("かき", "かき", "がき"),
        ("기", "기영", "김철수"),
        ("가", "가영", "각희"),
        ("мои", "мои", "мой"),
        ("ί", "Ιωάννα", "Ωάννα"),
        ("ёлка", "елка", "йлка"),
        ("muller", "Müller", "Miller"),
        ("MUELLER", "Müller", "Muoller"),
        ("mu\u0308ller", "Müller", "Miller"),
        ("jose", "José", "Joss"),
        ("شَمس", "شمس", "شمع"),
        ("علي", "علی", "علا"),
        ("שָׁלוֹם", "שלום", "שלים"),
        ("ｶﾞ", "ガス", "カス"),
        ("strasse", "Straße", "Strase"),
        ("o’brien", "O'Brien", "Obrien"),
        ("c++", "C++", "Carl"),
        (".net", ".NET", "Netflix"),
        ("١٢٣", "123", "132"),
    ],
)  # fmt: skip
def test_accents_do_not_count_and_vowels_do(search: str, finds: str, passes_over: str) -> None:
    """check 104"""
    one, other = contact(first_name=finds), contact(first_name=passes_over)
    assert Book(one, other).found(search) == {one.id}


@pytest.mark.parametrize(
    "search",
    ["jörg", "joerg", "jorg", "JÖRG@BÜCHER", "jörg@bücher.example", "joerg@buecher.ex", "bücher.example", "bucher",
     "buecher.example", "@bücher.example", "xn--bcher-kva.example", "jörg@xn--bcher", "<jörg@bücher.example>"],
)  # fmt: skip
def test_an_international_address_is_found_as_it_is_written_and_as_it_is_stored(search: str) -> None:
    one, other = contact(email="jörg@bücher.example"), contact(email="jan@buch.example")
    assert Book(one, other).found(search) == {one.id}


@pytest.mark.parametrize(
    "search", ["news", "kim+news", "lee", "ann_lee", "jane", "mary-jane", "mary-jane@ex"]
)
def test_an_address_is_found_by_words_inside_its_local_part(search: str) -> None:
    addresses = ["kim+news@example.com", "ann_lee@example.com", "mary-jane@example.com"]
    book = Book(*(contact(email=address) for address in addresses), contact(email="annlee@example.com"))
    assert len(book.found(search)) == 1


COUNTRIES = [
    "US",
    "GB",
    "DE",
    "FR",
    "IT",
    "ES",
    "BR",
    "AR",
    "MX",
    "IN",
    "JP",
    "AU",
    "RU",
    "HU",
    "ZA",
    "CN",
    "IL",
    "CH",
]


@st.composite
def numbers(draw: st.DrawFn) -> phonenumbers.PhoneNumber:
    kinds = [phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE]
    region, kind = draw(st.sampled_from(COUNTRIES)), draw(st.sampled_from(kinds))
    example = phonenumbers.example_number_for_type(region, kind)
    digits = str(example.national_number)[:-4] + draw(st.text("0123456789", min_size=4, max_size=4))
    number = phonenumbers.PhoneNumber(
        country_code=example.country_code,
        national_number=int(digits),
        italian_leading_zero=example.italian_leading_zero,
        number_of_leading_zeros=example.number_of_leading_zeros,
    )
    assume(phonenumbers.is_valid_number(number))
    return number


FULL_WIDTH = str.maketrans("0123456789+", "０１２３４５６７８９＋")


@settings(max_examples=repetitions(50))
@given(number=numbers(), other=numbers(), country=st.sampled_from(COUNTRIES))
def test_a_number_is_found_as_people_of_the_tenants_country_write_it(
    number: phonenumbers.PhoneNumber, other: phonenumbers.PhoneNumber, country: str
) -> None:
    """check 104"""
    form = phonenumbers.PhoneNumberFormat
    e164 = phonenumbers.format_number(number, form.E164)
    assume(e164 != phonenumbers.format_number(other, form.E164))
    written = [
        e164,
        e164[1:],
        f"00{e164[1:]}",
        phonenumbers.format_number(number, form.INTERNATIONAL),
        phonenumbers.format_number(number, form.RFC3966),
        # The tilde in Russia's 8~10 marks the wait for a tone.
        phonenumbers.format_out_of_country_calling_number(number, country).replace("~", " "),
        phonenumbers.format_number(number, form.INTERNATIONAL) + " ext. 12",
    ]
    if country in phonenumbers.region_codes_for_country_code(number.country_code):
        national = phonenumbers.format_number(number, form.NATIONAL)
        written += [national, national.replace(" ", ""), national + " x12", national.translate(FULL_WIDTH)]
    one = contact(phone=e164)
    book = Book(one, contact(phone=phonenumbers.format_number(other, form.E164)), country=country)
    for search in written:
        assert one.id in book.found(search), search
    assert book.found(e164) == {one.id}
    assert all(one.id in book.found(e164[-length:]) for length in (4, 7))


@pytest.mark.parametrize(
    ("search", "country"),
    [
        ("020 7946 0958", "GB"),
        ("+44 (0)20 7946 0958", "GB"),
        ("(020) 7946 0958", "GB"),
        ("0044 20 7946 0958", "GB"),
        ("011 44 20 7946 0958", "US"),
        ("0044 20 7946 0958", "US"),
        ("020 7946 0958 ext. 12", "GB"),
        ("020 7946 0958 x12", "GB"),
        ("０２０ ７９４６ ０９５８", "GB"),
        ("٠٢٠ ٧٩٤٦ ٠٩٥٨", "GB"),
        ("tel:+44-20-7946-0958", "DE"),
        ("0958", "US"),
        ("7946 0958", "US"),
    ],
)
def test_a_stored_number_is_found_by(search: str, country: str) -> None:
    one, other = contact(phone="+442079460958"), contact(phone="+442079460959")
    assert Book(one, other, country=country).found(search) == {one.id}


def test_a_whole_number_does_not_find_one_that_ends_with_it() -> None:
    one, longer = contact(phone="+41212340000"), contact(phone="+4941212340000")
    book = Book(one, longer, country="CH")
    for search in ("+41212340000", "+41 21 234 00 00", "+41 (0)21 234 00 00", "021 234 00 00"):
        assert book.found(search) == {one.id}
    assert book.found("212340000") == {one.id, longer.id}


@pytest.mark.parametrize("search", ["1-800-FLOWERS", "1 800 356 9377"])
def test_a_vanity_number_is_found_by_its_word(search: str) -> None:
    one = contact(phone="+18003569377", country="US")
    assert Book(one, country="US").found(search) == {one.id}


@pytest.mark.parametrize("search", ["415-555-XXXX", "4155559998", "X 4155559999"])
def test_a_number_with_a_mask_or_a_word_finds_no_contact_by_it(search: str) -> None:
    assert Book(contact(phone="+14155559999", country="US"), country="US").found(search) == set()


def largest() -> Contact:
    words = [f"w{number:02}x" for number in range(40)]
    return contact(
        first_name="Anna Maria Luise",
        last_name="von der Heide",
        company=" ".join(words),
        email="first.last@example.com",
        other_emails=[f"person.number{number}@mail{number}.example.com" for number in range(20)],
    )


def test_a_contact_of_many_addresses_and_words_is_found_by_each() -> None:
    """check 104: at least 120 terms; the names come first in any case."""
    one = largest()
    book = Book(one)
    for search in shown(one):
        assert book.found(search) == {one.id}, search


def test_a_contact_has_at_most_200_terms_and_its_name_is_among_them() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    one = contact(
        first_name="Anna",
        last_name="Heide",
        company=" ".join(f"{first}{second}" for first in letters for second in letters)[:200],
        email="first@example.com",
        other_emails=[".".join(letters[:30]) + f"{number}@example.com" for number in range(20)],
    )
    assert len(terms_of_contact(one)) == MAX_TERMS
    book = Book(one)
    for search in (one.full_name, *(one.company.split()), *one.other_emails, "example.com"):
        assert book.found(search) == {one.id}, search


def test_a_term_row_is_one_write_unit_whatever_the_contact_has() -> None:
    wide = "東京" * 15
    many = contact(
        first_name=wide,
        last_name=wide,
        company=" ".join(chr(0x4E00 + number) * 3 for number in range(50)),
        other_emails=[f"{'u' * 60}{number}@{'d' * 60}.{'e' * 60}.example.com" for number in range(20)],
    )
    for one in (largest(), many):
        rows = [row for place, row in Book(one).rows.items() if "#TERM#" in place[0]]
        assert len(rows) == len(indexed(terms_of_contact(one))) <= MAX_TERMS
        assert max(map(item_size, rows)) <= 1024


def test_addresses_that_differ_only_after_the_indexed_part_are_found_separately() -> None:
    start = "a" * 60
    one = contact(email=f"{start}x1@{'b' * 50}.example.com")
    other = contact(email=f"{start}x1@{'b' * 50}.example.org")
    book = Book(one, other)
    assert book.found(str(one.email)) == {one.id}
    assert book.found(start) == {one.id, other.id}


def test_a_search_for_several_words_reads_few_rows_of_contacts_with_only_one_of_them() -> None:
    """check 104: the summary in an index row rules out contacts without a word."""
    people = [
        contact(first_name="Maria", last_name=f"Number{n}", email=f"m{n}@x.example") for n in range(200)
    ]
    rows = build_expected(TENANT, (contact_items.contact_to_item(TENANT, one) for one in people))
    store = MemoryStore.of(rows)
    lists = lists_over(store)
    store.units = 0
    page = lists.list(ContactFilter(search="number17 maria"), sort=None, limit=25, cursor=None)
    assert {one.last_name for one in page.items} == {"Number17", *(f"Number17{n}" for n in range(10))}
    few = store.units
    store.units = 0
    page = lists.list(ContactFilter(search="maria n17"), sort=None, limit=25, cursor=None)
    assert page.items == []
    assert store.units < 8 + few  # 200 list rows would be 100 units


def test_numbers_are_indexed_apart_from_words() -> None:
    one = contact(phone="+442079460958")
    assert numbers_of(one) == {"859064970244"}
