"""JOBNET: run another jobnet as a part of this one."""

from __future__ import annotations

from jobarranger.db import tables as t
from jobarranger.definitions.forms.base import Form, Settings
from jobarranger.definitions.section import Section
from jobarranger.states import JobType


def read(section: Section) -> Settings:
    """Read which jobnet."""
    return {t.icon_jobnet: [{"link_jobnet_id": section.id("jobnet")}]}


FORM = Form(word="jobnet", kind=JobType.JOBNET, read=read)
