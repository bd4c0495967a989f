"""Hosts, users and rights, behind one interface (docs/directory.md).

`JaDirectory` says where they come from: `embedded` = own tables. The Zabbix database and the
Zabbix API are announced kinds that this release refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobarranger.directory.base import Directory, Group, Host, User
from jobarranger.directory.embedded import EmbeddedDirectory
from jobarranger.errors import ConfigError

if TYPE_CHECKING:
    from jobarranger.config import ServerConfig
    from jobarranger.db.engine import Database

__all__ = ["Directory", "EmbeddedDirectory", "Group", "Host", "User", "open"]


def open(config: ServerConfig, db: Database | None = None) -> Directory:  # noqa: A001
    """Return the directory that the configuration asks for.

    Raises:
        ConfigError: the kind is not available in this release.
    """
    kind = str(config.ja_directory or "embedded")
    if kind == "embedded":
        return EmbeddedDirectory()
    raise ConfigError(
        f"JaDirectory={kind} is not available in this release; use JaDirectory=embedded"
        " (hosts and users are kept with jobarg_ctl)"
    )
