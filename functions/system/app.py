"""HTTP entry point of what needs no sign-in: health and the API's description."""

from __future__ import annotations

from functions.system.routes import routes
from shared.http.serving import lambda_handler

handler = lambda_handler(routes)
