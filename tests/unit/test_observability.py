"""What the log says of a fault of ours."""

from __future__ import annotations

from shared import observability


def deep(levels: int) -> None:
    if levels:
        deep(levels - 1)
    else:
        raise ValueError("canary@example.com")


def test_a_trace_is_short_however_deep_the_fault_and_tells_its_inmost_frames() -> None:
    try:
        try:
            deep(500)
        except ValueError as error:
            raise RuntimeError from error
    except RuntimeError:
        lines = observability.trace()
    assert len(lines) == observability.MAX_LINES
    assert lines[0] == "RuntimeError" and lines[2] == "ValueError"
    assert lines[1].endswith(" test_a_trace_is_short_however_deep_the_fault_and_tells_its_inmost_frames")
    assert all(line.endswith(" deep") for line in lines[3:])
    assert not any("canary" in line for line in lines)


def test_errors_that_follow_one_another_without_end_are_cut_off_too() -> None:
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
