"""The options of an import as callers give and see them."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from shared.domain.encodings import ENCODINGS, encoding_name
from shared.domain.field_names import nearest
from shared.domain.import_options import (
    FIELDS,
    MAX_BYTES,
    MAX_DEFAULT_BYTES,
    MAX_MAPPING,
    ImportOptions,
    MatchOn,
    OnDuplicate,
    is_delimiter,
    is_field,
)
from shared.domain.phone import is_country
from shared.domain.text import GroupName, LabelName

MAX_TAGS = 100
"""Tags that options may name; a tenant's `max_tags_per_contact` may allow fewer."""
MAX_GROUPS = 100
"""Groups that options may name."""


def _country(code: str) -> str:
    if not is_country(code):
        raise PydanticCustomError("unknown_country", "This is not the ISO 3166-1 alpha-2 code of a country.")
    return code


def _encoding(given: str) -> str:
    name = encoding_name(given)
    if name is None:
        message = f"This is not a known encoding. Use one of {', '.join(ENCODINGS)}."
        raise PydanticCustomError("unknown_encoding", "{message}", {"message": message})
    return name


def _delimiter(given: str) -> str:
    if not is_delimiter(given):
        message = "A delimiter is one character, such as a comma, a semicolon, a tab or `|`."
        raise PydanticCustomError("unknown_delimiter", "{message}", {"message": message})
    return given


def _field(given: str) -> str:
    if is_field(given):
        return given
    meant = nearest(given, FIELDS)
    advice = (
        f"Did you mean `{meant}`?"
        if meant
        else f"Use one of {', '.join(FIELDS)}, `other_phones.<label>`, `custom.<key>`, or null for none."
    )
    raise PydanticCustomError("unknown_field", "{message}", {"message": f"This is not a field. {advice}"})


Country = Annotated[str, Field(min_length=2, max_length=2), AfterValidator(_country)]
"""The ISO 3166-1 alpha-2 code of a country, in capitals."""
_Encoding = Annotated[str, Field(min_length=1, max_length=40), AfterValidator(_encoding)]
_Delimiter = Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)]
_Header = Annotated[str, Field(min_length=1, max_length=1_000)]
_Target = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_field)]
_Mapping = Annotated[dict[_Header, _Target | None], Field(max_length=MAX_MAPPING)]


class ImportDefaultsInput(BaseModel):
    """Options of imports. An absent option stays as it is; null resets it."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    on_duplicate: OnDuplicate | None = Field(
        None,
        description="What happens to a row that matches a contact. `skip`: nothing. `update`: the values that the row "
        "has replace those of the contact. `merge`: they fill the empty fields of the contact. In the last two cases "
        "lists, such as tags, are united.",
    )
    match_on: MatchOn | None = Field(
        None,
        description="What a row and a contact must share to match, unless the row has the id of a contact. "
        "`customer_number`: the row is about the primary contact of this customer.",
    )
    mapping: _Mapping | None = Field(
        None,
        description="Fields by the headers of their columns; null for a column that is not to be read. Columns that "
        "are not named here are recognized by their headers. Fields are "
        f"{', '.join(f'`{name}`' for name in FIELDS)}, `other_phones.<label>` and `custom.<key>`. Replaced as a whole.",
        examples=[{"Kunde": "name", "Mobil": "other_phones.mobile", "Notiz": None}],
    )
    encoding: _Encoding | None = Field(
        None,
        description="The encoding of the file, if it should not be detected.",
        examples=["windows-1251"],
    )
    delimiter: _Delimiter | None = Field(
        None, description="The character between cells, if it should not be detected.", examples=[";"]
    )
    tags: Annotated[list[LabelName], Field(max_length=MAX_TAGS)] | None = Field(
        None,
        description="Tags for the contacts of all rows. A tag that does not exist is created.",
        examples=[["imported"]],
    )
    groups: Annotated[list[GroupName], Field(max_length=MAX_GROUPS)] | None = Field(
        None,
        description="Names or ids of static groups for the contacts of all rows.",
        examples=[["Customers"]],
    )
    owner_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The active user who becomes the owner of the contacts whose rows name no owner. By default the "
        "tenant's `default_owner_id`, else the user who creates the import.",
    )
    default_country: Country | None = Field(
        None,
        description="The country of telephone numbers without `+`: ISO 3166-1 alpha-2, in capitals. By default the "
        "tenant's.",
        examples=["DE"],
    )

    @model_validator(mode="after")
    def _is_of_bounded_size(self) -> Self:
        limit = self._max_bytes()
        if len(self.apply_to(ImportOptions()).to_json().encode()) > limit:
            message = f"The options have at most {limit:,} bytes together, as JSON in UTF-8."
            raise PydanticCustomError("options_too_large", "{message}", {"message": message})
        return self

    @classmethod
    def _max_bytes(cls) -> int:
        return MAX_DEFAULT_BYTES

    def apply_to(self, present: ImportOptions, defaults: ImportOptions | None = None) -> ImportOptions:
        """Return options with the given ones replaced. Null resets an option to that of `defaults`, by default those of
        the product."""
        defaults = defaults or ImportOptions()
        given: dict[str, Any] = {}
        for name in self.model_fields_set:
            value = getattr(self, name)
            value = tuple(dict.fromkeys(value)) if isinstance(value, list) else value
            given[name] = getattr(defaults, name) if value is None else value
        return present.changed(**given)


class OptionsInput(ImportDefaultsInput):
    """Options of an import. An absent option stays as it is; null resets it to the tenant's `import_defaults`."""

    dry_run: bool | None = Field(
        None,
        description="Whether the import writes nothing, and its results only say what would happen to each row.",
    )

    @classmethod
    def _max_bytes(cls) -> int:
        return MAX_BYTES


class ImportDefaultsShown(BaseModel):
    """A tenant's default options of imports: of dropped files, and of other imports unless they give their own.
    `encoding`, `delimiter`: null if they are detected. `default_country`: null for that of the tenant."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    on_duplicate: OnDuplicate = "skip"
    match_on: MatchOn = "email"
    mapping: dict[str, str | None] = {}
    encoding: str | None = None
    delimiter: str | None = None
    tags: list[str] = []
    groups: list[str] = []
    owner_id: str | None = None
    default_country: str | None = None

    @classmethod
    def of(cls, options: ImportOptions) -> Self:
        """Return options as they are shown."""
        given = {name: getattr(options, name) for name in cls.model_fields}
        given["mapping"] = dict(options.mapping)
        given |= {name: list(given[name]) for name in ("tags", "groups")}
        return cls.model_construct(**given)


class OptionsShown(ImportDefaultsShown):
    """The options of an import. `encoding`, `delimiter`: null if they are detected. `default_country`: null for
    that of the tenant."""

    dry_run: bool = False
