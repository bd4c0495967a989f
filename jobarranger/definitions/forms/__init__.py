"""The kinds of icon that a YAML file can hold, found by their words.

A module of this package that has `FORMS` adds those kinds; nothing else has to be changed. A kind
without a form is refused with a clear message.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from jobarranger.definitions.forms.base import Form, no_keys, no_settings
from jobarranger.icons import REGISTRY


def discover() -> Iterator[Form]:
    """Yield the forms of all modules of the package."""
    for found in iter_modules(__path__, f"{__name__}."):
        yield from getattr(import_module(found.name), "FORMS", ())


#: word -> form, in the order of the kinds' numbers
FORMS: dict[str, Form] = {
    form.word: form for form in sorted(discover(), key=lambda form: form.kind)
}


def later() -> set[str]:
    """Return the words of kinds that exist but cannot be written yet."""
    return {one.traits.word for one in REGISTRY.values()} - FORMS.keys()


def form_of(kind: int) -> Form | None:
    """Return the form of a kind of icon, None if it has none yet."""
    return next((form for form in FORMS.values() if form.kind == kind), None)


def form_for(kind: int) -> Form:
    """Return the form of a kind of icon; one that has none yet has a flow in and a flow out."""
    return form_of(kind) or Form(kind=kind, read=no_settings, write=no_keys)


__all__ = ["FORMS", "Form", "discover", "form_for", "form_of", "later"]
