"""The columns of a file: which field each one holds, and why."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from shared.domain.import_options import FIELDS
from shared.domain.imports.columns import RESULT_COLUMNS, Column, Reason, recognize
from shared.domain.imports.preview import ColumnShown


def fields_of(header: str, mapping: dict[str, str | None] | None = None) -> list[str]:
    """Return the field of each column, with the label of its numbers; `-` for a column that is not read."""
    columns = recognize(header.split(";"), mapping or {})
    return [f"{one.field} {one.label}".strip() if one.field else "-" for one in columns]


def field_of(heading: str) -> str:
    return fields_of(f"{heading};x")[0]


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Email", "email"), ("E-mail", "email"), ("E-Mail Address", "email"), ("EMAIL_ADDRESS", "email"),
        (" mail ", "email"), ("Email *", "email"), ("Invitee Email:", "email"), ("e.mail", "email"),
        ("Primary Email", "email"), ("Work Email", "email"), ("Email (work)", "email"), ("E-mail 2 Address", "email"),
        ("Email Address 3", "email"), ("E-mail 1 - Value", "email"), ("emailAddress", "email"), ("Email ID", "email"),
        ("Ｅｍａｉｌ", "email"), ("Email\u200b", "email"), ("\ufeffEmail", "email"),
        ("Given Name", "first_name"), ("First Name", "first_name"), ("first_name", "first_name"),
        ("FirstName", "first_name"), ("First Name *", "first_name"), ("Invitee First Name", "first_name"),
        ("FNAME", "first_name"), ("Last Name", "last_name"), ("Surname", "last_name"), ("Family_Name", "last_name"),
        ("Name", "name"), ("Full Name", "name"), ("Invitee Name", "name"), ("Contact Name", "name"),
        ("Middle Name", "middle_name"), ("Additional Name", "middle_name"), ("Name Suffix", "name_suffix"),
        ("Phone", "phone"), ("Phone Number", "phone"), ("Phone No.", "phone"), ("Phone#", "phone"),
        ("Business Phone 2", "phone business"), ("Home Phone", "phone home"), ("Mobile", "phone mobile"),
        ("Mobile Phone Number", "phone mobile"), ("Cell", "phone mobile"), ("Work Mobile", "phone work mobile"),
        ("Phone : mobile", "phone mobile"), ("iPhone", "phone mobile"), ("Company Main Phone", "phone company main"),
        ("Other Phone", "phone other"), ("Car Phone", "phone car"), ("Phone 1 - Value", "phone"),
        ("Text Reminder Number", "phone mobile"), ("Assistant's Phone", "other_phones assistant"),
        ("WhatsApp", "whatsapp"), ("WhatsApp Phone Number", "whatsapp"), ("Customer WhatsApp", "whatsapp"),
        ("Company", "company"), ("Organisation", "company"), ("Organization Name", "company"),
        ("Organization 1 - Name", "company"), ("Account Name", "company"), ("Associated Company", "company"),
        ("Department", "department"), ("Organization Department", "department"), ("Job Title", "job_title"),
        ("Position", "job_title"), ("Organization 1 - Title", "job_title"), ("Notes", "about"), ("About", "about"),
        ("Tags", "tags"), ("TAGS", "tags"), ("Labels", "tags"), ("Group Membership", "tags"), ("Categories", "tags"),
        ("Tag 2", "tags"), ("Types", "types"), ("Groups", "groups"), ("Contact owner", "owner"),
        ("Lifecycle Stage", "lifecycle_stage"), ("Relationship Status", "relationship_status"),
        ("Customer Number", "customer_number"), ("Kundennummer", "customer_number"),
        ("Other Emails", "other_emails"), ("Additional email addresses", "other_emails"),
        ("Other Phones", "other_phones"), ("Direct Line", "phone direct"), ("Mob. No.", "phone mobile"),
        ("Ph", "phone"), ("Festnetz", "phone"), ("Teléfono fijo", "phone"), ("Cellphone", "phone mobile"),
        ("Geschäftliche E-Mail", "email"), ("Adresse électronique", "email"), ("E-postadress", "email"),
        ("Contact Person", "name"), ("Ansprechpartner", "name"), ("Beruf", "job_title"),
        ("Email (required)", "email"), ("Vorname (Pflicht)", "first_name"), ("Company [text]", "company"),
        ("Phone (optional)", "phone"), ("Phone (work fax)", "-"), ("Last Name, First Name", "name"),
        ("Nachname, Vorname", "name"), ("E-posta", "email"), ("Sähköposti", "email"), ("E-mail cím", "email"),
        ("Эл. почта", "email"), ("電話番号", "phone"), ("手机号", "phone mobile"), ("전화번호", "phone"),
        ("회사", "company"), ("성", "last_name"), ("Ruolo", "job_title"), ("Společnost", "company"),
        ("Telefonszám", "phone"), ("Tussenvoegsel", "last_name_prefix"), ("Telefon dienstl.", "phone business"),
        ("Name of company", "company"), ("Επώνυμο", "last_name"), ("Soyad", "last_name"),
        ("Company / Organization", "company"), ("Customer Notes", "about"), ("Internal Notes", "about"),
    ],
)  # fmt: skip
def test_headings_are_known_whatever_their_case_spaces_and_marks(heading: str, field: str) -> None:
    assert field_of(heading) == field


@pytest.mark.parametrize(
    "heading",
    [
        "Email Type", "E-mail Display Name", "Email Opt In", "Email Verified", "Email Status", "Mailing Address",
        "User Email", "Guest Email(s)", "Assistant Email", "Phone Carrier", "Phone Country", "Business Fax", "Home Fax",
        "Pager", "Telex", "Tel/Fax", "Telefax", "Address", "Address 1 - Street", "Number", "Contact", "Home",
        "Work", "Office",
        "Company Website", "Birthday", "Member Rating", "Lead Status", "Record ID", "", "*", "_", "Title of invention",
        "Phonetic First Name", "First Name Yomi", "x" * 300, "Event Type Name", "Business Street 2", "Opt-out",
        "contact@mail.de", '{"email": 1}', "<email>", "email=1",
    ],
)  # fmt: skip
def test_headings_of_other_things_are_not_taken_for_fields(heading: str) -> None:
    (column, _) = recognize([heading, "Shoe size"], {})
    assert column.field is None
    assert column.is_unused


PROGRAMS = {
    "Google Contacts": (
        "First Name;Middle Name;Last Name;Phonetic First Name;Name Prefix;Name Suffix;Nickname;File As;"
        "Organization Name;"
        "Organization Title;Organization Department;Birthday;Notes;Photo;Labels;E-mail 1 - Label;E-mail 1 - Value;"
        "E-mail 2 - Label;E-mail 2 - Value;Phone 1 - Label;Phone 1 - Value;Phone 2 - Label;Phone 2 - Value;"
        "Address 1 - Label;Address 1 - Formatted;Website 1 - Value",
        "first_name middle_name last_name - name_prefix name_suffix - - company job_title department - "
        "about - tags - email - "
        "email - phone - phone - - -",
    ),
    "Google Contacts before 2024": (
        "Name;Given Name;Additional Name;Family Name;Yomi Name;Given Name Yomi;Name Prefix;Name Suffix;"
        "Initials;Nickname;"
        "Occupation;Notes;Language;Photo;Group Membership;E-mail 1 - Type;E-mail 1 - Value;"
        "Phone 1 - Type;Phone 1 - Value;"
        "Organization 1 - Type;Organization 1 - Name;Organization 1 - Title;Organization 1 - Department",
        "name first_name middle_name last_name - - name_prefix name_suffix - - job_title about - - tags "
        "- email - phone - "
        "company job_title department",
    ),
    "Outlook": (
        "Title;First Name;Middle Name;Last Name;Suffix;Company;Department;Job Title;Business Street;"
        "Assistant's Phone;"
        "Business Fax;Business Phone;Business Phone 2;Callback;Car Phone;Company Main Phone;Home Fax;"
        "Home Phone;ISDN;"
        "Mobile Phone;Other Phone;Pager;Primary Phone;Radio Phone;TTY/TDD Phone;Telex;Categories;"
        "E-mail Address;E-mail Type;"
        "E-mail Display Name;E-mail 2 Address;E-mail 2 Type;Notes;Web Page",
        "name_prefix first_name middle_name last_name name_suffix company department job_title - "
        "other_phones:assistant - "
        "phone:business phone:business - phone:car phone:company:main - phone:home - phone:mobile "
        "phone:other - phone:main "
        "phone:radio - - tags email - - email - about -",
    ),
    "Outlook, German": (
        "Anrede;Vorname;Weitere Vornamen;Nachname;Suffix;Firma;Abteilung;Position;Straße geschäftlich;"
        "Telefon Assistent;"
        "Fax geschäftlich;Telefon geschäftlich;Telefon geschäftlich 2;Rückmeldung;Autotelefon;"
        "Telefon Firma;Telefon privat;"
        "Telefon (privat 2);Mobiltelefon;Weiteres Telefon;Haupttelefon;Telefon für Hörbehinderte;"
        "E-Mail-Adresse;E-Mail-Typ;"
        "E-Mail: Angezeigter Name;E-Mail 2: Adresse;Notizen;Kategorien",
        "name_prefix first_name middle_name last_name name_suffix company department job_title - "
        "other_phones:assistant - "
        "phone:business phone:business - phone:car phone:company phone:home phone:home phone:mobile "
        "phone:other phone:main - "
        "email - - email about tags",
    ),
    "Outlook, French": (
        "Titre;Prénom;Deuxième prénom;Nom;Suffixe;Société;Service;Titre;Rue (bureau);Téléphone de l'assistant(e);"
        "Télécopie (bureau);Téléphone (bureau);Téléphone 2 (bureau);Téléphone (voiture);Téléphone société;"
        "Téléphone (domicile);Tél. mobile;Téléphone (autre);Téléphone principal;Adresse de messagerie;"
        "Type de messagerie;"
        "Adresse de messagerie 2;Notes;Catégories",
        "name_prefix first_name middle_name name name_suffix company department job_title - - - phone:business "
        "phone:business phone:car phone:company phone:home phone:mobile phone:other phone:main email - "
        "email about tags",
    ),
    "Outlook, Spanish": (
        "Tratamiento;Nombre;Segundo nombre;Apellidos;Sufijo;Organización;Departamento;Puesto;Calle del trabajo;"
        "Teléfono del trabajo;Teléfono del trabajo 2;Particular;Teléfono móvil;Otro teléfono;Teléfono principal;"
        "Dirección de correo electrónico;Dirección de correo electrónico 2;"
        "Dirección del correo electrónico 3;Categorías;Notas",
        "name_prefix name middle_name last_name name_suffix company department job_title - "
        "phone:business phone:business "
        "phone:home phone:mobile phone:other phone:main email email email tags about",
    ),
    "Apple, by way of a table": (
        "First name;Last name;Company;Job title;Phone (mobile);Phone (home);Email (home);Email (work);Note",
        "first_name last_name company job_title phone:mobile phone:home email email about",
    ),
    "HubSpot": (
        "Record ID;First Name;Last Name;Email;Phone Number;Mobile Phone Number;Contact owner;"
        "Lead Status;Lifecycle Stage;"
        "Job Title;Associated Company;Additional email addresses;Create Date",
        "- first_name last_name email phone phone:mobile owner - lifecycle_stage job_title company other_emails -",
    ),
    "Mailchimp": (
        "Email Address;First Name;Last Name;Address;Phone Number;MEMBER_RATING;OPTIN_TIME;LATITUDE;LEID;"
        "EUID;NOTES;TAGS",
        "email first_name last_name - phone - - - - - about tags",
    ),
    "LinkedIn": (
        "First Name;Last Name;URL;Email Address;Company;Position;Connected On",
        "first_name last_name - email company job_title -",
    ),
    "Calendly": (
        "User Name;User Email;Invitee Name;Invitee First Name;Invitee Last Name;Invitee Email;Invitee Time Zone;"
        "Text Reminder Number;Event Type Name;Start Date & Time;Location;Guest Email(s);Meeting Notes;"
        "Group;Question 1;"
        "Response 1",
        "- - name first_name last_name email - phone:mobile - - - - - - - -",
    ),
    "Thunderbird": (
        "First Name;Last Name;Display Name;Nickname;Primary Email;Secondary Email;Work Phone;Home Phone;"
        "Mobile Number;"
        "Job Title;Department;Organization;Notes",
        "first_name last_name name - email email phone:work phone:home phone:mobile job_title "
        "department company about",
    ),
    "a German list": ("Name;Vorname;E-Mail;Handy;Firma;Bemerkung", "name first_name email phone:mobile company about"),
    "an Italian list": (
        "Nome;Cognome;Indirizzo e-mail;Telefono ufficio;Cellulare;Azienda;Posizione",
        "name last_name email phone:business phone:mobile company job_title",
    ),
    "a Portuguese list": (
        "Nome completo;E-mail;Telefone;Celular;Empresa;Cargo;Observações",
        "name email phone phone:mobile company job_title about",
    ),
    "a Dutch list": (
        "Voornaam;Achternaam;E-mailadres;Telefoonnummer;Mobiel;Bedrijf;Functie;Opmerkingen",
        "first_name last_name email phone phone:mobile company job_title about",
    ),
    "a Russian list": (
        "Имя;Фамилия;Почта;Телефон;Компания;Должность",
        "first_name last_name email phone company job_title",
    ),
    "a Japanese list": ("姓;名;メールアドレス;電話;会社名;部署", "last_name first_name email phone company department"),
}  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_files_of_programs_and_languages_are_known(program: str) -> None:
    header, fields = PROGRAMS[program]
    assert fields_of(header) == [one.replace(":", " ") for one in fields.split()]


def test_a_mapping_is_preferred_to_headings() -> None:
    mapping = {
        "Kontakt": "email",
        "Email": None,
        "size": "custom.size",
        "Fax": "other_phones.fax",
        "PHONE ": "whatsapp",
    }
    columns = recognize(["Kontakt", "Email", "Size", "Fax", "Phone", "Name"], mapping)
    assert [(one.field, one.label, one.reason) for one in columns] == [
        ("email", "", "mapping"),
        (None, "", "mapping"),
        ("custom.size", "", "mapping"),
        ("other_phones", "fax", "mapping"),
        ("whatsapp", "", "mapping"),
        ("name", "", "header"),
    ]
    assert not any(one.is_unused for one in columns)


def test_every_field_that_a_mapping_may_name_can_be_mapped() -> None:
    for field in FIELDS:
        assert recognize(["A"], {"a": field}) == (Column(0, "A", field, reason="mapping"),)


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("custom.size", "custom.size"), ("Custom.Size", "custom.size"), ("custom: shoe size", "custom.shoe_size"),
        ("Custom Field: Shoe-Size", "custom.shoe_size"), ("custom_fields.size", "custom.size"),
        ("custom.", "-"), ("custom.7up", "-"), ("custom.größe", "-"),
        ("Custom Field 1 - Value", "-"), ("Customer", "-"),
    ],
)  # fmt: skip
def test_columns_of_custom_fields_name_their_key(heading: str, field: str) -> None:
    assert field_of(heading) == field


def test_a_title_is_a_job_unless_another_column_has_the_jobs() -> None:
    assert fields_of("Name;Email;Title") == ["name", "email", "job_title"]
    assert fields_of("Title;First Name;Job Title") == ["name_prefix", "first_name", "job_title"]
    assert fields_of("Titre;Prénom;Titre") == ["name_prefix", "first_name", "job_title"]


def test_words_of_one_language_count_only_beside_others_of_it() -> None:
    assert fields_of("Email;Service;Particular") == ["email", "-", "-"]
    assert fields_of("Email;Prénom;Service") == ["email", "first_name", "department"]
    assert fields_of("Apellidos;Particular") == ["last_name", "phone home"]


def test_titel_is_a_job_in_scandinavian_files_only() -> None:
    assert fields_of("Förnamn;Efternamn;Titel") == ["first_name", "last_name", "job_title"]
    assert fields_of("Vorname;Nachname;Titel") == ["first_name", "last_name", "name_prefix"]


def test_columns_of_labels_belong_to_the_columns_of_their_values() -> None:
    columns = recognize(
        [
            "Phone 2 - Label", "Phone 2 - Value", "Phone 1 - Value", "E-mail 1 - Type", "E-mail 1 - Value",
            "Fax 1 - Label",
        ],
        {},
    )  # fmt: skip
    assert [one.label_from for one in columns] == [None, 0, None, None, 3, None]
    assert [one.reason for one in columns] == ["label", "header", "header", "label", "header", "unknown"]
    assert [one.header for one in columns if one.is_unused] == ["Fax 1 - Label"]


def test_the_columns_of_results_are_known_and_not_read() -> None:
    columns = recognize(["Email", "Message", *RESULT_COLUMNS], {})
    assert [one.reason for one in columns] == ["header", "unknown", *["results"] * len(RESULT_COLUMNS)]


EXPORT = (
    "First Name;Last Name;Email;Phone;Company;Job Title;Notes;Tags;Total Bookings;Last Booking Date;Other Emails;"
    "Other Phones;WhatsApp;Department;Types;Groups;Owner;Customer Number;Status;Lifecycle Stage;"
    "Primary Contact;Active;"
    "Email Verified;Preferred Channel;Opted Out;Customer;Organizers;Phone As Typed;"
    "WhatsApp As Typed;Last Contacted At;"
    "Interactions;Next Follow-Up At;Source;Merged From;Id;Version;Created At;Created By;Updated At;"
    "Updated By;custom.size"
)


def test_our_own_export_is_read_back_and_has_no_unused_column() -> None:
    """check 84"""
    read = fields_of(EXPORT)
    assert [field for field in read if field != "-"] == [
        "first_name", "last_name", "email", "phone", "company", "job_title", "about", "tags", "other_emails",
        "other_phones", "whatsapp", "department", "types", "groups", "owner", "customer_number", "relationship_status",
        "lifecycle_stage", "id", "custom.size",
    ]  # fmt: skip
    assert not any(one.is_unused for one in recognize(EXPORT.split(";"), {}))
    assert not any(one.is_unused for one in recognize([*EXPORT.split(";"), *RESULT_COLUMNS], {}))


def test_ids_are_read_in_exports_also_with_further_columns_and_not_in_files_of_others() -> None:
    assert fields_of("Id;First Name;custom.size") == ["id", "first_name", "custom.size"]
    assert fields_of(f"{EXPORT};Favourite Colour")[EXPORT.split(";").index("Id")] == "id"
    assert fields_of("Id;First Name;Favourite Colour") == ["-", "first_name", "-"]
    assert fields_of("Id;First Name;Favourite Colour", {"Id": "id"}) == ["id", "first_name", "-"]


def test_the_same_headings_in_files_of_others_are_named_as_unused() -> None:
    columns = recognize(["Email", "Source", "Favourite Colour", "Created At"], {})
    assert [one.header for one in columns if one.is_unused] == ["Source", "Favourite Colour", "Created At"]


def test_each_reason_of_a_column_is_explained_to_clients() -> None:
    described = ColumnShown.model_fields["reason"].description or ""
    assert re.findall(r"`(\w+)`", described) == list(get_args(Reason))
