"""JOB: run a command on a host."""

from __future__ import annotations

import re

from jobarranger.db import tables as t
from jobarranger.definitions.forms.base import (
    Extra,
    Form,
    Found,
    Keys,
    Settings,
    read_host,
    write_host,
)
from jobarranger.definitions.section import Section
from jobarranger.states import JobType

#: Longest command; a telegram to an agent carries no more (bytes).
MAX_COMMAND = 4000

_STOP_CODE = re.compile(r"\d+(\s*-\s*\d+)?(\s*,\s*\d+(\s*-\s*\d+)?)*\Z")

_RUN, _STOP = 0, 2  # command_cls


def read(section: Section) -> Settings:
    """Read host, commands, variables and what counts as an error."""
    command = section.text("command", most=MAX_COMMAND, unit="bytes")
    if not command.strip():
        raise section.error("command", "is empty")
    commands = [{"command_cls": _RUN, "command": command}]
    stop = section.text("stop-command", "", most=MAX_COMMAND, unit="bytes")
    if stop:
        commands.append({"command_cls": _STOP, "command": stop})
    own = {
        **read_host(section),
        "stop_flag": _stop_flag(section, stop),
        "command_type": _RUN,
        "timeout": section.number("timeout", 0, least=0, most=99_999),
        "stop_code": _stop_code(section),
    }
    return {
        t.icon_job: [own],
        t.job_command: commands,
        t.value_job: [
            {"value_name": name, "value": value}
            for name, value in section.variables("variables").items()
        ],
        t.value_jobcon: [{"value_name": name} for name in section.variable_names("receive")],
    }


def _stop_flag(section: Section, stop: str) -> int:
    """Read whether the stop command is used; the Manager keeps one that is not."""
    use = section.flag("use-stop-command", default=bool(stop))
    if use and not stop:
        raise section.error("use-stop-command", "needs a stop-command")
    return use


def _stop_code(section: Section) -> str | None:
    """Read the exit codes that count as an error, e.g. `1-9, 255`; an explicit null stays one."""
    if not section.has("error-codes") and "error-codes" in section.names():
        section.raw("error-codes")
        return None
    text = section.text("error-codes", "", most=32)
    if text and not _STOP_CODE.match(text):
        raise section.error("error-codes", f"{text!r} is no list of numbers and ranges like 1-9,12")
    return text


def write(found: Found) -> Keys:
    """Write what is set."""
    row = found.row(t.icon_job)
    commands = {each["command_cls"]: each["command"] for each in found.rows(t.job_command)}
    if _RUN not in commands:
        raise found.error("has no command")
    keys: Keys = {**write_host(row), "command": commands[_RUN]}
    stop = commands.get(_STOP, "")
    if stop:
        keys["stop-command"] = stop
    if row["stop_flag"] != bool(stop):
        keys["use-stop-command"] = bool(row["stop_flag"])
    if row["stop_code"] != "":
        keys["error-codes"] = row["stop_code"]
    if row["timeout"]:
        keys["timeout"] = row["timeout"]
    if values := {each["value_name"]: each["value"] for each in found.rows(t.value_job)}:
        keys["variables"] = values
    if names := [each["value_name"] for each in found.rows(t.value_jobcon)]:
        keys["receive"] = names
    return keys


FORMS = (Form(kind=JobType.JOB, read=read, write=write, extras=frozenset(Extra)),)
