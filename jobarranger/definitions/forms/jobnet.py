"""JOBNET: run another jobnet as a part of this one."""

from __future__ import annotations

from jobarranger.db import tables as t
from jobarranger.definitions.forms.base import Form, Found, Keys, Settings
from jobarranger.definitions.section import Section
from jobarranger.states import JobType


def read(section: Section) -> Settings:
    """Read which jobnet."""
    return {t.icon_jobnet: [{"link_jobnet_id": section.id("jobnet")}]}


def write(found: Found) -> Keys:
    """Write which jobnet."""
    return {"jobnet": found.row(t.icon_jobnet)["link_jobnet_id"]}


FORMS = (Form(kind=JobType.JOBNET, read=read, write=write),)
