"""The user that a daemon works as."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from jobarranger.daemon.errors import DaemonError


def wanted_user(name: str, *, allow_root: bool) -> str | None:
    """Return the user to become, or None to stay.

    Only root switches. With `AllowRoot=1` it stays root.
    """
    if os.geteuid() != 0 or allow_root or name == "root":
        return None
    return name


def become(user: str | None) -> None:
    """Become `user` with its group and supplementary groups; None and the present user: stay.

    Raises:
        DaemonError: the user is not known or the switch is not permitted.
    """
    if user is None:
        return
    entry = _entry(user)
    if os.getuid() == entry.pw_uid and os.geteuid() == entry.pw_uid:
        return
    try:
        os.setgid(entry.pw_gid)
        os.initgroups(user, entry.pw_gid)
        os.setuid(entry.pw_uid)
    except OSError as error:
        raise DaemonError(f"cannot become the user {user!r}: {error.strerror}") from error


def ids_of(user: str | None) -> tuple[int, int] | None:
    """Return user and group id of `user`, or None for None.

    Raises:
        DaemonError: the user is not known.
    """
    if user is None:
        return None
    entry = _entry(user)
    return entry.pw_uid, entry.pw_gid


def own_directory(path: Path, user: str | None, mode: int = 0o700) -> None:
    """Make a directory if it is missing and give it to `user`.

    Raises:
        DaemonError: it cannot be made, or is not a directory.
    """
    try:
        if path.is_dir():
            return
        owner = ids_of(user)
        path.mkdir(mode=mode, parents=True)
        if owner is not None:
            os.chown(path, *owner)
    except OSError as error:
        raise DaemonError(f"cannot make the directory {path}: {error.strerror}") from error


def user_and_group() -> str:
    """Return `user:group` of this process, for log lines."""
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    try:
        group = grp.getgrgid(os.getegid()).gr_name
    except KeyError:
        group = str(os.getegid())
    return f"{user}:{group}"


def _entry(user: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(user)
    except KeyError as error:
        raise DaemonError(f"the user {user!r} does not exist") from error
