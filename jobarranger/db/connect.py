"""Opening a connection: one module knows what each product must be set to first.

The driver stays in autocommit mode; transactions begin and end with statements of ours, so a
select outside of one is a single statement on the wire: no ping, no implicit BEGIN, no ROLLBACK.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pymysql.constants import CLIENT
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from jobarranger.db import checksum, mysql, postgresql, unstorable
from jobarranger.db.settings import DatabaseSettings
from jobarranger.states import DatabaseType

#: MariaDB has tx_isolation, MySQL transaction_isolation: each reads only its own comment.
#: However many numbers a statement names, their rows are counted in the index. Statistics may be as
#: old as the time when the tables were empty, and with these the whole table would be read instead.
_MYSQL_INIT = (
    "SET /*M! tx_isolation = 'READ-COMMITTED', in_predicate_conversion_threshold = 0, */"
    " /*!50720 transaction_isolation = 'READ-COMMITTED', */ eq_range_index_dive_limit = 0,"
    " innodb_lock_wait_timeout = {lock},"
    " sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'"
)

#: busy_timeout is a backstop only: our writers queue on a lock file (db/engine.py).
_SQLITE_INIT = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8192",
)

_CACHED_STATEMENTS = 1500  #: compiled statements kept by SQLAlchemy


def make_engine(settings: DatabaseSettings) -> Engine:
    """Return an engine without pool, its connections in autocommit mode."""
    engine = create_engine(
        settings.url(),
        poolclass=NullPool,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
        query_cache_size=_CACHED_STATEMENTS,
        hide_parameters=True,  # commands, environments and outputs are nothing for a log file
        connect_args=_connect_args(settings),
        **({"use_native_hstore": False} if settings.kind is DatabaseType.POSTGRESQL else {}),
    )
    event.listen(engine, "handle_error", unstorable.judge)
    if settings.kind is DatabaseType.SQLITE:
        event.listen(engine, "connect", _prepare_sqlite)
    elif settings.kind is DatabaseType.MYSQL:
        event.listen(engine, "connect", mysql.attach)
    else:
        event.listen(engine, "do_connect", partial(_open_postgresql, settings))
    return engine


def _connect_args(settings: DatabaseSettings) -> dict[str, Any]:
    if settings.kind is DatabaseType.SQLITE:
        return {"isolation_level": None, "timeout": 5.0}
    if settings.kind is DatabaseType.POSTGRESQL:
        return _postgresql_args(settings)
    arguments: dict[str, Any] = {
        "charset": "utf8mb4",
        "autocommit": True,
        "connect_timeout": settings.connect_timeout,
        "read_timeout": settings.read_timeout,
        "write_timeout": settings.read_timeout,
        "init_command": _MYSQL_INIT.format(lock=settings.lock_timeout),
        "client_flag": CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS,
        "cursorclass": mysql.MySQLCursor,
    }
    if settings.socket:
        arguments["unix_socket"] = settings.socket
    return arguments


def _postgresql_args(settings: DatabaseSettings) -> dict[str, Any]:
    options = " ".join(
        f"-c {name}={value}"
        for name, value in (
            ("default_transaction_isolation", "read\\ committed"),
            ("lock_timeout", f"{settings.lock_timeout}s"),
            # the locks of a client that is cut off, or stands still, are not kept for ever
            ("idle_in_transaction_session_timeout", f"{settings.read_timeout}s"),
            ("tcp_keepalives_idle", settings.read_timeout),
            ("tcp_keepalives_interval", 5),
            ("tcp_keepalives_count", 3),
        )
    )
    return {
        "autocommit": True,
        "connect_timeout": settings.connect_timeout,
        "options": options,
        "tcp_user_timeout": settings.read_timeout * 1000,
        "keepalives_idle": settings.read_timeout,
    }


def _open_postgresql(
    settings: DatabaseSettings, dialect: object, record: object, words: Any, arguments: Any
) -> postgresql.PatientConnection:
    """Open the connection ourselves (an event of SQLAlchemy's)."""
    del dialect, record, words
    return postgresql.open_connection(settings.read_timeout, arguments)


def _prepare_sqlite(raw: Any, record: object) -> None:
    cursor = raw.cursor()
    for statement in _SQLITE_INIT:
        cursor.execute(statement)
    cursor.close()
    raw.create_function(checksum.SQLITE_NAME, 2, checksum.sqlite_function, deterministic=True)
