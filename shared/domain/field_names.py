"""The field that a caller probably meant with an unknown name."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LONGEST = 64
_LIKE, _SOMEWHAT_LIKE = 0.8, 0.6

_OTHER_WORDS = {
    "cell": ("phone",),
    "cellphone": ("phone",),
    "customer": ("customer_id",),
    "employer": ("company",),
    "family_name": ("last_name",),
    "forename": ("first_name",),
    "given_name": ("first_name",),
    "mobile": ("phone",),
    "name": ("first_name", "tenant_name", "file_name"),
    "notes": ("about", "description"),
    "offset": ("skip",),
    "order": ("sort",),
    "order_by": ("sort",),
    "organisation": ("company",),
    "organization": ("company",),
    "owner": ("owner_id",),
    "per_page": ("page_size", "limit"),
    "position": ("job_title",),
    "q": ("search",),
    "query": ("search",),
    "surname": ("last_name",),
    "tel": ("phone",),
    "telephone": ("phone",),
    "title": ("job_title",),
    "tp_number": ("phone",),
    "wa_number": ("whatsapp",),
}
"""Names that other products and people use for fields of the API, the best match first."""


def nearest(given: str, known: Sequence[str]) -> str | None:
    """Return the name among `known` that `given` most likely means, or None.

    Case, separators and camel case are ignored: `firstName`, `First Name` and `first-name` are `first_name`.
    """
    name = _words(given[:_LONGEST])
    if not name:
        return None
    by_letters = {one.replace("_", ""): one for one in known}
    if same := by_letters.get(name.replace("_", "")):
        return same
    if meant := next((one for one in _OTHER_WORDS.get(name, ()) if one in known), None):
        return meant

    from difflib import get_close_matches

    if close := get_close_matches(name, known, 1, _LIKE):
        return close[0]
    words = set(name.split("_"))
    within = [one for one in known if words <= set(one.split("_")) or set(one.split("_")) <= words]
    if len(within) == 1:
        return within[0]
    close = get_close_matches(name, known, 1, _SOMEWHAT_LIKE)
    return close[0] if close else None


def _words(name: str) -> str:
    """Return a name in snake case."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
