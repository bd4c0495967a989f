"""Two servers, or two people, that make the same row at the same time: both go on.

Each test lets the other one in at the worst moment: after the first has found its row missing,
before it inserts it. SQLite has one writer at a time, so there it cannot happen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, text

from jobarranger.clock import SystemClock
from jobarranger.db import gates
from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.db.ids import IdPool
from jobarranger.definitions import versions, yamlform
from jobarranger.directory import keeping
from jobarranger.directory.base import Host
from jobarranger.errors import DirectoryError
from jobarranger.flow.work import Work
from jobarranger.loading.requests import StartRefusal, StartRequest, register
from jobarranger.loading.rows import loaded_starts
from jobarranger.requests.rows import agents
from jobarranger.states import AgentKind, DatabaseType, RunType, UserType
from jobarranger.watching.rows import reported, servers
from tests.integration.test_supervisor import eventually
from tests.jobnets import Bench, define
from tests.schedules import JOBNET, VERSION, MovedClock, Timetabled, at, days
from tests.statements import before_each

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def other(server_database) -> Iterator[Database]:
    """Give the database as the other one has it."""
    db = Database(server_database.settings, clock=SystemClock())
    yield db
    db.close()


@contextmanager
def between(words: str, work: Callable[[], object]) -> Iterator[list[str]]:
    """Let `work` be done once, just before the first statement that begins with `words`."""
    met: list[str] = []

    def look(_conn, statement, _values):
        if statement.startswith(words) and not met:
            met.append(statement)
            work()

    with before_each(look):
        yield met
    assert met, f"nobody has said {words}"


def in_between(words: str, db: Database, other: Database, work: Callable[[Unit], object]) -> None:
    """Do the same twice, the other one's in the middle of ours."""
    with between(words, lambda: other.transaction(work)):
        db.transaction(work)


def rows(db: Database, table) -> list[dict]:
    """Return the rows of a table."""
    keys = table.primary_key.columns
    found = db.read(lambda conn: conn.execute(select(table).order_by(*keys)).mappings().all())
    return [dict(row) for row in found]


def test_the_first_window(server_database, other):
    """Two loaders that find no window both note theirs; the later one is what remains."""
    with between(
        "INSERT INTO ja_ext_window",
        lambda: other.transaction(lambda unit: loaded_starts.note_window(unit.conn, 1000, 1)),
    ):
        server_database.transaction(lambda unit: loaded_starts.note_window(unit.conn, 2000, 2))
    assert other.read(loaded_starts.state)[1] == 2000


def test_a_sign_of_life(server_database, other):
    """Two processes of one server make its row; it is one."""
    beat = partial(servers.beat, server_id="1", host_name="here", at=7)
    in_between("INSERT INTO ja_ext_server", server_database, other, beat)
    assert len(rows(other, t.ext_server)) == 1


def test_an_agent_that_nobody_knew(server_database, other):
    """Executors of two servers hear of an agent for the first time; both can note it."""

    def work(unit: Unit) -> None:
        agents.remember_agent(unit.conn, "host1", AgentKind.OURS, "7.0", 7)

    in_between("INSERT INTO ja_ext_agent", server_database, other, work)
    assert [(row["host_name"], row["version"]) for row in rows(other, t.ext_agent)] == [
        ("host1", "7.0")
    ]


def test_an_alarm_is_notified_once(server_database, other):
    """Of two that report the same alarm one is the first, and queues the notification."""
    firsts: list[set[str]] = []
    with between(
        "INSERT INTO ja_ext_told",
        lambda: firsts.append(other.transaction(lambda unit: reported.note(unit, ["c"], "b", 7))),
    ):
        firsts.append(server_database.transaction(lambda unit: reported.note(unit, ["c"], "a", 7)))
    assert firsts == [{"c"}, set()]
    assert {row["reporter"] for row in rows(other, t.ext_told)} == {"*", "a", "b"}


def test_a_gate(server_database, other):
    """Two boot processes make the gate of one jobnet, and each makes what the other has not."""
    with between("INSERT INTO ja_ext_gate", lambda: gates.make(other, {"A", "B"})):
        gates.make(server_database, {"B", "C"})
    assert [row["jobnet_id"] for row in rows(other, t.ext_gate)] == ["A", "B", "C"]


def test_gates_of_ids_that_differ_in_a_blank(server_database):
    """MariaDB has one row for both; boot goes on all the same."""
    gates.make(server_database, {"A"})
    gates.make(server_database, {"A "})
    assert len(server_database.transaction(lambda unit: gates.lock(unit, {"A "}))) == 1


def test_what_is_in_force(server_database, other):
    """Two loaders see a new schedule; each knows it afterwards, since the first has seen it."""
    here = Timetabled(server_database, MovedClock(at("2026-03-31 08:10", TOKYO)), TOKYO)
    here.jobnet()
    here.calendar("DAILY", days("2026-03-25", 14))
    here.schedule("S", [("DAILY", "0900")])
    with between("INSERT INTO ja_ext_in_force", lambda: here.load(here.loader(other))):
        here.load()
    assert [row["object_id"] for row in here.rows(t.ext_in_force)] == ["S", "DAILY"]
    assert here.slots() == [202603310900]
    here.load()
    assert here.slots() == [202603310900]


