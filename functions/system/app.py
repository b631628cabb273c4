"""HTTP entry point of health, the OpenAPI document and Swagger UI, which need no sign-in."""

from __future__ import annotations

from functions.system.routes import routes
from shared.http.serving import lambda_handler

handler = lambda_handler(routes)
