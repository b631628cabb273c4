"""HTTP entry point of registering, accepting an invitation and signing in."""

from __future__ import annotations

from functions.auth.routes import routes
from shared.http.routes import lambda_handler

handler = lambda_handler(routes)
