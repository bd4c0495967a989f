"""Expressions of IF icons are POSIX extended ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.model.expressions import found, is_usable


@pytest.mark.parametrize(
    ("pattern", "text", "hit"),
    [
        ("b", "abc", True),
        ("B", "abc", False),
        ("^a.c$", "abc", True),
        ("^b$", "a\nb\nc", True),
        ("a.b", "a\nb", False),
        ("a[^x]b", "a\nb", False),
        ("[[:digit:]]{2}", "x12", True),
        ("(ok|done)", "all done", True),
        (r"\.", "abc", False),
        ("^$", "", True),
        ("gr.n", "grün", True),
        ("日本", "日本語", True),
        ("", "anything", True),
    ],
)
def test_search(pattern: str, text: str, hit: bool) -> None:
    """Searched anywhere, by case; `.` and `[^x]` stop at a line's end, `^` and `$` stand there."""
    assert found(pattern, text) is hit


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", "*(" * 3, "(a{1,255}){1,255}"])
def test_a_pattern_that_does_not_compile_matches_nothing(pattern: str) -> None:
    """An unusable pattern, or one that would take memory without end, is never found."""
    assert not is_usable(pattern)
    assert not found(pattern, "a")


@given(st.text(alphabet="abc.*+?()[]{}|^$\\1,0", max_size=12), st.text(max_size=20))
def test_no_pattern_does_harm(pattern: str, text: str) -> None:
    """Whatever stands in a definition gives yes or no."""
    assert found(pattern, text) in {True, False}
