"""jobarg_def: check, import, export and enable jobnet definitions (docs/commands.md)."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Connection, select

from jobarranger.commands import operate
from jobarranger.commands.operate import Session
from jobarranger.db import definitions as queries
from jobarranger.db import tables as t
from jobarranger.db.definitions import Definition, Values, VersionKey
from jobarranger.db.engine import Unit
from jobarranger.definitions import versions, yamlform, yamltext
from jobarranger.definitions.nesting import check_nesting
from jobarranger.errors import DefinitionError

NAME = "jobarg_def"
_SUFFIXES = {".yaml", ".yml"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    return operate.run(NAME, _main, argv)


def _main(argv: Sequence[str]) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.action == "check":
        found = _read(arguments.paths, arguments.owner or "nobody")
        links = {item.header["jobnet_id"]: item.links() for item in found}
        check_nesting(links, links)
        for definition in found:
            print(f"{definition.header['jobnet_id']}: good, {len(definition.icons)} icons")
        return 0
    with operate.session(arguments.config, NAME) as session:
        if arguments.action == "import":
            return _import(session, arguments)
        if arguments.action == "enable":
            return _enable(session, arguments)
        if arguments.action == "export":
            return _export(session, arguments.jobnets, arguments.version)
        return _list(session)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog=NAME, description="Check, import, export and enable jobnet definitions."
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    bring = actions.add_parser("import", help="store YAML files as new versions")
    check = actions.add_parser("check", help="check YAML files; needs no database")
    enable = actions.add_parser("enable", help="put a version in force")
    write = actions.add_parser("export", help="write versions as YAML to the standard output")
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
    enable.add_argument(
        "--force",
        action="store_true",
        help="even if its drawing breaks rules or inner jobnets have no version in force",
    )
    write.add_argument("jobnets", nargs="+", metavar="JOBNET")
    write.add_argument(
        "--version",
        type=int,
        help="14 digits, with one JOBNET; else the version in force, or the newest",
    )
    for each in (bring, write, enable, show):
        operate.add_config(each)
    return parser


def _read(paths: Iterable[Path], owner: str | None) -> list[Definition]:
    """Read everything before anything is written; each jobnet may come once."""
    files = [file for path in paths for file in _files(path)]
    found = [item for file in files for item in yamlform.read_file(file, owner=owner)]
    twice = [
        name for name, n in Counter(item.header["jobnet_id"] for item in found).items() if n > 1
    ]
    for item in found:
        _warn(versions.check_drawing(f"jobnet {item.header['jobnet_id']}", item))
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
        versions.check_inner(
            unit,
            {item.jobnet_id: (item.jobnet_id, item.update_date) for item in stored},
            {item.jobnet_id for item in stored if item.enabled},
        )
        for item in stored:
            state = "enabled" if item.enabled else "not enabled"
            session.audit(unit, "definition.import", item.jobnet_id, f"{item.update_date} {state}")
        return stored

    for item in session.db.transaction(work):
        state = "in force" if item.enabled else "not in force (jobarg_def enable)"
        print(f"{item.jobnet_id}: version {item.update_date}, {state}")
    return 0


def _enable(session: Session, arguments: argparse.Namespace) -> int:
    """Put a version in force."""
    jobnet_id = arguments.jobnet

    def work(unit: Unit) -> versions.Enabled:
        done = versions.put_in_force(unit, jobnet_id, arguments.version, force=arguments.force)
        session.audit(unit, "definition.enable", jobnet_id, str(done.update_date))
        return done

    done = session.db.transaction(work)
    _warn(done.doubts)
    print(f"{jobnet_id}: version {done.update_date}, in force")
    return 0


def _export(session: Session, jobnet_ids: Sequence[str], version: int | None) -> int:
    """Write jobnets; nothing is printed unless all of them can be written."""
    if version is not None and len(jobnet_ids) != 1:
        raise DefinitionError(f"--version {version} goes with one jobnet")

    def read(conn: Connection) -> list[Definition]:
        keys = [_chosen(queries.versions(conn, name), name, version) for name in jobnet_ids]
        found = queries.read_versions(conn, keys)
        return [found[key] for key in keys if key in found]

    print("---\n".join(map(yamltext.write, session.db.read(read))), end="")
    return 0


def _chosen(headers: Sequence[Values], jobnet_id: str, version: int | None) -> VersionKey:
    """Return the version that is asked for; else that in force, else the newest."""
    dates = [header["update_date"] for header in headers]
    if version is None:
        valid = [header["update_date"] for header in headers if header["valid_flag"]]
        dates = valid or dates
        version = dates[-1] if dates else None
    if version is None or version not in dates:
        known = ", ".join(map(str, dates)) or "none"
        raise DefinitionError(
            f"jobnet {jobnet_id}: there is no version {version or ''}; existing: {known}"
        )
    return jobnet_id, version


def _warn(doubts: Iterable[str]) -> None:
    """Tell what is odd but may be meant."""
    for text in doubts:
        print(f"{NAME}: warning: {text}", file=sys.stderr)


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
