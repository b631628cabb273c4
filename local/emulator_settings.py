"""What both the emulator's process and the one that starts it go by."""

from __future__ import annotations

HOST = "127.0.0.1"
DRAIN_SECONDS = 12.0
"""How long running functions may go on after the order to stop. What is cut off then is taken up at the next start."""
