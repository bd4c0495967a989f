"""The kinds of icon that a YAML file can hold, found by their words.

A kind that is not in `FORMS` is refused with a clear message; a new one is a new module here.
"""

from __future__ import annotations

from jobarranger.definitions.forms import condition, end, job, jobnet, structural, value
from jobarranger.definitions.forms.base import Form, no_keys, no_settings
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

_BY_KIND = {form.kind: form for form in FORMS.values()}

#: Words of kinds that exist but cannot be written yet.
LATER: dict[str, JobType] = {kind.word: kind for kind in JobType if kind not in _BY_KIND}


def form_of(kind: JobType) -> Form | None:
    """Return the form of a kind of icon, None if it has none yet."""
    return _BY_KIND.get(kind)


def form_for(kind: JobType) -> Form:
    """Return the form of a kind of icon; one that has none yet has a flow in and a flow out."""
    known = _BY_KIND.get(kind)
    return known or Form(kind=kind, read=no_settings, write=no_keys)


__all__ = ["FORMS", "LATER", "Form", "form_for", "form_of"]
