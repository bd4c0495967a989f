"""The kinds of icon that a YAML file can hold, found by their words.

A kind that is not in `FORMS` is refused with a clear message; a new one is a new module here.
"""

from __future__ import annotations

from jobarranger.definitions.forms import condition, end, job, jobnet, structural, value
from jobarranger.definitions.forms.base import Form
from jobarranger.states import JobType

#: word -> form
FORMS: dict[str, Form] = {
    form.word: form
    for form in (
        structural.START,
        end.FORM,
        value.FORM,
        job.FORM,
        jobnet.FORM,
        condition.FORM,
        structural.IF_END,
        structural.PARALLEL_START,
        structural.PARALLEL_END,
        structural.LOOP,
    )
}

_WRITABLE = {form.kind for form in FORMS.values()}

#: Words of kinds that exist but cannot be written yet.
LATER: dict[str, JobType] = {kind.name.lower(): kind for kind in JobType if kind not in _WRITABLE}

__all__ = ["FORMS", "LATER", "Form"]
