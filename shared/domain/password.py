"""What a password must be; the user pool's policy (infra/template.yaml) asks for the same."""

from __future__ import annotations

from shared.domain.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 12, 256


def check_password(password: str) -> None:
    """Raises Invalid for a password that the user pool would refuse.

    Letters are those of Basic Latin, and no white space stands at the ends (Amazon Cognito, password policies).
    """
    ascii_letters = [character for character in password if character.isascii()]
    if not (
        MIN_LENGTH <= len(password) <= MAX_LENGTH
        and password == password.strip()
        and any(character.islower() for character in ascii_letters)
        and any(character.isupper() for character in ascii_letters)
        and any(character.isdigit() for character in ascii_letters)
    ):
        raise Invalid.field(
            "password",
            "weak_password",
            f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters, lower-case and upper-case letters and digits "
            "among them.",
        )
