"""HTTP entry point of those who accept an invitation; nobody is signed in here."""

from __future__ import annotations

from functions.invitations.routes import routes
from shared.http.routes import lambda_handler

handler = lambda_handler(routes)
