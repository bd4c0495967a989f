"""`jobarg_ctl host|user|group`: the embedded directory."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobarranger.commands.operate import Session
from jobarranger.db.engine import Unit
from jobarranger.directory import Host, keeping, rows
from jobarranger.directory.passwords import hash_password
from jobarranger.errors import ConfigError, DirectoryError
from jobarranger.states import UserType

_TYPES = {"user": UserType.USER, "admin": UserType.ADMIN, "super": UserType.SUPER}
_SHORTEST_PASSWORD = 4

#: argparse's sub-parsers action has no public name.
Subparsers = Any


def add_parsers(objects: Subparsers) -> None:
    """Add the three objects to the command line."""
    for name, add in (
        ("host", _host_arguments),
        ("user", _user_arguments),
        ("group", _group_arguments),
    ):
        actions = objects.add_parser(name, help=f"{name}s of the embedded directory")
        actions = actions.add_subparsers(dest="action", required=True, metavar="ACTION")
        add(actions)
        show = actions.add_parser("list", help=f"list {name}s")
        show.set_defaults(work=_lister(name))
        for word in ("remove", "enable", "disable"):
            each = actions.add_parser(word, help=f"{word} a {name}")
            each.add_argument("name")
            each.set_defaults(work=_changer(name, word))


def _host_arguments(actions: Subparsers) -> None:
    add = actions.add_parser("add", help="add a host")
    add.add_argument("name")
    add.add_argument("address", help="IP address or DNS name")
    add.add_argument("--port", type=int, help="of its agent (default JaAgentListenPort)")
    add.add_argument("--ssh-port", type=int, help="for agentless icons (default 22)")
    add.set_defaults(work=_add_host)


def _user_arguments(actions: Subparsers) -> None:
    add = actions.add_parser("add", help="add a user; asks for the password")
    add.add_argument("name")
    add.add_argument("--type", choices=_TYPES, default="user")
    add.add_argument("--group", action="append", default=[], help="may be repeated")
    add.add_argument("--lang", default="en_gb")
    add.set_defaults(work=_add_user)
    passwd = actions.add_parser("passwd", help="change a user's password")
    passwd.add_argument("name")
    passwd.set_defaults(work=_passwd)
    for each in (add, passwd):
        each.add_argument(
            "--password-file",
            type=Path,
            metavar="FILE",
            help="its first line is the password; else JOBARG_PASSWORD, else it is asked for",
        )


def _group_arguments(actions: Subparsers) -> None:
    add = actions.add_parser("add", help="add a group")
    add.add_argument("name")
    add.set_defaults(work=_add_group)
    for word in ("join", "leave"):
        each = actions.add_parser(word, help=f"let a user {word} a group")
        each.add_argument("name", metavar="GROUP")
        each.add_argument("user", metavar="USER")
        each.set_defaults(work=_member)


def _change(session: Session, action: str, target: str, work: Callable[[Unit], None]) -> int:
    """Make a change and note it, in one transaction."""

    def both(unit: Unit) -> None:
        _check_embedded(session)
        work(unit)
        session.audit(unit, action, target)

    session.db.transaction(both)
    return 0


def _check_embedded(session: Session) -> None:
    """Refuse to keep hosts and users that nobody would look at."""
    if str(session.config.ja_directory) != "embedded":
        raise ConfigError(
            f"JaDirectory={session.config.ja_directory}: hosts and users are not kept here"
        )


def _add_host(session: Session, arguments: argparse.Namespace) -> int:
    host = Host(
        name=arguments.name,
        address=arguments.address,
        port=arguments.port,
        ssh_port=arguments.ssh_port,
    )
    return _change(session, "host.add", host.name, lambda unit: keeping.add_host(unit, host))


def _add_user(session: Session, arguments: argparse.Namespace) -> int:
    hashed = hash_password(_password(arguments))

    def work(unit: Unit) -> None:
        keeping.add_user(
            unit,
            arguments.name,
            hashed,
            _TYPES[arguments.type],
            lang=arguments.lang,
            at=session.clock.now_ms(),
        )
        keeping.join(unit, arguments.name, arguments.group)

    _change(session, "user.add", arguments.name, work)
    if not arguments.group:
        print(f"user {arguments.name} is in no group and cannot work yet (jobarg_ctl group join)")
    return 0


def _passwd(session: Session, arguments: argparse.Namespace) -> int:
    hashed = hash_password(_password(arguments))
    return _change(
        session,
        "user.passwd",
        arguments.name,
        lambda unit: keeping.set_password(unit, arguments.name, hashed),
    )


def _password(arguments: argparse.Namespace) -> str:
    """Return the new password; never from the command line, where everybody can read it."""
    if arguments.password_file:
        try:
            text = arguments.password_file.read_text(encoding="utf-8")
        except OSError as error:
            raise DirectoryError(f"{arguments.password_file}: {error.strerror}") from error
        password: str = text.partition("\n")[0].rstrip("\r")
    elif "JOBARG_PASSWORD" in os.environ:
        password = os.environ["JOBARG_PASSWORD"]
    elif sys.stdin.isatty():
        password = getpass.getpass("New password: ")
        if getpass.getpass("Again: ") != password:
            raise DirectoryError("the two passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < _SHORTEST_PASSWORD:
        raise DirectoryError(f"a password has at least {_SHORTEST_PASSWORD} characters")
    return password


def _add_group(session: Session, arguments: argparse.Namespace) -> int:
    name = arguments.name
    return _change(session, "group.add", name, lambda unit: keeping.add_group(unit, name))


def _member(session: Session, arguments: argparse.Namespace) -> int:
    def work(unit: Unit) -> None:
        if arguments.action == "join":
            keeping.join(unit, arguments.user, [arguments.name])
        else:
            keeping.leave(unit, arguments.user, arguments.name)

    return _change(session, f"group.{arguments.action}", f"{arguments.name} {arguments.user}", work)


def _changer(kind: str, word: str) -> Callable[[Session, argparse.Namespace], int]:
    """Return the work of `remove`, `enable` and `disable`."""

    def change(session: Session, arguments: argparse.Namespace) -> int:
        def work(unit: Unit) -> None:
            if word == "remove":
                keeping.remove(unit, kind, arguments.name)
            else:
                keeping.set_enabled(unit, kind, arguments.name, enabled=word == "enable")

        return _change(session, f"{kind}.{word}", arguments.name, work)

    return change


def _lister(kind: str) -> Callable[[Session, argparse.Namespace], int]:
    """Return the work of `list`: one line per entry, fields separated by tabulators."""

    def show(session: Session, arguments: argparse.Namespace) -> int:
        found = session.db.read(lambda conn: rows.listed(conn, kind))
        groups = session.db.read(rows.memberships) if kind == "user" else {}
        for row in found:
            fields = ["-" if value is None else str(value) for value in row]
            if kind == "user":
                fields.append(",".join(groups.get(row[0], [])) or "-")
            print("\t".join(fields))
        return 0

    return show
