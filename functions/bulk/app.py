"""HTTP entry point of what is done to many contacts at once.

A function of its own, so that the one for single calls need not load this when it starts.
"""

from __future__ import annotations

from functions.bulk.routes import routes
from shared import wiring
from shared.http.routes import lambda_handler

handler = lambda_handler(routes, keyed=wiring.keyed_calls, limited=wiring.rate_limits)
