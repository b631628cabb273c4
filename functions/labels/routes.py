"""Routes of labels: tags, types and groups."""

from __future__ import annotations

from functions.labels import groups, tags, types
from shared.http.routes import Routes

routes = Routes("Labels")
routes.include(tags.routes, types.routes, groups.routes)
