"""Where the database is and how patient its user is."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL

from jobarranger.states import DatabaseType

if TYPE_CHECKING:
    from jobarranger.config.databases import DatabaseConfig

_DRIVERS = {
    DatabaseType.SQLITE: "sqlite",
    DatabaseType.MYSQL: "mysql+pymysql",
    DatabaseType.POSTGRESQL: "postgresql+psycopg",
}

#: How the name of a socket of PostgreSQL begins; its port follows.
_POSTGRESQL_SOCKET = ".s.PGSQL."


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """One database; `file` counts for SQLite only, the rest for the others."""

    kind: DatabaseType
    file: Path | None = None
    host: str = "localhost"  #: empty = PostgreSQL's usual socket
    port: int = 0  #: 0 = the product's own
    socket: str = ""  #: local socket; wins over the host (and over the port, on MySQL)
    name: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    connect_timeout: int = 5  #: seconds
    read_timeout: int = 30  #: seconds until a silent server counts as lost
    lock_timeout: int = 5  #: seconds to wait for a row lock
    patience: float = 10.0  #: seconds until a lost server becomes DatabaseUnavailable

    @classmethod
    def from_config(cls, config: DatabaseConfig) -> DatabaseSettings:
        """Return what a daemon's configuration file says."""
        return cls(
            kind=config.db_type,
            file=Path(config.db_file),
            host=config.db_host or _usual_host(config.db_type),
            port=config.db_port or 0,
            socket=config.db_socket or "",
            name=config.db_name or "",
            user=config.db_user or "",
            password=config.db_password or "",
        )

    def url(self) -> URL:
        """Return SQLAlchemy's address of the database."""
        driver = _DRIVERS[self.kind]
        if self.kind is DatabaseType.SQLITE:
            return URL.create(driver, database=str(self.file))
        host, port = self._place()
        return URL.create(
            driver,
            username=self.user or None,
            password=self.password or None,
            host=host,
            port=port,
            database=self.name,
        )

    def label(self) -> str:
        """Return the place in words for messages; never the password."""
        if self.kind is DatabaseType.SQLITE:
            return f"SQLite file {self.file}"
        place = self.socket or self.host or "its usual socket"
        if self.port and not self.socket:
            place = f"{place}:{self.port}"
        return f"{self.kind.value} database {self.name!r} at {place}"

    def _place(self) -> tuple[str | None, int | None]:
        """Return host and port; for PostgreSQL the host may be a socket's directory, or its own."""
        port = self.port or None
        if self.kind is not DatabaseType.POSTGRESQL:
            return self.host, port
        socket = Path(self.socket)
        number = socket.name.removeprefix(_POSTGRESQL_SOCKET)
        if number != socket.name and number.isdecimal():
            return str(socket.parent), int(number)
        return self.socket or self.host or None, port


def _usual_host(kind: DatabaseType) -> str:
    """Return what an empty DBHost means."""
    return "" if kind is DatabaseType.POSTGRESQL else "localhost"
