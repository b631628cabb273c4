"""The mailbox that an e-mail address delivers to, as far as the address shows it."""

from __future__ import annotations

_PROVIDERS = {
    "googlemail.com": "gmail.com",
    "mac.com": "icloud.com",
    "me.com": "icloud.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
    "protonmail.ch": "proton.me",
    "ya.ru": "yandex.ru",
    "yandex.com": "yandex.ru",
    "yandex.by": "yandex.ru",
    "yandex.kz": "yandex.ru",
}
"""Domains of one provider that share their mailboxes, each with the domain that represents them all."""
_IGNORED = {"gmail.com": ".", "proton.me": ".-_"}
"""The characters that a provider ignores in the part before the `@`."""


def mailbox_of(email: str) -> str:
    """Return the mailbox of an address in its stored form: `ada.l+news@googlemail.com` is `adal@gmail.com`.

    A tag that follows a `+` is left out (RFC 5233), and so are the dots that some providers ignore. The domains of one
    provider that share their mailboxes are one domain.
    """
    local, _, domain = email.rpartition("@")
    domain = _PROVIDERS.get(domain, domain)
    bare = local.partition("+")[0] or local
    for character in _IGNORED.get(domain, ""):
        bare = bare.replace(character, "")
    return f"{bare or local}@{domain}"
