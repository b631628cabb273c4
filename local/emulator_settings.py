"""Settings that the emulator's process and the process that starts it share."""

from __future__ import annotations

HOST = "127.0.0.1"
DRAIN_SECONDS = 12.0
"""How long running functions may continue after the order to stop. Interrupted ones are run again at the next start."""
