"""What the daemons that use the server's database have in common: where it is."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from jobarranger.config.reader import Settings
from jobarranger.states import DatabaseType


class DatabaseConfig(Protocol):
    """The part of a daemon's configuration that names the database."""

    @property
    def db_type(self) -> DatabaseType:
        """Return the product."""

    @property
    def db_file(self) -> Path:
        """Return the file of an embedded database."""

    @property
    def db_host(self) -> str:
        """Return the host; empty for the usual one."""

    @property
    def db_port(self) -> int | None:
        """Return the port; None for the usual one."""

    @property
    def db_socket(self) -> str | None:
        """Return the local socket."""

    @property
    def db_name(self) -> str | None:
        """Return the name of the database."""

    @property
    def db_user(self) -> str | None:
        """Return the user."""

    @property
    def db_password(self) -> str:
        """Return the user's password."""


def database_type(settings: Settings) -> DatabaseType:
    """Return DBType, or what an original's file without it means."""
    if settings.values["db_type"]:
        return DatabaseType(settings.values["db_type"])
    names = ("DBUser", "DBHost", "DBSocket")
    given = any(name in settings.entries and settings.entries[name].value for name in names)
    return DatabaseType.MYSQL if given else DatabaseType.SQLITE


def check_database(config: DatabaseConfig, settings: Settings) -> None:
    """Check that a database server has a name and a user.

    Raises:
        ConfigError: one is missing.
    """
    if config.db_type is DatabaseType.SQLITE:
        return
    for name, value in (("DBName", config.db_name), ("DBUser", config.db_user)):
        if not value:
            raise settings.refuse(name, f"needed for DBType {config.db_type}")
