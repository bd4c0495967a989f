"""START: where a jobnet begins."""

from __future__ import annotations

from jobarranger.definitions.forms.base import Form, no_settings
from jobarranger.states import JobType

FORM = Form(word="start", kind=JobType.START, read=no_settings, incoming=(0, 0), outgoing=(1, 1))
