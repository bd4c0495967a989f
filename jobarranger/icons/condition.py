"""IF: two ways to go on, by the value of a variable (docs/flow.md, IF)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from jobarranger import messages as m
from jobarranger.db import tables as t
from jobarranger.expressions import Fit, fit
from jobarranger.icons.base import Done, Failed, IconType, Outcome
from jobarranger.icons.traits import SettingsTable, Traits
from jobarranger.messages import Raised
from jobarranger.model import numbers
from jobarranger.model.records import Icon
from jobarranger.states import FlowType, JobType


class Comparison(IntEnum):
    """`hand_flag`: how the variable is compared."""

    NUMBER = 0  #: with a list of numbers and ranges
    TEXT = 1  #: with a regular expression


class Condition(IconType):
    """The IF icon. In a test run its condition is evaluated, and both ways are gone."""

    job_type = JobType.IF
    traits = Traits(word="if", chooses=True, skippable=False)
    tables = (SettingsTable(definition=t.icon_if, run=t.run_icon_if),)

    def start(self, icon: Icon, settings: Any, values: Mapping[str, str]) -> Outcome:
        """Compare, and choose the arrows."""
        hit = _compare(icon, settings, values)
        if isinstance(hit, Failed):
            return hit
        if icon.test:
            return Done()
        return Done(kind=FlowType.TRUE if hit else FlowType.FALSE)


def _compare(icon: Icon, settings: Any, values: Mapping[str, str]) -> bool | Failed:
    """Return whether the variable fits the pattern, or what is wrong."""
    if settings is None or settings.value_name not in values:
        return _failed(m.render(m.JARUNICONIF200003, inner_job_id=icon.id))
    value, pattern = values[settings.value_name], settings.comparison_value
    if pattern is None:
        return _failed(m.render(m.JARUNICONIF200002, inner_job_id=icon.id))
    if settings.hand_flag == Comparison.TEXT:
        return _found(icon, pattern, value)
    unusable = m.render(
        m.JARUNICONIF200004,
        hand_flag=settings.hand_flag,
        comparison_value=pattern[:_SHOWN],
        variable_value=value[:_SHOWN],
        inner_job_id=icon.id,
    )
    if settings.hand_flag != Comparison.NUMBER:
        unknown = m.render(m.JARUNICONIF200001, hand_flag=settings.hand_flag)
        return _failed(unknown, unusable)
    try:
        return numbers.matches(value, pattern)
    except numbers.PatternError:
        return _failed(unusable)


def _found(icon: Icon, pattern: str, value: str) -> bool | Failed:
    """Return whether the expression is found; one that is none never is."""
    answer = fit(pattern, value)
    if answer is Fit.TOO_MUCH:
        shown = pattern[:_SHOWN]
        return _failed(m.render(m.JARUNICONIF200005, inner_job_id=icon.id, expression=shown))
    return answer is Fit.YES


#: Characters of a value or pattern that a message shows.
_SHOWN = 200


def _failed(*messages: Raised) -> Failed:
    return Failed(messages)


TYPES = (Condition(),)
