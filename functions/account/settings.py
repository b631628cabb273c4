"""Routes of the tenant's settings."""

from __future__ import annotations

from shared.domain.accounts.settings import SettingsPatch, SettingsShown
from shared.domain.errors import Conflict, VersionMismatch
from shared.http.call import Call
from shared.http.routes import JSON, MERGE_PATCH, Reply, Routes
from shared.wiring.accounts import settings_service

routes = Routes("Settings")


@routes.route("GET", "/settings", summary="Read the tenant's settings", answer=SettingsShown)
def read_settings(call: Call) -> Reply:
    return Reply(record=SettingsShown.of(settings_service(call.caller).read()))


@routes.route(
    "PATCH",
    "/settings",
    summary="Change the tenant's settings (JSON merge patch)",
    body=SettingsPatch,
    media_types=(JSON, MERGE_PATCH),
    answer=SettingsShown,
    conditional=True,
    errors=(Conflict, VersionMismatch),
)
def patch_settings(call: Call, body: SettingsPatch) -> Reply:
    """Takes effect within two seconds. `visibility` and `rate_limit` take effect within 62 seconds, like rights."""
    return Reply(record=SettingsShown.of(settings_service(call.caller).change(body, call.if_match)))
