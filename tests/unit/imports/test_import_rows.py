"""From rows to the fields of contacts, and to rows of the results."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import Invalid
from shared.domain.import_options import ImportOptions, MatchOn
from shared.domain.imports import rows
from shared.domain.imports.columns import Layout, recognize
from shared.domain.imports.csv_file import Row, read_rows
from shared.domain.imports.dialect import survey
from shared.domain.imports.results import Fate, fail_row, result_header, result_lines
from shared.domain.imports.rows import ReadRow, RowReader
from shared.domain.tenant import TenantSettings, UniqueScope


def read(text: str, settings: TenantSettings | None = None) -> ReadRow:
    layout, row = file_of(text)
    return RowReader(layout, ImportOptions(), settings or TenantSettings()).read(row)


def fields_of(text: str, settings: TenantSettings | None = None) -> dict[str, Any]:
    found = read(text, settings)
    assert found.fields is not None, found.error
    return dict(found.fields)


def file_of(text: str) -> tuple[Layout, Row]:
    layout, _ = survey(text.encode())
    _, row = read_rows([text.encode()], layout.encoding, layout.delimiter)
    return layout, row


def refusal_of(text: str, settings: TenantSettings | None = None) -> Invalid:
    found = read(text, settings)
    assert found.error is not None
    return found.error


def warnings_of(text: str, settings: TenantSettings | None = None) -> list[tuple[str, str]]:
    found = read(text, settings)
    assert found.fields is not None, found.error
    return [(warning.field, warning.code) for warning in found.warnings]


OPTIONAL = TenantSettings(require_email=False)


def test_empty_cells_count_as_not_given() -> None:
    given = fields_of("email,first name,phone,tags\nada@example.com, ,,\n")
    assert given == {"email": "ada@example.com", "first_name": "ada"}


def test_an_invisible_tag_does_not_fail_the_row() -> None:
    assert fields_of('email,tags\nada@example.com,"vip,\u200b, ,\u2060\u3164,new"\n')["tags"] == [
        "vip",
        "new",
    ]


def test_the_country_of_numbers_is_the_options_or_the_tenants() -> None:
    text, british = "email,phone\na@example.com,020 7946 0958\n", TenantSettings(default_country="GB")
    assert fields_of(text, british)["phone"] == "+442079460958"
    layout, row = file_of(text)
    found = RowReader(layout, ImportOptions(default_country="GB"), TenantSettings()).read(row)
    assert found.fields is not None and found.fields["phone"] == "+442079460958"


def test_an_address_is_required_where_the_tenant_requires_it() -> None:
    text = "email,first name\n,Ada\n"
    assert refusal_of(text).errors[0].code == "required"
    assert fields_of(text, OPTIONAL) == {"first_name": "Ada"}
    assert refusal_of("email,first name\nN/A,Ada\n").errors[0].code == "required"


def test_an_address_that_is_none_costs_the_row_only_where_one_is_required() -> None:
    text = "email,first name\nnobody,Ada\n"
    assert [(one.field, one.code) for one in refusal_of(text).errors] == [("email", "email")]
    assert (fields_of(text, OPTIONAL), warnings_of(text, OPTIONAL)) == (
        {"first_name": "Ada"},
        [("email", "email")],
    )


def test_a_row_that_is_matched_by_its_number_needs_no_address() -> None:
    layout, row = file_of("email,phone\n,(415) 555-2671\n")
    found = RowReader(layout, ImportOptions(match_on="phone"), TenantSettings()).read(row)
    assert found.fields == {
        "first_name": "+14155552671",
        "phone": "+14155552671",
        "phone_raw": "(415) 555-2671",
    }
    assert found.derived == {"first_name"}


@pytest.mark.parametrize(
    ("text", "field", "code"),
    [
        ("email\nnobody\n", "email", "email"),
        ("email\na@example.com,x\n", "row", "too_many_cells"),
        ("email\na@exam\ufffdple.com\n", "email", "unreadable"),
    ],
)
def test_a_refusal_names_field_and_reason_and_repeats_no_value(text: str, field: str, code: str) -> None:
    (error,) = refusal_of(text).errors
    assert (error.field, error.code) == (field, code)
    assert "example" not in error.message


@pytest.mark.parametrize(
    ("column", "cell", "field", "code"),
    [
        ("first name", "nul\0", "first_name", "string_pattern_mismatch"),
        ("first name", "x" * 101, "first_name", "string_too_long"),
        ("last name", "x" * 101, "last_name", "string_too_long"),
        ("company", "x" * 201, "company", "string_too_long"),
        ("department", "\ufffd", "department", "unreadable"),
        ("notes", "x" * 10_001, "about", "string_too_long"),
        ("tags", "x" * 51, "tags", "string_too_long"),
        ("name", "x" * 150, "name", "string_too_long"),
        ("relationship status", "subscribed", "relationship_status", "literal_error"),
        ("lifecycle stage", "subscriber", "lifecycle_stage", "literal_error"),
        ("custom.size", "x" * 1_001, "custom_fields.size", "string_too_long"),
        ("custom.size", "\0", "custom_fields.size", "control_characters"),
        ("phone", "415-555-XXXX", "phone", "phone_masked"),
        ("phone", "ask Bob", "phone", "phone_no_digits"),
        ("phone", "12", "phone", "phone_too_short"),
        ("phone", "\ufffd", "phone", "unreadable"),
        ("whatsapp", "12", "whatsapp", "phone_too_short"),
        ("other phones", "mobile: 12", "other_phones", "phone_too_short"),
        ("other emails", "nobody", "other_emails", "email"),
    ],
)
def test_what_is_optional_and_unusable_costs_the_field_and_not_the_row(
    column: str, cell: str, field: str, code: str
) -> None:
    """check 82: and the results say so."""
    text = f"email,{column}\na@example.com,{cell}\n"
    assert fields_of(text) == {"email": "a@example.com", "first_name": "a"}
    assert warnings_of(text) == [(field, code)]
    fate = Fate("created", "c1", warnings=read(text).warnings)
    assert fate.reason_code == code
    assert fate.words.startswith(f"{field}: ")
    assert "xxx" not in fate.words


def test_of_a_list_only_what_is_unusable_is_left_out() -> None:
    text = f'email,tags\na@example.com,"vip, {"x" * 51}, new"\n'
    assert (fields_of(text)["tags"], warnings_of(text)) == (["vip", "new"], [("tags", "string_too_long")])


def test_every_fault_is_a_warning_of_its_own() -> None:
    text = f"email,company,department,phone\na@example.com,{'x' * 201},{'y' * 201},12\n"
    assert warnings_of(text) == [
        ("phone", "phone_too_short"),
        ("company", "string_too_long"),
        ("department", "string_too_long"),
    ]
    fate = fail_row(file_of("email\nnobody\n")[1], refusal_of("email\nnobody\n"))
    assert (fate.code, fate.message[:15]) == ("email", "Line 2: email: ")


@pytest.mark.parametrize("number", ["N/A", "-", "0", "000-000-0000", "none"])
def test_a_placeholder_of_a_number_needs_no_warning(number: str) -> None:
    """check 105"""
    assert warnings_of(f"email,phone,whatsapp\na@example.com,{number},{number}\n") == []


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        ("030 2312500 (privat)", "+49302312500"),
        ("302312500.0", "+49302312500"),
        ("030 2312500 DW 12", "+49302312500"),
        ("030 2312500/01", "+49302312500"),
    ],
)
def test_text_after_a_number_is_kept_with_it(number: str, stored: str) -> None:
    text, german = f"email,phone\na@example.com,{number}\n", TenantSettings(default_country="DE")
    given = fields_of(text, german)
    assert (given["phone"], given["phone_raw"]) == (stored, number)
    assert warnings_of(text, german) == []


def test_of_several_columns_the_first_filled_one_is_the_field_and_the_others_are_further_ones() -> None:
    header = "E-mail Address,E-mail 2 Address,Business Phone,Home Phone,Mobile Phone\n"
    given = fields_of(f"{header},a@example.com,,(415) 555-2671,(415) 555-2672\n")
    assert (given["email"], given["phone"], "other_emails" in given) == (
        "a@example.com",
        "+14155552671",
        False,
    )
    assert given["other_phones"] == [{"label": "mobile", "number": "+14155552672", "raw": "(415) 555-2672"}]
    given = fields_of(f"{header}a@example.com,b@example.com,(415) 555-2671,(415) 555-2671,\n")
    assert (given["email"], given["other_emails"], "other_phones" in given) == (
        "a@example.com",
        ["b@example.com"],
        False,
    )


def test_of_duplicate_headers_the_first_filled_one_counts_and_another_value_is_not_lost_without_a_word() -> (
    None
):
    text = "Email,First Name,Email,First Name\n,,b@example.com,Second\n"
    assert fields_of(text) == {"email": "b@example.com", "first_name": "Second"}
    text = "Email,Company,Company\na@example.com,Acme,Ajax\n"
    assert (fields_of(text)["company"], warnings_of(text)) == ("Acme", [("company", "further_value")])
    assert warnings_of("Email,Company,Company\na@example.com,Acme,Acme \n") == []


def test_several_columns_of_texts_and_labels_are_all_read() -> None:
    given = fields_of("Email,Notes,Comments,Tags,Labels\na@example.com,One,Two,vip,new ::: VIP\n")
    assert (given["about"], given["tags"]) == ("One\nTwo", ["vip", "new"])


def test_labels_of_numbers_come_from_the_column_beside_them() -> None:
    header = "Email,Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value\n"
    given = fields_of(f"{header}a@example.com,Work,415-555-2671,* Ferienhaus,415-555-2672 ::: 415-555-2673\n")
    assert [(one["label"], one["number"]) for one in given["other_phones"]] == [
        ("Ferienhaus", "+14155552672"),
        ("Ferienhaus", "+14155552673"),
    ]
    given = fields_of(f"{header}a@example.com,* Mobile,415-555-2671 ::: 415-555-2672,,\n")
    assert given["other_phones"][0]["label"] == "mobile"


def test_numbers_of_exports_have_their_labels_before_them() -> None:
    given = fields_of('Email,Phone,Other Phones\na@example.com,,"mobile: +14155552671, +14155552672"\n')
    assert "phone" not in given
    assert given["other_phones"] == [
        {"label": "mobile", "number": "+14155552671", "raw": None},
        {"label": "", "number": "+14155552672", "raw": None},
    ]


def test_a_further_whatsapp_number_is_a_further_number() -> None:
    given = fields_of("Email,WhatsApp\na@example.com,415-555-2671; 415-555-2672\n")
    assert (given["whatsapp"], given["other_phones"][0]["label"]) == ("+14155552671", "whatsapp")


def test_the_number_of_an_assistant_is_never_the_contacts() -> None:
    given = fields_of("Email,Assistant's Phone\na@example.com,415-555-2671\n")
    assert "phone" not in given
    assert given["other_phones"][0]["label"] == "assistant"


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("Name,Email\nGrace Hopper,g@example.com\n", "Grace", "Hopper"),
        ("First Name,Middle Name,Last Name,Email\nMia,Q,Lindt,g@example.com\n", "Mia Q", "Lindt"),
        ("Name;Vorname;E-Mail\nMüller;Hans;g@example.com\n", "Hans", "Müller"),
        ("Nombre;Apellidos;Correo\nAna;García;g@example.com\n", "Ana", "García"),
        ("Email\nGrace Hopper <g@example.com>\n", "Grace", "Hopper"),
        ("Email\ng@example.com\n", "g", ""),
        ("Email,First Name\ng@example.com,\u200b\n", "g", ""),
        ("Email,Last Name\ng@example.com,Hopper\n", "g", "Hopper"),
        ("Email,Name\ng@example.com,G@example.com\n", "g", ""),
    ],
)
def test_names_come_from_whichever_column_has_them(text: str, first: str, last: str) -> None:
    given = fields_of(text)
    assert (given["first_name"], given.get("last_name", "")) == (first, last)


def test_a_name_that_follows_from_another_field_is_known_to_do_so() -> None:
    assert read("Email\ng@example.com\n").derived == {"first_name"}
    assert read("Email\nGrace <g@example.com>\n").derived == frozenset()
    assert read("Email,Name\ng@example.com,Grace\n").derived == frozenset()
    for text, name in (
        ("Email,Last Name\n,Hopper\n", "Hopper"),
        ("Email,Company\n,Acme\n", "Acme"),
        ("Email,Phone\n,415-555-2671\n", "+14155552671"),
    ):
        found = read(text, OPTIONAL)
        assert found.fields is not None
        assert (found.fields["first_name"], found.derived) == (name, {"first_name"})


def test_a_row_that_says_nothing_of_a_person_fails() -> None:
    assert refusal_of("Email,Tags\n,vip\n", OPTIONAL).errors[0].code == "empty_row"


def test_what_precedes_a_name_is_kept_beside_it() -> None:
    given = fields_of("Title,First Name,Job Title,Email\nDr.,Ada,Analyst,a@example.com\n")
    assert (given["first_name"], given["job_title"], given["custom_fields"]) == (
        "Ada",
        "Analyst",
        {"name_prefix": "Dr."},
    )
    given = fields_of("Name,Title,Email\nAda,Ms.,a@example.com\n")
    assert ("job_title" in given, given["custom_fields"]) == (False, {"name_prefix": "Ms."})


def test_custom_fields_are_texts_as_the_file_has_them() -> None:
    given = fields_of("Email,custom.zip,custom.vip,Custom Field: Size\na@example.com,00123,true,\n")
    assert given["custom_fields"] == {"zip": "00123", "vip": "true"}


def test_owner_and_customer_are_no_fields_of_the_contact() -> None:
    found = read("Email,Owner,Customer Number\na@example.com,Jo <Jo@Example.com>,CUST000001\n")
    assert (found.owner, found.customer_number) == ("jo@example.com", "CUST000001")
    assert found.fields == {"email": "a@example.com", "first_name": "a"}


def test_statuses_may_have_capitals_and_spaces() -> None:
    given = fields_of("Email,Relationship Status,Lifecycle Stage\na@example.com,Qualified Lead,Interest\n")
    assert (given["relationship_status"], given["lifecycle_stage"]) == ("qualified_lead", "interest")


def test_types_and_groups_are_named() -> None:
    given = fields_of('Email,Types,Groups\na@example.com,"Client, Partner",VIPs\n')
    assert (given["types"], given["groups"]) == (["Client", "Partner"], ["VIPs"])


def test_too_many_further_addresses_and_tags_are_named() -> None:
    many = "; ".join(f"a{number}@example.com" for number in range(30))
    text = f"email\n{many}\n"
    assert len(fields_of(text)["other_emails"]) == 20
    assert warnings_of(text) == [("other_emails", "too_long")]


# Keys


def keys_of(text: str, *, match_on: MatchOn = "email", scope: UniqueScope = "tenant") -> list[str]:
    layout, row = file_of(text)
    return RowReader(layout, ImportOptions(match_on=match_on), TenantSettings(unique_scope=scope)).keys(row)


def test_rows_share_their_addresses_and_what_else_contacts_are_found_by() -> None:
    text = (
        "Email,Email 2,Phone,WhatsApp,Other Phones,Customer Number\n"
        'A@example.com,"b@example.com; a@example.com",415-555-2671,415-555-2672,x: +14155552673,Cust000001\n'
    )
    emails = ["e:a@example.com", "e:b@example.com"]
    numbers = ["p:+14155552671", "p:+14155552672", "p:+14155552673"]
    assert keys_of(text) == emails
    assert keys_of(text, match_on="phone") == emails + numbers
    assert keys_of(text, scope="customer") == emails + numbers
    assert keys_of(text, match_on="customer_number") == [*emails, "c:cust000001"]


ID = "019e703c-e6e0-7712-badf-8ac20d4cb604"


def test_a_row_names_a_contact_by_its_id() -> None:
    assert read(f"Id,Email\n {ID.upper()} ,a@example.com\n").contact_id == ID
    assert keys_of(f"Id,Email\n {ID.upper()} ,a@example.com\n") == ["e:a@example.com", f"i:{ID}"]
    for other in ("", "4711", f"{ID}0", f"'{ID[1:]}"):
        assert read(f"Id,Email\n{other},a@example.com\n").contact_id == ""
        assert keys_of(f"Id,Email\n{other},a@example.com\n") == ["e:a@example.com"]


def test_a_row_with_an_id_needs_nothing_else() -> None:
    """Whether there is a contact with this id is found out later; without it, an address and a name are needed."""
    found = read(f"Id,Email,Tags\n{ID},,vip\n")
    assert (found.error, found.fields, found.derived) == (None, {"tags": ["vip"]}, {"first_name"})
    found = read(f"Id,Tags,First Name,Last Name\n{ID},vip,,-\n")
    assert (found.error, found.fields) == (None, {"tags": ["vip"]})
    assert refusal_of("Id,Email,Tags\nx,,vip\n").errors[0].code == "required"
    assert refusal_of("Id,Email,Tags\nx,,vip\n", OPTIONAL).errors[0].code == "empty_row"


def test_rows_that_cannot_be_read_share_nothing() -> None:
    assert keys_of("Email\na@example.com,x\n") == []
    assert keys_of("Email,First Name\nnobody,Ada\n") == []


def test_the_mark_against_formulas_is_removed_again() -> None:
    """check 84: a results file that is corrected and imported gives the same values as the first file."""
    header, names = "email,first name,last name,company,phone\n", ["=Ann", "-Lee", "@home", "+14155552671"]
    layout, row = file_of(f"{header}bad,{','.join(names)}\n")
    results = result_header(layout).decode("utf-8-sig") + "".join(
        result_lines(layout, [(1, row, Fate("failed"))])
    )
    assert "'=Ann" in results
    given = fields_of(results.replace("bad", "a@example.com"))
    assert [given[name] for name in ("first_name", "last_name", "company", "phone")] == names
    assert fields_of("email,last name\na@example.com,'t Hooft\n")["last_name"] == "'t Hooft"


def test_a_line_break_in_a_cell_of_one_line_is_a_space() -> None:
    assert fields_of('email,company\na@example.com,"Acme\nInc"\n')["company"] == "Acme Inc"


def test_empty_cells_beyond_the_header_are_accepted() -> None:
    assert fields_of("email\na@example.com,,,\n")["email"] == "a@example.com"


def test_check_84_formulas_are_marked_in_results() -> None:
    header = ("email", "=header")
    layout = Layout("utf-8", ",", header, recognize(header, {}))
    cells = ["=1", "+1", "-1", "@x", "\tx", "\rx", "\nx", "'x", "1=1"]
    rows = [(number, Row([cell, ""], 1, 2), Fate("failed")) for number, cell in enumerate(cells, 1)]
    text = result_header(layout).decode("utf-8-sig") + "".join(result_lines(layout, rows))
    first, *read_again = csv.reader(io.StringIO(text, newline=""))
    assert first[:2] == ["email", "'=header"]
    assert [row[0] for row in read_again] == [
        "'=1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "'\nx", "'x", "1=1",
    ]  # fmt: skip


@pytest.mark.parametrize("other", ["k-1", "\uff2b-1", "\u212a-1", " K-1 "])
def test_customer_numbers_that_name_one_customer_are_one_key(other: str) -> None:
    """check 13: as the look-up of customers compares them."""
    header = ("Customer Number", "First Name")
    layout = Layout("utf-8", ",", header, recognize(header, {}))
    reader = RowReader(layout, ImportOptions(match_on="customer_number"), TenantSettings())
    assert reader.keys(Row([other, "Ann"], 2, 3)) == reader.keys(Row(["K-1", "Bob"], 3, 4)) != []


def test_of_a_row_with_many_faults_the_first_are_named_and_the_others_counted() -> None:
    header = ("Email", "Other emails", "First Name")
    layout = Layout("utf-8", ",", header, recognize(header, {}))
    faulty = "|".join(["a@"] * 600)
    read = RowReader(layout, ImportOptions(), TenantSettings()).read(
        Row(["p@example.com", faulty, "Ann"], 2, 3)
    )
    assert len(read.warnings) == rows.MOST_WARNINGS + 1
    assert read.warnings[-1].code == "more_warnings"
    refused = RowReader(layout, ImportOptions(), TenantSettings()).read(Row([faulty, "", "Ann"], 2, 3))
    assert refused.error is not None and len(refused.error.errors) == rows.MOST_WARNINGS + 1


def test_an_address_before_an_address_is_no_name() -> None:
    assert fields_of("email\nann@example.com <ann@example.com>\n")["first_name"] == "ann"
    found = read("email\nann@example.com <ann@example.com>\n")
    assert found.derived == {"first_name"}


@pytest.mark.parametrize("cell", ["Ann One a@example.com", "a@example.com (Ann One)"])
def test_words_beside_an_address_are_the_name_of_a_contact_that_has_none(cell: str) -> None:
    found = read(f"email\n{cell}\n")
    assert found.fields is not None and found.warnings == ()
    assert (found.fields["first_name"], found.fields["last_name"]) == ("Ann", "One")
    assert found.derived == {"first_name", "last_name"}
    assert warnings_of(f"email,name\n{cell},Ann One\n") == []
    assert warnings_of(f"email,name\n{cell},Bob Two\n") == [("email", "further_value")]


@pytest.mark.parametrize(("words", "warns"), [("work", False), ("bounced", True), ("do not email", True)])
def test_other_words_beside_an_address_are_no_name(words: str, warns: bool) -> None:
    text = f"email\na@example.com ({words})\n"
    assert fields_of(text)["first_name"] == "a"
    assert warnings_of(text) == ([("email", "further_value")] if warns else [])


def test_the_number_of_a_fax_is_never_the_main_one() -> None:
    text = "email,phone 1 - label,phone 1 - value,phone 2 - label,phone 2 - value\n"
    given = fields_of(text + "a@example.com,Work Fax,415-555-2671,Mobile,415-555-2672\n")
    assert given["phone"] == "+14155552672"
    assert [(one["label"], one["number"]) for one in given["other_phones"]] == [("Work Fax", "+14155552671")]
    given = fields_of("email,phone\na@example.com,Fax: 415-555-2671\n")
    assert "phone" not in given
    assert [one["label"] for one in given["other_phones"]] == ["fax"]


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("415-555-2671 / 415-555-2672", ["mobile +14155552671", "mobile +14155552672"]),
        ("tel:+14155552671", ["mobile +14155552671"]),
        ("415-555-2671 ext. 12", ["mobile +14155552671"]),
        ("415-555-2671 or 415-555-2672", ["mobile +14155552671", "mobile +14155552672"]),
        ("4155552671\\n4155552672", ["mobile +14155552671", "mobile +14155552672"]),
    ],
)
def test_a_column_of_further_numbers_with_a_label_is_split_like_one_of_numbers(
    cell: str, numbers: list[str]
) -> None:
    text = cell.replace("\\n", "\n")
    layout, row = file_of(f'email,m\na@example.com,"{text}"\n')
    mapping = ImportOptions(mapping={"m": "other_phones.mobile"})
    layout = replace(layout, columns=recognize(layout.header, mapping.mapping))
    found = RowReader(layout, mapping, TenantSettings()).read(row)
    assert found.fields is not None and found.warnings == ()
    assert [f"{one['label']} {one['number']}" for one in found.fields["other_phones"]] == numbers


def test_further_numbers_may_have_anything_between_them() -> None:
    given = fields_of("email,other phones\na@example.com,415-555-2671 / 415-555-2672\n")
    assert [one["number"] for one in given["other_phones"]] == ["+14155552671", "+14155552672"]
    given = fields_of("email,other phones\na@example.com,tel:+14155552671\n")
    assert [(one["label"], one["number"]) for one in given["other_phones"]] == [("", "+14155552671")]


def test_a_dutch_particle_begins_the_last_name() -> None:
    given = fields_of("voornaam;tussenvoegsel;achternaam;email\nAnn;van der;Berg;a@example.com\n")
    assert (given["first_name"], given["last_name"]) == ("Ann", "van der Berg")
