"""Where the database is and how patient its user is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL

from jobarranger.states import DatabaseType

if TYPE_CHECKING:
    from jobarranger.config import ServerConfig

_DRIVERS = {
    DatabaseType.SQLITE: "sqlite",
    DatabaseType.MYSQL: "mysql+pymysql",
    DatabaseType.POSTGRESQL: "postgresql+psycopg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """One database; `file` counts for SQLite only, the rest for the others."""

    kind: DatabaseType
    file: Path | None = None
    host: str = "localhost"
    port: int = 0  #: 0 = the product's own
    socket: str = ""  #: local socket of MySQL; wins over host and port
    name: str = ""
    user: str = ""
    password: str = ""
    connect_timeout: int = 5  #: seconds
    read_timeout: int = 30  #: seconds until a silent server counts as lost
    lock_timeout: int = 5  #: seconds to wait for a row lock
    patience: float = 10.0  #: seconds until a lost server becomes DatabaseUnavailable

    @classmethod
    def from_config(cls, config: ServerConfig) -> DatabaseSettings:
        """Return what a server's configuration file says."""
        return cls(
            kind=config.db_type,
            file=Path(config.db_file),
            host=config.db_host or "localhost",
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
        return URL.create(
            driver,
            username=self.user or None,
            password=self.password or None,
            host=self.host,
            port=self.port or None,
            database=self.name,
        )

    def label(self) -> str:
        """Return the place in words for messages; never the password."""
        if self.kind is DatabaseType.SQLITE:
            return f"SQLite file {self.file}"
        place = self.socket or f"{self.host}:{self.port}" if self.port else self.host
        return f"{self.kind.value} database {self.name!r} at {self.socket or place}"
