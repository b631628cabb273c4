"""The table that `make bench` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement. `budget` bounds the ratio to the yardstick, `limit` the figure itself."""

    name: str
    ours: float
    yardstick: float | None
    unit: str
    budget: float | None
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.ours / self.yardstick if self.yardstick else None

    @property
    def is_met(self) -> bool | None:
        """Whether the budget or the limit holds; None when there is neither."""
        if self.limit is not None:
            return self.ours <= self.limit
        if self.budget is None or self.ratio is None:
            return None
        return self.ratio <= self.budget


def table(figures: list[Figure]) -> str:
    """Return the figures as aligned text."""
    head = ("what", "ours", "yardstick", "ratio", "budget", "")
    rows = [head]
    for one in figures:
        bound = "" if one.budget is None else f"≤ {one.budget:.2f}"
        if one.limit is not None:
            bound = f"≤ {one.limit:g} {one.unit}".strip()
        rows.append(
            (
                one.name,
                f"{one.ours:.3g} {one.unit}".strip(),
                "" if one.yardstick is None else f"{one.yardstick:.3g} {one.unit}",
                "" if one.ratio is None else f"{one.ratio:.2f}",
                bound,
                {True: "met", False: "MISSED", None: ""}[one.is_met],
            )
        )
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    return "\n".join("  ".join(cell.ljust(widths[n]) for n, cell in enumerate(row)).rstrip() for row in rows)
