"""The trace of an internal error in the log."""

from __future__ import annotations

from shared import observability


def deep(levels: int) -> None:
    if levels:
        deep(levels - 1)
    else:
        raise ValueError("canary@example.com")


def test_a_trace_is_cut_to_the_innermost_frames() -> None:
    try:
        try:
            deep(500)
        except ValueError as error:
            raise RuntimeError from error
    except RuntimeError:
        lines = observability.trace()
    assert len(lines) == observability.MAX_LINES
    assert lines[0] == "RuntimeError" and lines[2] == "ValueError"
    assert lines[1].endswith(" test_a_trace_is_cut_to_the_innermost_frames")
    assert all(line.endswith(" deep") for line in lines[3:])
    assert not any("canary" in line for line in lines)


def test_a_long_chain_of_errors_is_cut_too() -> None:
    def fail(times: int) -> None:
        try:
            raise ValueError
        finally:
            if times:
                fail(times - 1)

    try:
        fail(100)
    except ValueError:
        assert len(observability.trace()) <= observability.MAX_LINES
