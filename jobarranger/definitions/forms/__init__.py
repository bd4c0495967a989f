"""The kinds of icon that a YAML file can hold: one module each, found by its word.

A kind that is not in `FORMS` is refused with a clear message; a new one is a new module here.
"""

from __future__ import annotations

from jobarranger.definitions.forms import end, job, start, value
from jobarranger.definitions.forms.base import Form
from jobarranger.states import JobType

#: word -> form
FORMS: dict[str, Form] = {form.word: form for form in (start.FORM, end.FORM, value.FORM, job.FORM)}

#: Words of kinds that exist but cannot be written yet.
LATER: dict[str, JobType] = {
    kind.name.lower(): kind for kind in JobType if kind.name.lower() not in FORMS
}

__all__ = ["FORMS", "LATER", "Form"]
