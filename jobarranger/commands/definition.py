"""jobarg_def: check, import and enable jobnet definitions (docs/commands.md)."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import select

from jobarranger.commands import operate
from jobarranger.commands.operate import Session
from jobarranger.db import tables as t
from jobarranger.db.definitions import Definition
from jobarranger.db.engine import Unit
from jobarranger.definitions import versions, yamlform
from jobarranger.errors import DefinitionError

NAME = "jobarg_def"
_SUFFIXES = {".yaml", ".yml"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return operate.run(NAME, _main, argv)


def _main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.action == "check":
        for definition in _read(arguments.paths, arguments.owner or "nobody"):
            print(f"{definition.header['jobnet_id']}: good, {len(definition.icons)} icons")
        return 0
    with operate.session(arguments.config, NAME) as session:
        if arguments.action == "import":
            return _import(session, arguments)
        if arguments.action == "enable":
            return _enable(session, arguments.jobnet, arguments.version)
        return _list(session)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog=NAME, description="Check, import and enable jobnet definitions."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    bring = actions.add_parser("import", help="store YAML files as new versions")
    check = actions.add_parser("check", help="check YAML files; needs no database")
    enable = actions.add_parser("enable", help="put a version in force")
    show = actions.add_parser("list", help="list jobnets and their versions")
    for each in (bring, check):
        each.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="file or directory")
        each.add_argument("--owner", help="owner of jobnets whose file names none")
    bring.add_argument(
        "--enable",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="put the new versions in force (default: only first versions)",
    )
    enable.add_argument("jobnet", metavar="JOBNET")
    enable.add_argument(
        "version", nargs="?", type=int, help="14 digits; the newest if it is left out"
    )
    for each in (bring, enable, show):
        operate.add_config(each)
    return parser


def _read(paths: Iterable[Path], owner: str | None) -> list[Definition]:
    """Read everything before anything is written; each jobnet may come once."""
    files = [file for path in paths for file in _files(path)]
    found = [item for file in files for item in yamlform.read_file(file, owner=owner)]
    twice = [
        name for name, n in Counter(item.header["jobnet_id"] for item in found).items() if n > 1
    ]
    if twice:
        raise DefinitionError(f"jobnet {twice[0]} is defined twice in what is to be imported")
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
    """Store all jobnets in one transaction: all or none."""
    found = _read(arguments.paths, arguments.owner)
    now = session.now()

    def work(unit: Unit) -> list[versions.Stored]:
        ordered = sorted(found, key=lambda item: item.header["jobnet_id"])
        stored = [versions.store(unit, item, now, enable=arguments.enable) for item in ordered]
        for item in stored:
            state = "enabled" if item.enabled else "not enabled"
            session.audit(unit, "definition.import", item.jobnet_id, f"{item.update_date} {state}")
        return stored

    for item in session.db.transaction(work):
        state = "in force" if item.enabled else "not in force (jobarg_def enable)"
        print(f"{item.jobnet_id}: version {item.update_date}, {state}")
    return 0


def _enable(session: Session, jobnet_id: str, version: int | None) -> int:
    """Put a version in force."""

    def work(unit: Unit) -> int:
        date = versions.put_in_force(unit, jobnet_id, version)
        session.audit(unit, "definition.enable", jobnet_id, str(date))
        return date

    print(f"{jobnet_id}: version {session.db.transaction(work)}, in force")
    return 0


def _list(session: Session) -> int:
    """List jobnets and versions."""
    c = t.jobnet_control.c
    statement = select(c.jobnet_id, c.update_date, c.valid_flag, c.user_name, c.jobnet_name)
    rows = session.db.read(
        lambda conn: conn.execute(statement.order_by(c.jobnet_id, c.update_date)).all()
    )
    for row in rows:
        mark = "*" if row.valid_flag else " "
        print(f"{mark} {row.jobnet_id:<32} {row.update_date} {row.user_name:<12} {row.jobnet_name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
