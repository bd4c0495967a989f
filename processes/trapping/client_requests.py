"""What a client asks for, checked as far as the telegram alone allows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from ipc.dialects import loads, mapping, number, old_text
from ipc.errors import ProtocolError
from ipc.shape import FLAT
from ipc.telegrams import VERSION, JobnetRun, StatusRequest
from jobarranger import messages as m
from jobarranger.messages import Message
from processes.trapping.refusals import Refused

#: A timed start must be at least so far ahead, in seconds.
SHORTEST_NOTICE = 60
#: Variables that one request may bring.
MAX_VARIABLES = 1024
#: Characters of the column that holds a variable's name.
MAX_VARIABLE_NAME = 128

_FORMS = {8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCommand:
    """A command to start a jobnet, checked as far as the telegram alone allows."""

    username: str
    password: str
    jobnet_id: str
    scheduled_time: int  #: YYYYMMDDHHMM, 0 = at once
    deterrence: bool
    env: dict[str, str]


def read_start(message: Mapping[str, object], now_ms: int, zone: tzinfo) -> StartCommand:
    """Check a `jobnetrun`.

    Raises:
        Refused: with the first failure in the original's order.
    """
    data = _checked(message, m.JATRAPPER200021, m.JATRAPPER200022)
    _require(data, "username", m.JATRAPPER200032)
    _require(data, "password", m.JATRAPPER200033)
    _require(data, "jobnetid", m.JATRAPPER200034)
    start_time = old_text(data, "start_time")
    scheduled = 0 if start_time is None else _scheduled(start_time, now_ms, zone)
    try:
        telegram = JobnetRun.from_json(message)
    except ProtocolError as error:
        raise Refused(str(error), m.JATRAPPER200051) from error
    return StartCommand(
        username=telegram.username,
        password=telegram.password,
        jobnet_id=telegram.jobnetid,
        scheduled_time=scheduled,
        deterrence=telegram.deterrence == 1,
        env=_checked_variables(telegram.env or {}),
    )


def read_variables(payload: bytes) -> dict[str, str]:
    """Read the variables of a large `jobnetrun`, the rest of which has been checked.

    Raises:
        Refused: they are too many, too long, or no object.
    """
    try:
        message = loads(payload, FLAT)
        if not isinstance(message, dict):
            raise ProtocolError("not a JSON object")
        return _checked_variables(JobnetRun.from_json(message).env or {})
    except ProtocolError as error:
        raise Refused(str(error), m.JATRAPPER200051) from error


def _checked_variables(env: dict[str, str]) -> dict[str, str]:
    if len(env) > MAX_VARIABLES:
        raise Refused(f"more than {MAX_VARIABLES} variables", m.JATRAPPER200051)
    if any(not name or len(name) > MAX_VARIABLE_NAME for name in env):
        raise Refused(f"a variable's name must have 1 to {MAX_VARIABLE_NAME} characters")
    return env


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCommand:
    """A question about the state of a run."""

    username: str
    password: str
    number: int | None  #: None: the text is no number, so there is no such run


def read_status(message: Mapping[str, object]) -> StatusCommand:
    """Check a `jobnetstatusrq`.

    Raises:
        Refused: with the first failure in the original's order.
    """
    data = _checked(message, m.JATRAPPER200029, m.JATRAPPER200030)
    _require(data, "username", m.JATRAPPER200032)
    _require(data, "password", m.JATRAPPER200033)
    _require(data, "registrynumber", m.JATRAPPER200052)
    telegram = StatusRequest.from_json(message)
    return StatusCommand(
        username=telegram.username,
        password=telegram.password,
        number=registry_number(telegram.registrynumber),
    )


def registry_number(text: str) -> int | None:
    """Return the number of a run, or None if `text` cannot be one."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 20:
        return None
    value = int(digits)
    return value if 0 < value < 2**63 else None


def _checked(
    message: Mapping[str, object], no_data: Message, bad_data: Message
) -> Mapping[str, object]:
    """Check version and data; return the data."""
    if message.get("version") is None:
        raise Refused("the request has no version", m.JATRAPPER200028)
    if number(message, "version") != VERSION:
        text = f"the version of the protocol must be {VERSION}"
        raise Refused(text, m.JATRAPPER200027, expected_version=VERSION)
    if message.get("data") is None:
        raise Refused("the request has no data", no_data)
    data = mapping(message, "data")
    if data is None:
        raise Refused("the data of the request is not an object", bad_data)
    return data


def _require(data: Mapping[str, object], key: str, reported: Message) -> None:
    if old_text(data, key) is None:
        raise Refused(f"the request has no [{key}]", reported)


def _scheduled(text: str, now_ms: int, zone: tzinfo) -> int:
    """Return a start time as YYYYMMDDHHMM."""
    form = _FORMS.get(len(text))
    try:
        if form is None or not (text.isascii() and text.isdigit()) or int(text[:4]) < 1900:
            raise ValueError(text)
        at = datetime.strptime(text, form).replace(tzinfo=zone)
    except ValueError:
        raise Refused(f"the start time [{text[:20]}] is not a valid time") from None
    if at.timestamp() < now_ms / 1000 + SHORTEST_NOTICE:
        raise Refused(f"the start time [{text}] is not {SHORTEST_NOTICE} s in the future")
    return int(at.strftime("%Y%m%d%H%M"))
