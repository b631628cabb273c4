"""A finding: an e-mail address, telephone number, URL or tag in the text of a note."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

FindingKind = Literal["email", "phone", "url", "tag"]


class Finding(TypedDict):
    """A finding from `start` up to, but not including, `end`: offsets in `body` in Unicode code points, from 0.

    `value`: the normalized form. An e-mail address as contacts store it; a telephone number in E.164; a URL with
    scheme and host in lower case; a tag without `#`, in lower case.
    """

    kind: FindingKind
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    value: str
