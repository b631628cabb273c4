"""Runs all benchmarks and prints their table."""

from __future__ import annotations

import platform

from benchmarks import (
    authorizer,
    cold,
    entry_scale,
    exports,
    feed,
    import_memory,
    imports,
    scale,
    warm,
    webhooks,
)
from benchmarks.report import table


def main() -> None:
    feeds, deliveries = feed.Measured.now(), webhooks.measure()
    print(f"CPython {platform.python_version()}; ratios are ours to the yardstick of the same run\n")
    print(
        table(
            cold.figures()
            + warm.figures()
            + authorizer.figures()
            + imports.figures()
            + import_memory.figures()
            + feeds.figures()
            + webhooks.figures(deliveries)
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
    print(feeds.table())
    print()
    print(webhooks.table(deliveries))


if __name__ == "__main__":
    main()
