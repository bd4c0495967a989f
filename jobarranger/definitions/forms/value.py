"""VALUE: set variables."""

from __future__ import annotations

from jobarranger.db import tables as t
from jobarranger.definitions.forms.base import Form, Found, Keys, Settings
from jobarranger.definitions.section import Section
from jobarranger.states import JobType


def read(section: Section) -> Settings:
    """Read the variables, at least one."""
    values = section.variables("values")
    if not values:
        raise section.error("values", "is empty; a value icon sets at least one variable")
    return {t.icon_value: [{"value_name": name, "value": value} for name, value in values.items()]}


def write(found: Found) -> Keys:
    """Write the variables."""
    return {"values": {row["value_name"]: row["value"] for row in found.rows(t.icon_value)}}


FORMS = (Form(kind=JobType.VALUE, read=read, write=write),)
