"""A maker of worlds, for tests that need a new one for each place where something may break."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from tests.integration.world import World
from tests.support.aws import stack_in_moto
from tests.support.saved_moto import SavedMoto
from tests.support.template import Template
from tests.support.tokens import TokenIssuer

T = TypeVar("T")


@dataclass(frozen=True)
class Worlds:
    """A call of it returns a new world."""

    template: Template
    issuer: TokenIssuer

    @contextmanager
    def __call__(self) -> Iterator[World]:
        with stack_in_moto(self.template, self.issuer) as stack:
            yield World(stack, self.issuer)

    def prepared(
        self, prepare: Callable[[World], T]
    ) -> tuple[Callable[[], AbstractContextManager[World]], T]:
        """Prepare a world once. Return a maker of new worlds with the contents of that one, and what `prepare`
        returned, which no test may change.
        """
        with self() as original:
            result = prepare(original)
            contents = SavedMoto()

        @contextmanager
        def make() -> Iterator[World]:
            with stack_in_moto(self.template, self.issuer, contents=contents) as stack:
                yield World(stack, self.issuer, like=original)

        return make, result
