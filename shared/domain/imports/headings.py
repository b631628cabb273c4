"""The headings of columns: what programs and people call the fields of a contact, in several languages.

Headings are compared without case, accents, spaces and marks: `E-Mail *`, `e_mail` and `Email:` are one. Those of
addresses and numbers are taken apart into words, so that `Business Phone 2` needs no entry of its own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Literal, NamedTuple

_LONGEST = 200
"""Characters of a heading that are compared."""
_LONGEST_COMPOUND = 60
"""Characters of the longest heading, folded, that is taken apart into words."""


class Meaning(NamedTuple):
    """What a heading says: the field below it, and the label of its numbers."""

    field: str
    label: str = ""


# Headings with one meaning. Sources: the files that Google Contacts (also before 2024), Outlook in English, German,
# French and Spanish, Apple, HubSpot, Mailchimp, LinkedIn and Calendly export, and our own exports.
_HEADINGS: Mapping[str, str] = {
    "email": (
        "email id; адрес электронной почты; электронная почта; メールアドレス; 이메일; 电子邮件; 电子邮箱; 邮箱; "
        "adresse électronique; эл почта; sähköpostiosoite; ηλεκτρονικό ταχυδρομείο"
    ),
    "other_emails": "other emails; other email addresses; additional email addresses",
    "other_phones": "other phones; other phone numbers",
    "first_name": (
        "first name; given name; forename; first; fname; vorname; rufname; prénom; nombre de pila; primer "
        "nombre; primeiro nome; voornaam; fornavn; förnamn; imię; etunimi; jméno; keresztnév; utónév; имя; 名; "
        "adı; όνομα; křestní jméno"
    ),
    "last_name": (
        "last name; family name; surname; last; lname; nachname; familienname; zuname; nom de famille; "
        "apellido; apellidos; cognome; sobrenome; apelido; achternaam; etternavn; efternamn; efternavn; "
        "nazwisko; sukunimi; příjmení; vezetéknév; фамилия; 姓; 성; soyad; soyadı; "
        "soyisim; επώνυμο"
    ),
    "name": (
        "name; full name; display name; first and last name; first name last name; name surname; "
        "vollständiger name; vor und nachname; anzeigename; nom complet; nom et prénom; nom prénom; nom; "
        "nombre completo; nombre; nombre y apellidos; nome completo; nome; nome e cognome; naam; navn; namn; "
        "nimi; nazwa; фио; полное имя; 姓名; 氏名; 名前; 이름; contact person; ansprechpartner; interlocuteur; "
        "contact name and surname; nachname vorname; name vorname; vorname nachname; last name first name; "
        "surname first name; last first; cognome e nome; cognome nome; apellidos y nombre; apellidos nombre; "
        "фамилия имя; фамилия и имя; ad soyad; adı soyadı; jméno a příjmení; imię i nazwisko; för och efternamn; "
        "ονοματεπώνυμο; 성명"
    ),
    "middle_name": (
        "middle name; middle names; middle; middle initial; additional name; weitere vornamen; zweiter "
        "vorname; deuxième prénom; segundo nombre; secondo nome; segundo nome; отчество"
    ),
    "name_prefix": (
        "name prefix; prefix; honorific; honorific prefix; salutation; courtesy title; anrede; titel; "
        "civilité; tratamiento"
    ),
    "last_name_prefix": "tussenvoegsel; tussenvoegsels; tussenvoegsel s",
    "name_suffix": "name suffix; suffix; honorific suffix; suffixe; sufijo; namenszusatz",
    "title": "title; titre",
    "company": (
        "company; company name; organization; organisation; organization name; organisation name; employer; "
        "account name; associated company; business name; company account; firma; firmenname; unternehmen; "
        "société; entreprise; raison sociale; nom de la société; empresa; nombre de la empresa; compañía; "
        "organización; organização; azienda; società; ditta; bedrijf; bedrijfsnaam; organisatie; företag; "
        "virksomhed; yritys; компания; организация; 公司; 会社; 会社名; company organization; firm; company or "
        "organization; name of company; name of the company; name der firma; 회사; 회사명; 公司名称; společnost; "
        "şirket; şirket adı; cég; cégnév; εταιρεία; εταιρία; företagsnamn; firmanavn"
    ),
    "department": (
        "department; dept; organization department; abteilung; département; departamento; reparto; afdeling; "
        "отдел; 部署; 部门"
    ),
    "job_title": (
        "job title; job position; position; role; job role; designation; occupation; organization title; "
        "funktion; berufsbezeichnung; stelle; poste; fonction; intitulé du poste; puesto; cargo; posizione; "
        "functie; functietitel; stanowisko; должность; 職位; 役職; 职位; job; profession; beruf; "
        "stellenbezeichnung; ruolo; pozice; ünvan; beosztás; tehtävänimike; yrkestitel; stilling; befattning; 직책; "
        "θέση"
    ),
    "about": (
        "about; note; notes; description; comment; comments; remarks; bio; notiz; notizen; bemerkung; "
        "bemerkungen; anmerkung; anmerkungen; kommentar; remarques; commentaire; commentaires; nota; notas; "
        "observaciones; comentarios; commenti; observações; opmerkingen; notities; uwagi; заметки; "
        "примечание; 备注; 備考; internal notes; additional notes; other notes; general notes; remark; memo"
    ),
    "tags": (
        "tag; tags; labels; keywords; categories; group membership; schlagwort; schlagwörter; schlagworte; "
        "kategorie; kategorien; catégories; étiquettes; categorías; etiquetas; categorie; etichette; "
        "categorias; категории; 标签"
    ),
    "types": "types; contact type; contact types",
    "groups": "groups; contact groups; static groups",
    "relationship_status": "relationship status; status",
    "lifecycle_stage": "lifecycle stage",
    "owner": "owner; owner email; contact owner; contact owner email; assigned to; account owner; lead owner",
    "customer_number": (
        "customer number; customer no; client number; kundennummer; kunden nr; numéro client; numéro de "
        "client; número de cliente; numero cliente; klantnummer"
    ),
}
# Headings that have a meaning only beside one of others: `Service` is a department in a French file.
_BESIDE: Mapping[str, tuple[Meaning, frozenset[str]]] = {
    "service": (Meaning("department"), frozenset({"prenom", "societe", "nomdefamille"})),
    "ad": (Meaning("first_name"), frozenset({"soyad"})),
    "titel": (  # a job title in Scandinavian files, what precedes a name in German and Dutch ones
        Meaning("job_title"),
        frozenset({"fornamn", "efternamn", "fornavn", "efternavn", "etternavn", "foretag", "virksomhed"}),
    ),
    "particular": (Meaning("phone", "home"), frozenset({"apellidos", "apellido", "movil", "telefonomovil"})),
}
_PEOPLE = (
    "invitee", "contact", "customer", "client", "lead", "person", "attendee", "participant", "recipient", "subscriber",
    "member", "your",
)  # fmt: skip
"""Words before a heading of _OF_PEOPLE that do not change its meaning: `Invitee First Name`."""
_OF_PEOPLE = frozenset(
    {"first_name", "last_name", "name", "middle_name", "company", "department", "job_title", "about"}
)

Role = Literal["mail", "phone", "whatsapp", "filler"]

_WORDS: Mapping[Role, str] = {
    "mail": "email emails mail courriel courriels correo messagerie epost posta почта メール 邮件 eposta sähköposti",
    "phone": (
        "phone phones telephone telephones tel telefon telefono telefone telefoon fon fone rufnummer puhelin "
        "телефон 電話 电话 전화 ph landline festnetz festnetznummer fixe fijo fisso cellphone directdial directline "
        "전화 τηλέφωνο"
    ),
    "whatsapp": "whatsapp",
    "filler": (
        "address addresses adresse adressen direccion indirizzo endereco adres value valor wert number "
        "numbers nummer numero num no nr contact contacts invitee invitees customer client lead person your "
        "my the of de du des la le del della di el electronique electronico elettronica elettronico "
        "eletronico kontakt kunden attendee participant subscriber member adress electrónica dial cím szám "
        "番号 号 号码 號碼 번호 číslo numarası"
    ),
}
# Words beside them, by the label that they give to a number. Those of mobile phones say by themselves that it is one.
_LABELS: Mapping[str, str] = {
    "mobile": (
        "mobile mobil movil mobiel celular cellulare cellular cell handy natel gsm portable iphone sms "
        "textreminder мобильный 携帯 手机 手機 mob komorkowy "
        "cellphone 휴대폰 휴대전화 핸드폰 κινητό cep matkapuhelin"
    ),
    "business": (
        "business geschaftlich geschaeftlich dienstlich bureau professionnel professionnelle trabajo lavoro "
        "ufficio trabalho zakelijk geschaftliche dienstliche professionale dienstl "
        "geschaftl gesch firemni"
    ),
    "work": "work arbeit werk",
    "office": "office buro buero oficina",
    "direct": "direct directdial directline directo",
    "home": "home privat private prive domicile casa hjem hem",
    "personal": ("personal personnel perso personliche personale"),
    "other": (
        "other weiteres weitere autre otro otra altro outro andere secondary alternate alternative additional "
        "further second"
    ),
    "main": "main primary haupt principal principale default preferred",
    "company": "company firma firmen societe empresa organisation organization zentrale",
    "car": "car auto voiture coche",
    "radio": "radio",
    "assistant": "assistant assistants assistent sekretariat",
}
_DIGITS = re.compile("[0-9]+")
_NOT_OF_HEADINGS = re.compile(r"[{}<>=@\\]")
_NOTES = (
    "required mandatory optional recommended pflicht pflichtfeld pflichtangabe erforderlich notwendig freiwillig "
    "obligatoire requis facultatif optionnel obligatorio requerido opcional obbligatorio facoltativo verplicht "
    "optioneel obrigatório wymagane field text string varchar plain single line one free freitext texto texte testo"
)
_WORDS_OF_NOTES = frozenset(_NOTES.split())
_ENDINGS = ("label", "type", "typ")
"""The last words of headings of columns that hold the labels of another column."""


def fold(heading: str) -> str:
    """Return a heading in the form in which headings are compared: its letters and digits, without case and accents.

    Nothing is left of a text that is no heading, such as an address or a piece of JSON.
    """
    if _NOT_OF_HEADINGS.search(heading):
        return ""
    text = unicodedata.normalize("NFKD", heading[:_LONGEST]).casefold()
    return "".join(filter(str.isalnum, text))


def without_note(heading: str) -> str:
    """Return a heading without a note in brackets at its end that says how to fill it, such as `(required)` or
    `[text]`. Other words in brackets may change the meaning of a heading, and are kept: `Phone (fax)`.
    """
    bare = heading.rstrip(" *:")
    if bare[-1:] not in (")", "]"):
        return heading
    before, _, note = bare[:-1].rpartition("(" if bare[-1] == ")" else "[")
    words = note[:_LONGEST].casefold().split()
    return before if words and _WORDS_OF_NOTES.issuperset(words) else heading


def is_word(text: str) -> bool:
    """Return whether a word is one of those of which headings of addresses and numbers consist."""
    return fold(text) in _vocabulary()


def meaning_of(folded: str, beside: frozenset[str]) -> Meaning | None:
    """Return the meaning of a heading, or None for an unknown one.

    `folded`: the heading, and `beside` all headings of the file, as `fold` returns them.
    """
    known = _known()
    if folded in _BESIDE and _BESIDE[folded][1] & beside:
        return _BESIDE[folded][0]
    found = known.get(folded) or known.get(_DIGITS.sub("", folded))
    if found is None:
        of_person = next((folded[len(word) :] for word in _PEOPLE if folded.startswith(word)), "")
        found = known.get(of_person) if of_person else None
        if found is not None and found.field not in _OF_PEOPLE:
            found = None
    return found or _of_compound(folded)


def labelled_by(folded: str) -> tuple[str, str] | None:
    """Return the field and the digits of the columns whose labels a column holds: `Phone 1 - Label` has those of
    `Phone 1 - Value`. None for a column that holds no labels.
    """
    for ending in _ENDINGS:
        if folded.endswith(ending) and (found := _of_compound(folded.removesuffix(ending))):
            return found.field, digits_in(folded)
    return None


def digits_in(folded: str) -> str:
    """Return the digits of a heading."""
    return "".join(_DIGITS.findall(folded))


def is_label(word: str) -> bool:
    """Return whether a word is one of the labels that headings give to numbers."""
    return word in _LABELS


@lru_cache(maxsize=4096)  # each of a file's first lines is looked at with several delimiters
def _of_compound(folded: str) -> Meaning | None:
    """Return the meaning of a heading that consists of words for addresses or numbers."""
    words = _words_of(folded)
    if not words:
        return None
    kinds = [kind for word in words for kind in _vocabulary().get(word, ())]
    labels = list(dict.fromkeys(kind.removeprefix("label:") for kind in kinds if kind.startswith("label:")))
    if "mail" in kinds:
        is_other = {"phone", "whatsapp"} & {*kinds} or {"assistant", "mobile"} & {*labels}
        return None if is_other else Meaning("email")
    if "whatsapp" in kinds:
        return Meaning("whatsapp")
    if "phone" in kinds or "mobile" in labels:
        return Meaning("other_phones" if "assistant" in labels else "phone", " ".join(labels))
    return None


def _words_of(folded: str) -> list[str]:
    """Return the known words and the digits of which a heading consists; nothing if it has any other word."""
    if len(folded) > _LONGEST_COMPOUND:
        return []
    known, longest = _vocabulary(), _longest_word()
    ways: list[list[str] | None] = [[]] + [None] * len(folded)  # to read the heading up to each position
    reached = 0
    for end in range(1, len(folded) + 1):
        if end - reached > longest:
            return []
        for start in range(max(0, end - longest), end):
            before, word = ways[start], folded[start:end]
            if before is not None and (word in known or _DIGITS.fullmatch(word)):
                ways[end], reached = [*before, word], end
                break  # with the longest last word
    return ways[-1] or []


@cache
def _known() -> Mapping[str, Meaning]:
    return {
        fold(heading): Meaning(field)
        for field, headings in _HEADINGS.items()
        for heading in headings.split(";")
    }


@cache
def _vocabulary() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for kind, word in _kinds_of_words():
        found[fold(word)] = (*found.get(fold(word), ()), kind)
    return found


def _kinds_of_words() -> Iterator[tuple[str, str]]:
    groups: Iterable[tuple[str, str]] = (
        *_WORDS.items(),
        *((f"label:{label}", words) for label, words in _LABELS.items()),
    )
    for kind, words in groups:
        for word in words.split():
            yield kind, word


@cache
def _longest_word() -> int:
    return max(map(len, _vocabulary()))
