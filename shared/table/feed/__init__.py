"""The feeds of published events."""
