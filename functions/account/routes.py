"""Routes of the account: the caller's identity and the tenant's settings."""

from __future__ import annotations

from functions.account import me, settings
from shared.http.routes import Routes

routes = Routes("Account")
routes.include(me.routes, settings.routes)
