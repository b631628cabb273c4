"""HTTP entry point of the feed."""

from __future__ import annotations

from functions.events.routes import routes
from shared.http.serving import lambda_handler
from shared.snapshot import prepare
from shared.wiring.feed import feed_reading
from shared.wiring.limits import rate_limits

handler = lambda_handler(routes, rate_limits=rate_limits)

prepare(feed_reading)
