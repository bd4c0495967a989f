"""Rules that fill a calendar, as they stand in a YAML file (docs/calendars.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from jobarranger.calendars import generate
from jobarranger.calendars.datefile import DateLayout, read_date, read_dates
from jobarranger.calendars.days import OperatingDays
from jobarranger.calendars.generate import Weekday
from jobarranger.definitions.daylists import read_month, read_numbers
from jobarranger.definitions.holidays import public_holidays
from jobarranger.definitions.kindform import Context
from jobarranger.definitions.scalars import as_text
from jobarranger.definitions.section import Section
from jobarranger.definitions.yamlfile import read_text
from jobarranger.errors import DefinitionError

#: Longest stretch that rules fill.
_LONGEST = timedelta(days=36_525)


@dataclass(frozen=True, slots=True)
class Stretch:
    """The time that rules fill: `from` and `to`, both included."""

    section: Section
    first: date | None
    last: date | None

    @classmethod
    def read(cls, section: Section) -> Stretch:
        """Read `from` and `to`; a calendar that only lists days needs neither."""
        first, last = (_date(section, key) for key in ("from", "to"))
        if first is not None and last is not None and not first <= last <= _later(first):
            raise section.error("to", f"{last} is not from {first} to {_later(first)}")
        return cls(section, first, last)

    def ends(self, rule: str) -> tuple[date, date]:
        """Return both ends.

        Raises:
            DefinitionError: the rule needs them and one is missing.
        """
        if self.first is None or self.last is None:
            key = "from" if self.first is None else "to"
            raise self.section.error(key, f"is missing; {rule} needs it")
        return self.first, self.last


def read_rules(section: Section, key: str, stretch: Stretch, context: Context) -> OperatingDays:
    """Return the days of a list of rules: all days that any of them names."""
    value = section.raw(key)
    if value is None:
        return OperatingDays()
    if not isinstance(value, list):
        raise section.error(key, f"{value!r} is not a list of rules")
    found = OperatingDays()
    for number, entry in enumerate(value, 1):
        place = f"{section.place}.{key}[{number}]"
        inner = Section(place, {entry: True} if isinstance(entry, str) else entry)
        words = [word for word in RULES if inner.has(word)]
        if len(words) != 1:
            known = ", ".join(RULES)
            raise DefinitionError(f"{place}: {entry!r} is none of the rules {known}")
        try:
            found |= RULES[words[0]](inner, words[0], stretch, context)
        except DefinitionError as error:
            text = str(error)
            raise DefinitionError(
                text if text.startswith(section.place) else f"{place}: {text}"
            ) from error
        inner.done()
    return found


def day_map(section: Section, key: str) -> OperatingDays:
    """Read days month by month: `2026-05: 4-6, 29`."""
    inner = Section(f"{section.place}.{key}", section.raw(key))
    days: list[date] = []
    for name in inner.names():
        place = f"{inner.place}.{name}"
        month = read_month(place, name)
        numbers = read_numbers(place, as_text(inner.raw(name)), most=month.length)
        days += (date(month.year, month.month, number) for number in numbers)
    return OperatingDays(days)


def _date(section: Section, key: str) -> date | None:
    """Read a date, None if the key is missing."""
    value = section.raw(key)
    if value is None:
        return None
    found = read_date(as_text(value), DateLayout.YEAR_DASHES)
    if found is None:
        raise section.error(key, f"{as_text(value)!r} is no date of the form YYYY-MM-DD")
    return found


def _later(first: date) -> date:
    """Return the last date that a stretch can reach."""
    return min(first, date.max - _LONGEST) + _LONGEST


def _every_day(inner: Section, word: str, stretch: Stretch, context: Context) -> OperatingDays:
    inner.flag(word)
    return generate.every_day(*stretch.ends(word))


def _first_days(inner: Section, word: str, stretch: Stretch, context: Context) -> OperatingDays:
    inner.flag(word)
    return generate.month_starts(*stretch.ends(word))


def _last_days(inner: Section, word: str, stretch: Stretch, context: Context) -> OperatingDays:
    inner.flag(word)
    return generate.month_ends(*stretch.ends(word))


def _weekdays(inner: Section, word: str, stretch: Stretch, context: Context) -> OperatingDays:
    """Read `monday-friday`, `saturday, sunday`; with `nth` only the n-th of each month."""
    wanted = _wanted(inner, word)
    first, last = stretch.ends(word)
    if not inner.has("nth"):
        inner.raw("nth")
        return generate.weekdays(first, last, wanted)
    n = inner.number("nth", 1, least=-5, most=5)
    found = OperatingDays()
    for weekday in wanted:
        found |= generate.nth_weekday(first, last, weekday, n)
    return found


def _wanted(inner: Section, word: str) -> list[Weekday]:
    """Read days of the week, single ones and spans; a span may go over Sunday."""
    found = []
    for part in inner.text(word, most=1000).split(","):
        low, _, high = part.strip().partition("-")
        names = [low.strip().upper(), (high or low).strip().upper()]
        if not set(names) <= set(Weekday.__members__):
            known = ", ".join(Weekday.__members__).lower()
            raise inner.error(word, f"{part.strip()!r} is no day or span of days of {known}")
        begin, end = (Weekday[name] for name in names)
        found += [Weekday((begin + n) % 7) for n in range((end - begin) % 7 + 1)]
    return found


def _numbers(inner: Section, word: str, stretch: Stretch, context: Context) -> OperatingDays:
    """Read `1, 15-17`: numbers of days in every month."""
    numbers = set(read_numbers(f"{inner.place}.{word}", inner.text(word, most=1000)))
    return generate.day_numbers(*stretch.ends(word), numbers)


def _dates(inner: Section, word: str, stretch: Stretch, context: Context) -> OperatingDays:
    """Read days month by month, wherever they lie."""
    return day_map(inner, word)


def _holidays(inner: Section, word: str, stretch: Stretch, context: Context) -> OperatingDays:
    """Read a country, or a part of one."""
    place = f"{inner.place}.{word}"
    first, last = stretch.ends(word)
    return OperatingDays(public_holidays(place, inner.text(word, most=20), first, last))


def _file(inner: Section, word: str, stretch: Stretch, context: Context) -> OperatingDays:
    """Read a file of dates; its name is relative to the place of the YAML file."""
    path = context.directory / inner.text(word, most=4096)
    name = inner.text("layout", DateLayout.YEAR_DASHES.value, most=40)
    if name not in list(DateLayout):
        raise inner.error("layout", f"{name!r} is none of {', '.join(DateLayout)}")
    return read_dates(read_text(path).splitlines(), DateLayout(name), str(path))


_Rule: TypeAlias = Callable[[Section, str, Stretch, Context], OperatingDays]

#: Every rule by its key.
RULES: dict[str, _Rule] = {
    "every-day": _every_day,
    "weekdays": _weekdays,
    "first-day-of-month": _first_days,
    "last-day-of-month": _last_days,
    "day-numbers": _numbers,
    "dates": _dates,
    "holidays": _holidays,
    "file": _file,
}
