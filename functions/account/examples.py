"""Examples of the account's routes; see `shared.http.examples`."""

from __future__ import annotations

from functions.account.me import Me, MyTenant
from shared.domain.accounts.settings import RateLimitShown, SettingsShown
from shared.domain.accounts.tag_rules import TagRuleBody, TagTriggerBody
from shared.domain.callers import PERMISSIONS
from shared.domain.errors import Conflict, Invalid, PermissionDenied, Unauthenticated, VersionMismatch
from shared.domain.import_options_input import ImportDefaultsShown
from shared.http.examples import USER_ID, Example

_SHOWN = SettingsShown(
    default_country="US",
    auto_clean_phone_numbers=True,
    max_tags_per_contact=10,
    email_verification=False,
    require_email=True,
    unique_scope="tenant",
    visibility="tenant",
    timezone="UTC",
    import_defaults=ImportDefaultsShown(),
    rate_limit=RateLimitShown(requests_per_second=100, burst=200),
    version=1,
    updated_at="2025-04-01T08:00:00.000Z",
)

PARAMETERS: dict[str, str] = {}

EXAMPLES = {
    "read_me": Example(
        answer=Me(
            kind="user",
            id=USER_ID,
            username="ada@example.com",
            role="admin",
            permissions=dict.fromkeys(PERMISSIONS, "all"),
            tenant=MyTenant(id="demo", name="Demo Studio"),
        ),
        problems=(Unauthenticated("Send a valid access token or API key as Authorization: Bearer."),),
    ),
    "read_settings": Example(answer=_SHOWN, problems=(PermissionDenied.lacking("contacts:read"),)),
    "patch_settings": Example(
        request={
            "default_country": "GB",
            "timezone": "Europe/London",
            "duplicate_key": "member_number",
            "rate_limit": {"requests_per_second": 20},
            "import_defaults": {"on_duplicate": "merge", "tags": ["from the folder"]},
            "tag_rules": [
                {"on": {"interaction": "meeting"}, "add": ["met"], "remove": ["lead"]},
                {"on": {"booking": "cancelled"}, "add": ["cancelled"]},
            ],
        },
        answer=_SHOWN.model_copy(
            update={
                "default_country": "GB",
                "timezone": "Europe/London",
                "duplicate_key": "member_number",
                "rate_limit": RateLimitShown(requests_per_second=20, burst=100),
                "import_defaults": ImportDefaultsShown(on_duplicate="merge", tags=["from the folder"]),
                "tag_rules": [
                    TagRuleBody(
                        on=TagTriggerBody(interaction="meeting", booking=None), add=["met"], remove=["lead"]
                    ),
                    TagRuleBody(
                        on=TagTriggerBody(interaction=None, booking="cancelled"), add=["cancelled"], remove=[]
                    ),
                ],
                "version": 2,
                "updated_at": "2025-05-02T14:05:00.000Z",
                "updated_by": f"user:{USER_ID}",
            }
        ),
        problems=(
            Invalid.field(
                "default_country", "unknown_country", "This is not the ISO 3166-1 alpha-2 code of a country."
            ),
            Conflict(
                "`unique_scope` can only change while the tenant has no contacts. Delete the contacts first.",
                code="tenant_has_contacts",
            ),
            VersionMismatch(),
        ),
    ),
}
