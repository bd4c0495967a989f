"""YAML files with definitions of any kind: read them, write them (docs/definitions.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from jobarranger.db.definitions import Definition
from jobarranger.db.objects import Version
from jobarranger.definitions import yamlform, yamltext
from jobarranger.definitions.kindform import Context
from jobarranger.definitions.kinds import KINDS
from jobarranger.definitions.section import Section
from jobarranger.definitions.yamlfile import read_text, sections
from jobarranger.errors import DefinitionError
from jobarranger.states import ObjectKind

#: What a document can hold.
Document: TypeAlias = Definition | Version


def read_file(path: Path, *, owner: str | None = None) -> list[Document]:
    """Return the definitions of a file: one per YAML document.

    Args:
        path: the file.
        owner: for definitions that name none.

    Raises:
        DefinitionError: one line that names file, place, value and rule.
    """
    return parse(read_text(path), str(path), owner=owner, directory=path.parent)


def parse(
    text: str, place: str, *, owner: str | None = None, directory: Path | None = None
) -> list[Document]:
    """Return the definitions of a text; `place` begins every message.

    Args:
        text: one or more YAML documents.
        place: names the text.
        owner: for definitions that name none.
        directory: where files that are named in it are looked for.
    """
    context = Context(owner=owner, directory=directory or Path())
    return [_read(section, context) for section in sections(text, place)]


def write(document: Document) -> str:
    """Return the text of one version; read again, it gives the same.

    Raises:
        DefinitionError: it holds what the form cannot express.
    """
    if isinstance(document, Definition):
        return yamltext.write(document)
    form = KINDS[document.kind]
    return yamltext.dump(form.document(document), one_line=form.one_line)


def _read(section: Section, context: Context) -> Document:
    """Read one document; the key with its id says its kind."""
    kinds = [kind for kind in ObjectKind if kind.value in section.names()]
    if ObjectKind.CALENDAR in kinds and ObjectKind.FILTER in kinds:
        kinds.remove(ObjectKind.CALENDAR)  # a filter names its base calendar
    if not kinds or kinds == [ObjectKind.JOBNET]:
        return yamlform.jobnet(section, context.owner)
    if len(kinds) > 1:
        words = " and ".join(kinds)
        raise DefinitionError(f"{section.place}: {words} stand in one document; --- parts them")
    return KINDS[kinds[0]].version(section, context)