def test_a_scheduled_start(server_database, other):
    """Two loaders load the same start: one run, and the loser goes on with the next one."""
    here = Timetabled(server_database, MovedClock(at("2026-03-31 08:10", TOKYO)), TOKYO)
    here.jobnet()
    here.calendar("DAILY", days("2026-03-25", 14))
    for name in "ABC":
        here.schedule(name, [("DAILY", "0900")])
    with between("INSERT INTO ja_ext_slot", lambda: here.load(here.loader(other))):
        mine = here.load()
    assert mine.raised == []
    assert [row["schedule_id"] for row in here.rows(t.run_jobnet)] == ["A", "B", "C"]
    runs = {row["inner_jobnet_id"] for row in here.rows(t.run_jobnet)}
    assert {row["inner_jobnet_id"] for row in here.rows(t.ext_slot)} == runs


@pytest.mark.parametrize("marked", ["request", "time"])
def test_a_request(server_database, other, marked):
    """Of two requests that are the same by their mark or by -D one is registered."""
    here = Timetabled(server_database, MovedClock(at("2026-03-31 08:10", TOKYO)), TOKYO)
    here.jobnet()
    request = StartRequest(
        jobnet_id="J",
        run_type=RunType.TIME,
        scheduled_time=202603310900,
        execution_user_name="u",
        request_id="r" if marked == "request" else None,
        deterrence=marked == "time",
    )
    answers: list[object] = []

    def ask(db: Database) -> None:
        answers.extend(register(db, IdPool(db), [request], here.clock, TOKYO))

    with between("INSERT INTO ja_ext_request", lambda: ask(other)):
        ask(server_database)
    assert len(here.rows(t.run_jobnet)) == 1
    second = answers[0] if marked == "request" else StartRefusal.ALREADY_REGISTERED
    assert answers[1] == second


def test_a_host(server_database, other):
    """Two people add the same host: the second learns that it exists."""
    host = Host(name="h", address="127.0.0.1")
    with pytest.raises(DirectoryError, match="host h exists already"):
        in_between(
            "INSERT INTO ja_ext_host",
            server_database,
            other,
            lambda unit: keeping.add_host(unit, host),
        )


def test_a_membership(server_database, other):
    """Two people put a user into one group: it is in it."""

    def people(unit: Unit) -> None:
        keeping.add_group(unit, "g")
        keeping.add_user(unit, "u", "hash", UserType.USER, lang="en", at=7)

    other.transaction(people)
    join = partial(keeping.join, user="u", groups=["g"])
    in_between("INSERT INTO ja_ext_user_group", server_database, other, join)
    assert len(rows(other, t.ext_user_group)) == 1


def stored(now: int = VERSION) -> Callable[[Unit], versions.Stored]:
    """Return the work that stores a new version of a jobnet in force."""
    (definition,) = yamlform.parse(JOBNET.format(name="J"), "test")
    return lambda unit: versions.store(unit, definition, now, enable=True)


def in_force(db: Database) -> list[int]:
    """Return the versions of the jobnet in force."""
    return [row["update_date"] for row in rows(db, t.jobnet_control) if row["valid_flag"] == 1]


@pytest.mark.parametrize("later", [0, 1])
def test_the_first_version(server_database, other, later):
    """Two people import a new jobnet, in one second or in two: both are stored, one is in force."""
    theirs, mine = stored(), stored(now=VERSION + later)
    with between("SELECT ja_index_table.count_id", lambda: other.transaction(theirs)):
        server_database.transaction(mine)
    assert len(rows(other, t.jobnet_control)) == 2
    assert in_force(other) == [VERSION + 1]


def test_a_further_version(server_database, other):
    """Two people import an existing jobnet in one second: the second waits, and is the newer."""
    server_database.transaction(stored(now=VERSION - 1))
    done: list[versions.Stored] = []
    mine = threading.Thread(
        target=lambda: done.append(server_database.transaction(stored())), daemon=True
    )

    def work(unit: Unit) -> None:
        stored()(unit)
        mine.start()
        eventually(lambda: waiting(unit))

    other.transaction(work)
    mine.join(10)
    assert [one.update_date for one in done] == [VERSION + 1]
    assert in_force(other) == [VERSION + 1]


def test_the_run_log_of_one_that_has_waited(server_database, other):
    """Who has waited for a run sees the last entry of its log, whose date may lie ahead."""
    define(server_database, "START JOB-1 END-1")
    bench = Bench(server_database)
    (run,) = bench.start()
    bench.sweep()
    found: list[int] = []

    def wait(unit: Unit) -> None:
        work = Work(unit, bench.engine)
        work.lock_families([run], wait=True)
        found.append(work.families[run].last_log)

    waiter = threading.Thread(target=lambda: other.transaction(wait), daemon=True)

    def work(unit: Unit) -> int:
        ours = Work(unit, bench.engine)
        ours.lock_families([run], wait=True)
        waiter.start()
        eventually(lambda: waiting(unit))
        for _ in range(100):
            ours.log("JC00000001", ours.families[run].main)
        ours.write()
        return ours.families[run].last_log

    last = server_database.transaction(work)
    waiter.join(10)
    assert found == [last]


def waiting(unit: Unit) -> bool:
    """Return whether anybody waits for a lock."""
    if unit.kind is DatabaseType.MYSQL:
        query = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
    else:
        query = "SELECT '', COUNT(*) FROM pg_locks WHERE NOT granted"
    return int(tuple(unit.execute(text(query)).one())[1]) > 0
