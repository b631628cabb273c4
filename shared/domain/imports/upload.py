"""Files to import: dropped into a tenant's inbox, or uploaded for an import that a caller created."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from shared.domain.ids import derived_id
from shared.domain.import_options_input import OptionsInput
from shared.domain.timestamps import Timestamp, to_milliseconds


class InboxFile(NamedTuple):
    """A file in the inbox of a tenant."""

    tenant_id: str
    file_name: str


class UploadedFile(NamedTuple):
    """A file that was uploaded for an import."""

    tenant_id: str
    import_id: str


Location = InboxFile | UploadedFile


class StoredFile(NamedTuple):
    """The content of an object: its `etag`, without quotes, and its size in bytes."""

    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """An object of the drop bucket that can be imported.

    `etag`: without its quotes. `modified_at`: when it was put, in whole seconds (S3 knows no finer time). `location`:
    what its key says about it.
    """

    bucket: str
    key: str
    etag: str
    size: int
    modified_at: str
    location: Location

    @property
    def import_id(self) -> str:
        """The id of the import of this content, put at this time: the same however often, and by whichever process, the
        file is found. Why it is made of these parts: docs/decisions/0005."""
        return derived_id(to_milliseconds(self.modified_at), self.bucket, self.key, self.etag)


class ImportInput(BaseModel):
    """An import to create."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    file_name: Annotated[
        str, Field(min_length=1, max_length=255, description="A name by which people recognize the file.")
    ]
    options: Annotated[
        OptionsInput | None,
        Field(
            description="Options that differ from the tenant's `import_defaults`. A preview and the start can "
            "change them."
        ),
    ] = None


class StartInput(BaseModel):
    """How to start an import."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    options: Annotated[
        OptionsInput | None, Field(description="Options that differ from those of the import.")
    ] = None


class Upload(BaseModel):
    """How to upload the file: post a form (`multipart/form-data`) to `url` before `expires_at`, with all of `fields`
    unchanged, followed by the file itself as the field `file` (Amazon S3 API Reference, "POST Object")."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: Timestamp
