"""The version of a database's tables: make them, bring them up to date, compare them.

`upgrade` is the one way to a current database, whether it is empty, an older one of ours or one of
Job Arranger for Zabbix 3.0.0; it may be called by several processes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from jobarranger.db import seeds
from jobarranger.db.compare import differences
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import SchemaError
from jobarranger.states import DatabaseType

#: The revision this program works with (jobarranger/db/migrations/versions).
HEAD = "0001"

VERSION_TABLE = "ja_ext_version"

#: Tables by which a database of the original is known.
_ORIGINAL = "ja_run_jobnet_table"

#: By this name MySQL lets one process at a time change the tables of a database.
_LOCK = "CONCAT(DATABASE(), '.ja_ext_version')"

_MIGRATIONS = Path(__file__).with_name("migrations")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStatus:
    """What a database holds."""

    version: str | None  #: our revision; None = never prepared by us
    has_tables: bool  #: there are tables of a Job Arranger

    def words(self) -> str:
        """Return the state as a line for people."""
        if self.version == HEAD:
            return f"version {HEAD}, current"
        if self.version is not None:
            return f"version {self.version}; this program needs {HEAD}"
        if self.has_tables:
            return "tables of an original Job Arranger, not prepared yet"
        return "no tables"


def status(conn: Connection) -> SchemaStatus:
    """Look at a database."""
    inspector = inspect(conn)
    version = None
    if inspector.has_table(VERSION_TABLE):
        version = conn.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    return SchemaStatus(version=version, has_tables=inspector.has_table(_ORIGINAL))


def require_current(db: Database) -> None:
    """Refuse to work with tables of another version.

    Raises:
        SchemaError: says what is there and which command helps.
    """
    found = db.read(status)
    if found.version != HEAD:
        command = "upgrade" if found.has_tables else "init"
        raise SchemaError(f"{db.settings.label()}: {found.words()}; run jobarg_db {command}")


def upgrade(db: Database) -> int:
    """Bring a database to the current version; return the number of seed rows planted."""

    def work(unit: Unit) -> int:
        _exclude_others(unit)
        _run_revisions(unit.conn)
        return seeds.plant(unit.conn)

    planted = db.transaction(work)
    if db.kind is DatabaseType.MYSQL:
        db.read(lambda conn: conn.execute(text(f"SELECT RELEASE_LOCK({_LOCK})")).scalar())
    return planted


def create(db: Database) -> None:
    """Make all tables in an empty database.

    Raises:
        SchemaError: there are tables already.
    """
    found = db.read(status)
    if found.version is not None or found.has_tables:
        raise SchemaError(f"{db.settings.label()} is not empty: {found.words()}")
    upgrade(db)


def ensure_embedded(db: Database) -> None:
    """Make the embedded database at the first start; does nothing for the other products."""
    if db.kind is not DatabaseType.SQLITE:
        return
    if db.read(status).version != HEAD:
        upgrade(db)


def check(conn: Connection) -> list[str]:
    """Compare a live database with the tables of this program; return what differs."""
    found = status(conn)
    if found.version != HEAD:
        return [found.words()]
    return differences(conn)


def _exclude_others(unit: Unit) -> None:
    """Let one process at a time change tables (SQLite's transaction does that by itself)."""
    if unit.kind is DatabaseType.MYSQL:
        # held by the connection, since MySQL commits at every CREATE
        lock = text(f"SELECT GET_LOCK({_LOCK}, 25)")
        if unit.execute(lock).scalar() != 1:
            raise SchemaError("another process is changing the tables; try again later")
    elif unit.kind is DatabaseType.POSTGRESQL:
        unit.execute(text("SELECT pg_advisory_xact_lock(hashtext('ja_ext_version'))"))


def _run_revisions(conn: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = conn
    config.attributes["version_table"] = VERSION_TABLE
    command.upgrade(config, "head")
