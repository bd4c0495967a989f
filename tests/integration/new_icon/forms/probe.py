"""PROBE: look for a file on a host."""

from __future__ import annotations

from jobarranger.db import tables as t
from jobarranger.definitions.forms.base import (
    Form,
    Found,
    Keys,
    Settings,
    read_host,
    write_host,
)
from jobarranger.definitions.section import Section

_MODES = {"fwait_mode_flag": 0, "file_delete_flag": 0, "file_wait_time": 0}


def read(section: Section) -> Settings:
    """Read the host and the file."""
    name = section.text("file", most=1000, unit="bytes")
    return {t.icon_fwait: [{**read_host(section), **_MODES, "file_name": name}]}


def write(found: Found) -> Keys:
    """Write the host and the file."""
    row = found.row(t.icon_fwait)
    return {**write_host(row), "file": row["file_name"]}


FORMS = (Form(kind=77, read=read, write=write),)
