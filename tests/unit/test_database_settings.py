"""What the database parameters of a configuration file come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobarranger.config import load_server
from jobarranger.db.connect import make_engine
from jobarranger.db.settings import DatabaseSettings


def settings(directory: Path, kind: str, *lines: str) -> DatabaseSettings:
    """Return the settings of a configuration file."""
    path = directory / "server.conf"
    all_lines = (f"DBType={kind}", "DBName=jobs", "DBUser=ann", "DBPassword=a-secret", *lines)
    path.write_text("\n".join(all_lines))
    return DatabaseSettings.from_config(load_server(path)[0])


@pytest.mark.parametrize(
    ("lines", "host", "port", "words"),
    [
        ((), "localhost", None, "localhost"),
        (("DBHost=db1", "DBPort=5433"), "db1", 5433, "db1:5433"),
        (("DBHost=",), None, None, "its usual socket"),
        (("DBHost=", "DBPort=5433"), None, 5433, "its usual socket:5433"),
        (("DBSocket=/run/pg", "DBPort=5433"), "/run/pg", 5433, "/run/pg"),
        (
            ("DBHost=db1", "DBSocket=/run/pg/.s.PGSQL.5433"),
            "/run/pg",
            5433,
            "/run/pg/.s.PGSQL.5433",
        ),
    ],
)
def test_where_postgresql_is(
    tmp_path: Path, lines: tuple[str, ...], host: str | None, port: int | None, words: str
) -> None:
    """A host, libpq's own socket (empty DBHost), a socket's directory or its path."""
    found = settings(tmp_path, "postgresql", *lines)
    assert (found.url().host, found.url().port) == (host, port)
    assert found.label() == f"postgresql database 'jobs' at {words}"


@pytest.mark.parametrize(
    ("lines", "host", "socket", "words"),
    [
        (("DBHost=",), "localhost", "", "localhost"),
        (("DBHost=db1", "DBPort=3307"), "db1", "", "db1:3307"),
        (("DBSocket=/run/s", "DBPort=3307"), "localhost", "/run/s", "/run/s"),
    ],
)
def test_where_mysql_is(
    tmp_path: Path, lines: tuple[str, ...], host: str, socket: str, words: str
) -> None:
    """A host, or a socket, which wins."""
    found = settings(tmp_path, "mysql", *lines)
    assert (found.url().host, found.socket) == (host, socket)
    assert found.label() == f"mysql database 'jobs' at {words}"


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
def test_the_password_is_given_to_the_database_only(tmp_path: Path, kind: str) -> None:
    """It stands in no message and in no representation of what holds it."""
    found = settings(tmp_path, kind)
    assert found.password == "a-secret"
    shown = [found.label(), str(found.url()), repr(make_engine(found))]
    assert [one for one in shown if "a-secret" in one] == []
