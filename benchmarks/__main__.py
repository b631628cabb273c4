"""Runs all benchmarks and prints their table."""

from __future__ import annotations

import platform

from benchmarks import authorizer, cold, duplicates, entry_scale, exports, import_memory, imports, scale, warm
from benchmarks.report import table


def main() -> None:
    print(f"CPython {platform.python_version()}; ratios are ours to the yardstick of the same run\n")
    print(
        table(
            cold.figures()
            + warm.figures()
            + authorizer.figures()
            + imports.figures()
            + import_memory.figures()
        )
    )
    print()
    print(scale.table())
    print()
    print(scale.spreads_table())
    print()
    print(scale.walks_table())
    print()
    print(entry_scale.table())
    print()
    print(exports.table())
    print()
    print(duplicates.table())
    print()
    print(duplicates.costs_table())
    print()
    _print_events()


def _print_events() -> None:
    """Print the figures of the feed and of webhooks."""
    # Last, since moto makes this process large, and with it the memory of those that it starts.
    from benchmarks import feed, webhooks

    feeds, deliveries = feed.Measured.now(), webhooks.measure()
    print(table(feeds.figures() + webhooks.figures(deliveries)))
    print()
    print(feeds.table())
    print()
    print(webhooks.table(deliveries))


if __name__ == "__main__":
    main()
