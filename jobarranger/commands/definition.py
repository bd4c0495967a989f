"""jobarg_def: jobnets, calendars, filters and schedules as files (docs/commands.md)."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sqlalchemy import Connection

from jobarranger.commands import operate
from jobarranger.commands.operate import Session
from jobarranger.db import definitions as queries
from jobarranger.db import objects
from jobarranger.db import tables as t
from jobarranger.db.definitions import Definition
from jobarranger.db.engine import Unit
from jobarranger.db.objects import Name
from jobarranger.definitions import documents, versions
from jobarranger.definitions.documents import Document
from jobarranger.definitions.subjobnets import check_nesting
from jobarranger.errors import DefinitionError
from jobarranger.icons import settings_tables
from jobarranger.states import ObjectKind

NAME = "jobarg_def"
_SUFFIXES = {".yaml", ".yml"}
#: How a version looks that stands behind a name.
_VERSION = re.compile(r"\d{14}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return operate.run(NAME, _main, argv)


def _main(argv: Sequence[str]) -> int:
    arguments = parser().parse_args(argv)
    if arguments.action == "check":
        return _check(arguments)
    with operate.session(arguments.config, NAME) as session:
        return _ACTIONS[arguments.action](session, arguments)


def _check(arguments: argparse.Namespace) -> int:
    """Report what files hold."""
    found = _read(arguments.paths, arguments.owner or "nobody")
    links = {item.object_id: item.links() for item in found if isinstance(item, Definition)}
    check_nesting(links, links)
    for item in found:
        print(f"{_label(item.kind, item.object_id)}: good, {_summary(item)}")
    return 0


def _summary(item: Document) -> str:
    """Return in a few words what is in a definition."""
    if isinstance(item, Definition):
        return f"{len(item.icons)} icons"
    if item.kind is ObjectKind.CALENDAR:
        days = [row["operating_date"] for row in item.rows(t.calendar_detail)]
        return f"{len(days)} operating days" + (f", the last {max(days)}" if days else "")
    if item.kind is ObjectKind.FILTER:
        return f"base calendar {item.header['base_calendar_id']}"
    times, jobnets = item.rows(t.schedule_detail), item.rows(t.schedule_jobnet)
    return f"{len(times)} boot times, {len(jobnets)} jobnets"


def _label(kind: ObjectKind, object_id: str) -> str:
    """Return how an object is called on the command line: jobnets by their id alone."""
    return object_id if kind is ObjectKind.JOBNET else f"{kind}:{object_id}"


def _name(text: str) -> Name:
    """Read how an object is called: `ID` is a jobnet, `calendar:ID` a calendar and so on."""
    kind, colon, object_id = text.rpartition(":")
    if not colon:
        return Name(ObjectKind.JOBNET, text)
    if kind not in list(ObjectKind):
        known = ", ".join(ObjectKind)
        raise DefinitionError(f"{text}: {kind!r} is no kind of definition; there are {known}")
    return Name(ObjectKind(kind), object_id)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    top = operate.top_parser(
        prog=NAME,
        description="Jobnets, calendars, filters and schedules as YAML files and versions.",
        epilog="NAME is the id of a jobnet, or calendar:ID, filter:ID, schedule:ID.",
    )
    actions = top.add_subparsers(dest="action", required=True, metavar="ACTION")
    bring = actions.add_parser("import", help="store YAML files as new versions")
    check = actions.add_parser("check", help="check YAML files; needs no database")
    enable = actions.add_parser("enable", help="put versions in force")
    disable = actions.add_parser("disable", help="put the versions in force out of it")
    delete = actions.add_parser("delete", help="delete a version, or all of them")
    write = actions.add_parser("export", help="write versions as YAML to the standard output")
    show = actions.add_parser("list", help="list definitions and their versions")
    for each in (bring, check):
        each.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="file or directory")
        each.add_argument("--owner", help="owner of what names none in its file")
    bring.add_argument(
        "--enable",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="put the new versions in force (default: only first versions)",
    )
    enable.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="what is meant, all or none; behind a single NAME a version (14 digits), else the"
        " newest",
    )
    disable.add_argument("names", nargs="+", metavar="NAME", help="what is meant, all or none")
    delete.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="what is meant, all or none; behind a single NAME a version (14 digits), else all",
    )
    enable.add_argument(
        "--force",
        action="store_true",
        help="even if its drawing breaks rules or what it names has no version in force",
    )
    disable.add_argument("--force", action="store_true", help="even if something in force names it")
    write.add_argument("names", nargs="+", metavar="NAME")
    write.add_argument(
        "--version",
        type=int,
        help="14 digits, with one NAME; else the version in force, or the newest",
    )
    show.add_argument(
        "kinds", nargs="*", metavar="KIND", help="calendar, filter, schedule, jobnet; else all"
    )
    return top


def _read(paths: Iterable[Path], owner: str | None) -> list[Document]:
    """Read everything before anything is written; each object may come once."""
    files = [file for path in paths for file in _files(path)]
    found = [item for file in files for item in documents.read_file(file, owner=owner)]
    for item in found:
        if isinstance(item, Definition):
            _warn(versions.check_drawing(f"jobnet {item.object_id}", item))
    names = Counter(Name(item.kind, item.object_id) for item in found)
    for name, times in names.items():
        if times > 1:
            raise DefinitionError(f"{name} is defined twice in what is to be imported")
    return found


def _files(path: Path) -> list[Path]:
    """Return the file, or the YAML files of a directory in order of name."""
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in _SUFFIXES)
    if not files:
        raise DefinitionError(f"{path}: holds no .yaml file")
    return files


def _import(session: Session, arguments: argparse.Namespace) -> int:
    """Store everything in one transaction: all or nothing."""
    found = _read(arguments.paths, arguments.owner)
    now = session.now()

    def work(unit: Unit) -> list[versions.Stored]:
        ordered = sorted(found, key=lambda item: (item.kind, item.object_id))
        stored = [versions.store(unit, item, now, enable=arguments.enable) for item in ordered]
        versions.check_stored(unit, stored)
        for item in stored:
            state = "enabled" if item.enabled else "not enabled"
            label = _label(item.kind, item.object_id)
            session.audit(unit, "definition.import", label, f"{item.update_date} {state}")
        return stored

    for item in session.db.transaction(work):
        state = "in force" if item.enabled else "not in force (jobarg_def enable)"
        print(f"{_label(item.kind, item.object_id)}: version {item.update_date}, {state}")
    return 0


def _enable(session: Session, arguments: argparse.Namespace) -> int:
    """Put versions in force."""
    names, version = _wanted(arguments)

    def work(unit: Unit) -> list[versions.Enabled]:
        done = versions.put_in_force(unit, names, version, force=arguments.force)
        for one in done:
            session.audit(unit, "definition.enable", _label(*one.name), str(one.update_date))
        return done

    for one in session.db.transaction(work):
        _warn(one.doubts)
        print(f"{_label(*one.name)}: version {one.update_date}, in force")
    return 0


def _disable(session: Session, arguments: argparse.Namespace) -> int:
    """Put objects out of force."""
    names = [_name(text) for text in arguments.names]

    def work(unit: Unit) -> dict[Name, bool]:
        done = versions.put_out_of_force(unit, names, force=arguments.force)
        for name in done:
            session.audit(unit, "definition.disable", _label(*name))
        return done

    for name, was_in_force in session.db.transaction(work).items():
        was = "" if was_in_force else " (was none before)"
        print(f"{_label(*name)}: no version in force{was}")
    return 0


def _delete(session: Session, arguments: argparse.Namespace) -> int:
    """Delete a version, or all versions."""
    names, version = _wanted(arguments)

    def work(unit: Unit) -> dict[Name, list[int]]:
        gone = versions.remove(unit, names, version)
        for name, dates in gone.items():
            detail = " ".join(map(str, dates))[:255]
            session.audit(unit, "definition.delete", _label(*name), detail)
        return gone

    for name, dates in session.db.transaction(work).items():
        for date in dates:
            print(f"{_label(*name)}: version {date} deleted")
    return 0


def _wanted(arguments: argparse.Namespace) -> tuple[list[Name], int | None]:
    """Return the objects that are meant, and the version of a single one: 14 digits behind it."""
    words: list[str] = arguments.names
    if len(words) == 2 and _VERSION.fullmatch(words[1]):
        return [_name(words[0])], int(words[1])
    return [_name(text) for text in words], None


def _export(session: Session, arguments: argparse.Namespace) -> int:
    """Write definitions; nothing is printed unless all of them can be written."""
    names, version = [_name(text) for text in arguments.names], arguments.version
    if version is not None and len(names) != 1:
        raise DefinitionError(f"--version {version} goes with one NAME")

    def read(conn: Connection) -> list[Document]:
        found = (_stored(conn, name, version) for name in names)
        return [document for document in found if document is not None]

    print("---\n".join(map(documents.write, session.db.read(read))), end="")
    return 0


def _stored(conn: Connection, name: Name, version: int | None) -> Document | None:
    """Return the version that is asked for; else that in force, else the newest."""
    headers = objects.versions(conn, name)
    valid = [header["update_date"] for header in headers if header["valid_flag"]]
    if version is None and valid:
        version = valid[-1]
    dates = [header["update_date"] for header in headers]
    key = (name.object_id, versions.chosen(name, dates, version))
    if name.kind is ObjectKind.JOBNET:
        return queries.read_versions(conn, [key], settings_tables()).get(key)
    return objects.read_versions(conn, name.kind, [key]).get(key)


def _warn(doubts: Iterable[str]) -> None:
    """Report what is odd but may be meant."""
    for text in doubts:
        print(f"{NAME}: warning: {text}", file=sys.stderr)


def _list(session: Session, arguments: argparse.Namespace) -> int:
    """List objects and versions."""
    for word in arguments.kinds:
        if word not in list(ObjectKind):
            known = ", ".join(ObjectKind)
            raise DefinitionError(f"{word!r} is no kind of definition; there are {known}")
    kinds = [kind for kind in ObjectKind if not arguments.kinds or kind in arguments.kinds]
    found = session.db.read(lambda conn: {kind: objects.headers(conn, kind) for kind in kinds})
    for kind, rows in found.items():
        for row in rows:
            mark = "*" if row["valid_flag"] else " "
            label = _label(kind, row[f"{kind.value}_id"])
            print(
                f"{mark} {label:<32} {row['update_date']} {row['user_name']:<12}"
                f" {row[f'{kind.value}_name']}"
            )
    return 0


_ACTIONS: dict[str, Callable[[Session, argparse.Namespace], int]] = {
    "import": _import,
    "enable": _enable,
    "disable": _disable,
    "delete": _delete,
    "export": _export,
    "list": _list,
}

if __name__ == "__main__":
    raise SystemExit(main())
