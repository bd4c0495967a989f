"""END: where a jobnet ends, and with which exit code."""

from __future__ import annotations

import re

from jobarranger.db import tables as t
from jobarranger.definitions.forms.base import Form, Found, Keys, Settings
from jobarranger.definitions.section import Section
from jobarranger.states import JobType

_EXIT_CODE = re.compile(r"(\$[A-Za-z_][A-Za-z0-9_]*|\d{1,3})\Z")


def read(section: Section) -> Settings:
    """Read the exit code and whether to stop in front of the end."""
    code = section.text("exit-code", "0", most=256)
    if not _EXIT_CODE.match(code) or (code.isdigit() and int(code) > 255):
        raise section.error("exit-code", f"{code!r} is neither 0 to 255 nor $VARIABLE")
    stop = section.flag("stop-before")
    return {t.icon_end: [{"jobnet_stop_flag": stop, "jobnet_stop_code": code}]}


def write(found: Found) -> Keys:
    """Write what differs from a plain end."""
    row = found.row(t.icon_end)
    keys: Keys = {}
    if row["jobnet_stop_code"] != "0":
        keys["exit-code"] = row["jobnet_stop_code"]
    if row["jobnet_stop_flag"]:
        keys["stop-before"] = True
    return keys


FORMS = (Form(kind=JobType.END, read=read, write=write, outgoing=(0, 0)),)
