"""Reasons why the stack cannot start."""

from __future__ import annotations


class CannotStart(Exception):
    """The stack cannot start; the message says what to do."""
