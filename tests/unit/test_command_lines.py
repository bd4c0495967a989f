"""The operators' command lines: what is accepted where."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobarranger.commands import ctl, definition, operate


@pytest.mark.parametrize(
    ("parser", "line"),
    [
        (definition.parser, "{} enable A B {}"),
        (definition.parser, "{} export {} A"),
        (ctl.parser, "{} jobnet {} list {}"),
        (ctl.parser, "{} icon hold {} 7/A"),
    ],
)
def test_the_configuration_file_is_named_anywhere(parser, line):
    """`-c FILE` may stand before the action, behind it, and at the end."""
    places = line.count("{}")
    for place in range(places):
        words = line.format(*("-c FILE" if place == number else "" for number in range(places)))
        assert parser().parse_args(words.split()).config == Path("FILE")
    assert parser().parse_args(line.replace("{}", "").split()).config == operate.CONFIG


def test_the_last_word_on_the_configuration_file_counts():
    """Named twice, it is the one behind."""
    words = ["-c", "A", "jobnet", "-c", "B", "list"]
    assert ctl.parser().parse_args(words).config == Path("B")
