"""Register, load and boot on every database: rows compared with what the tables mean."""

import itertools
import threading
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from jobarranger.clock import SystemClock, stamp12, stamp14
from jobarranger.db import objects
from jobarranger.db import tables as t
from jobarranger.db.ids import IdPool
from jobarranger.db.objects import Name
from jobarranger.definitions import versions, yamlform
from jobarranger.loading import expand, numbering
from jobarranger.loading.boot import boot_due
from jobarranger.loading.due import BootRules
from jobarranger.loading.load import load_requests
from jobarranger.loading.requests import StartRefusal, StartRequest, register
from jobarranger.loading.rows import booting
from jobarranger.parking import FAILURES, Parking
from jobarranger.states import IconStatus, JobType, ObjectKind, RunType
from jobarranger.wakes import Role, Wake

ZONE = ZoneInfo("Asia/Tokyo")
CLOCK = SystemClock()
FIRST = 1_600_000_000_000_000_000

MAIN = """
jobnet: {name}
owner: owner
multiple-start-up: {mode}
icons:
  START: {{type: start}}
  ENV-1: {{type: value, values: {{A: "1"}}}}
  JOB-1: {{type: job, host: web1, command: "true", variables: {{B: $A}}, receive: [JOB_ID]}}
  END-1: {{type: end}}
flows: [START -> ENV-1 -> JOB-1 -> END-1]
"""


class FakeClock(SystemClock):
    """A clock that a test moves."""

    def __init__(self, at):
        self.at = at
        self.elapsed = 0.0

    def now_ms(self):
        """Return the instant that the test has set."""
        return self.at

    def monotonic(self):
        """Return the seconds that the test has set."""
        return self.elapsed


def store(db, name="MAIN", mode="parallel"):
    """Store a jobnet in force; return its version."""
    (definition,) = yamlform.parse(MAIN.format(name=name, mode=mode), "test")
    return db.transaction(
        lambda unit: versions.store(unit, definition, 20260101000000, enable=True)
    ).update_date


def start(db, count=1, clock=CLOCK, **changes):
    """Register starts; return the answers."""
    requests = [
        StartRequest(**{"jobnet_id": "MAIN", "execution_user_name": "caller", **changes})
        for _ in range(count)
    ]
    return register(db, IdPool(db), requests, clock)


def load(db, **options):
    """Run one pass of the loader."""
    return load_requests(db, IdPool(db), options.pop("clock", CLOCK), ZONE, **options)


def table(db, which, order=None):
    """Return all rows of a table without the row time."""
    columns = [column for column in which.c if column.name != "created_date"]
    key = order if order is not None else next(iter(which.primary_key.columns))
    rows = db.read(lambda conn: conn.execute(select(*columns).order_by(key)).mappings().all())
    return [dict(row) for row in rows]


def summary(db, run):
    """Return the summary row of a run."""
    return next(row for row in table(db, t.run_jobnet_summary) if row["inner_jobnet_id"] == run)


def main_row(db, run):
    """Return the run row of an instance."""
    return next(row for row in table(db, t.run_jobnet) if row["inner_jobnet_id"] == run)


def test_registered_row_by_row(database):
    """A request is one main row as the reference has it, and its variables."""
    version = store(database)
    (number,) = start(database, env={"DAY": "1", "EMPTY": ""})
    assert number == FIRST
    (row,) = table(database, t.run_jobnet)
    assert row == {
        "inner_jobnet_id": number, "inner_jobnet_main_id": number, "inner_job_id": 0,
        "update_date": version, "run_type": 1, "main_flag": 0, "timeout_flag": 0, "status": 0,
        "scheduled_time": 0, "start_time": 0, "end_time": 0, "public_flag": 0,
        "multiple_start_up": 0, "jobnet_id": "MAIN", "user_name": "owner", "jobnet_name": "MAIN",
        "memo": "", "schedule_id": None, "calendar_id": None, "boot_time": None,
        "execution_user_name": "caller", "running_job_id": None, "running_job_name": None,
        "virtual_time": 0, "virtual_start_time": 0, "virtual_end_time": 0,
        "initial_scheduled_time": 0,
    }  # fmt: skip
    values = table(database, t.value_before_jobnet, t.value_before_jobnet.c.seq_no)
    assert [(row["value_name"], row["before_value"]) for row in values] == [
        ("DAY", "1"),
        ("EMPTY", ""),
    ]


def test_loaded_row_by_row(database):
    """The summary, icons, settings and flows of a loaded run are as the reference has them."""
    version = store(database)
    (number,) = start(database)
    assert load(database).loaded == [number]
    assert table(database, t.run_jobnet_summary) == [{
        "inner_jobnet_id": number, "update_date": version, "invo_flag": 1, "run_type": 1,
        "status": 0, "job_status": 0, "jobnet_abort_flag": 0, "load_status": 0,
        "scheduled_time": 0, "start_time": 0, "end_time": 0, "public_flag": 0,
        "multiple_start_up": 0, "jobnet_id": "MAIN", "user_name": "owner", "jobnet_name": "MAIN",
        "memo": "", "schedule_id": None, "calendar_id": None, "boot_time": None,
        "execution_user_name": "caller", "running_job_id": None, "running_job_name": None,
        "virtual_time": 0, "virtual_start_time": 0, "virtual_end_time": 0,
        "start_pending_flag": 0, "initial_scheduled_time": 0,
    }]  # fmt: skip
    icons = {row["job_id"]: row for row in table(database, t.run_job)}
    job = icons["JOB-1"]
    assert job == {
        "inner_job_id": job["inner_job_id"], "inner_jobnet_id": number,
        "inner_jobnet_main_id": number, "inner_job_id_fs_link": job["inner_job_id"] + 1,
        "invo_flag": 0, "job_type": 4, "test_flag": 0, "method_flag": 0, "force_flag": 0,
        "timeout_flag": 0, "status": 0, "boot_count": 1, "end_count": 0, "start_time": 0,
        "end_time": 0, "point_x": 300, "point_y": 60, "job_id": "JOB-1", "job_name": "",
        "continue_flag": 0, "run_user": "", "run_user_password": "",
    }  # fmt: skip
    key = {"inner_job_id": job["inner_job_id"], "inner_jobnet_id": number}
    assert table(database, t.run_icon_job) == [{
        **key, "host_flag": 0, "stop_flag": 0, "command_type": 0, "timeout": 0,
        "host_name": "web1", "stop_code": "",
    }]  # fmt: skip
    assert table(database, t.run_job_command) == [{**key, "command_cls": 0, "command": "true"}]
    assert table(database, t.run_value_job) == [{**key, "value_name": "B", "value": "$A"}]
    assert table(database, t.run_value_jobcon) == [{**key, "value_name": "JOB_ID"}]
    (end,) = table(database, t.run_icon_end)
    assert end["inner_job_id"] == icons["END-1"]["inner_job_id"]
    names = {row["inner_job_id"]: name for name, row in icons.items()}
    flows = {
        (names[row["start_inner_job_id"]], names[row["end_inner_job_id"]], row["flow_type"])
        for row in table(database, t.run_flow)
    }
    assert flows == {("START", "ENV-1", 0), ("ENV-1", "JOB-1", 0), ("JOB-1", "END-1", 0)}


def test_booted_row_by_row(database):
    """A start sets the summary to 1 and touches nothing else."""
    store(database)
    (number,) = start(database)
    load(database)
    before, icons = main_row(database, number), table(database, t.run_job)
    assert boot_due(database, CLOCK, ZONE).started == [number]
    assert (summary(database, number)["status"], summary(database, number)["load_status"]) == (1, 0)
    assert main_row(database, number) == before
    assert table(database, t.run_job) == icons
    assert boot_due(database, CLOCK, ZONE).started == []


def test_each_step_wakes_the_next(database, another):
    """Register wakes the loader, loading wakes boot, boot wakes run, each with the ids."""
    store(database)
    seen: list[Wake] = []
    db = another(on_wake=seen.extend)
    numbers = tuple(start(db, 3))
    load(db)
    boot_due(db, CLOCK, ZONE)
    assert [(wake.role, wake.ids) for wake in seen] == [
        (Role.LOADER, numbers),
        (Role.BOOT, numbers),
        (Role.RUN, numbers),
    ]


def test_few_statements_per_run(database):
    """A batch of 20 needs fewer than two statements per run, an idle pass one and two."""
    store(database)
    ids = IdPool(database)
    request = StartRequest(jobnet_id="MAIN", execution_user_name="caller")
    for _ in range(3):
        register(database, ids, [request] * 20, CLOCK)
        before = database.statements
        loaded = load_requests(database, ids, CLOCK, ZONE).loaded
        assert len(boot_due(database, CLOCK, ZONE, frozenset(loaded)).started) == 20
        assert database.statements - before < 40
    before = database.statements
    load_requests(database, ids, CLOCK, ZONE)
    boot_due(database, CLOCK, ZONE)
    assert database.statements - before == 3


def test_a_repeated_request_finds_its_run(database):
    """The same request id gives the same number, in one batch and in a later one."""
    store(database)
    first = start(database, 2, request_id="r1")
    assert first == [FIRST, FIRST]
    assert start(database, request_id="r1") == [FIRST]
    assert len(table(database, t.run_jobnet)) == 1


def test_deterrence_refuses_the_same_time(database):
    """A second timed start is refused while the first is kept, and taken after its purge."""
    store(database)
    timed = {"run_type": RunType.TIME, "scheduled_time": 203012312359, "deterrence": True}
    (number,) = start(database, **timed)
    assert start(database, **timed) == [StartRefusal.ALREADY_REGISTERED]
    other = start(database, **{**timed, "scheduled_time": 203012312358})
    assert isinstance(other[0], int)
    database.transaction(
        lambda unit: unit.execute(
            delete(t.run_jobnet).where(t.run_jobnet.c.inner_jobnet_id == number)
        )
    )
    assert isinstance(start(database, **timed)[0], int)


def test_deterrence_counts_starts_without_it(database):
    """A timed start registered without deterrence is in the way, too."""
    store(database)
    timed = {"run_type": RunType.TIME, "scheduled_time": 203012312359}
    start(database, **timed)
    assert start(database, deterrence=True, **timed) == [StartRefusal.ALREADY_REGISTERED]


def test_deterrence_between_two_processes(database, another):
    """Of requests that come at the same instant from several processes one is taken."""
    store(database)
    barrier, answers = threading.Barrier(4), []

    def ask(db):
        barrier.wait()
        answers.extend(
            start(db, run_type=RunType.TIME, scheduled_time=203012312359, deterrence=True)
        )

    threads = [threading.Thread(target=ask, args=(another(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(map(str, answers)).count(str(StartRefusal.ALREADY_REGISTERED)) == 3
    assert len(table(database, t.run_jobnet)) == 1


def test_a_text_that_no_table_takes_harms_no_other_start(database, caplog):
    """Half a character in a variable: that request is refused, the log does not quote it."""
    store(database)
    good, bad = (
        StartRequest(jobnet_id="MAIN", execution_user_name="oper", env={"X": value})
        for value in ("fine", "secret\ud800")
    )
    answers = register(database, IdPool(database), [good, bad], CLOCK)
    assert isinstance(answers[0], int)
    assert answers[1] is StartRefusal.NOT_STORED
    assert "secret" not in caplog.text


def test_errors_do_not_quote_what_was_to_be_stored(database):
    """Commands, environments and outputs do not get into tracebacks."""
    wrong = insert(t.ext_user).values(user_name="secret", lang=None)
    with pytest.raises(SQLAlchemyError) as caught:
        database.transaction(lambda unit: unit.execute(wrong))
    assert "secret" not in str(caught.value)


def test_refused_without_a_version_in_force(database):
    """Unknown jobnets and versions that are no longer in force are refused, others pass."""
    version = store(database)
    requests = [
        StartRequest(jobnet_id="NONE", execution_user_name="u"),
        StartRequest(jobnet_id="MAIN", execution_user_name="u", update_date=version - 1),
        StartRequest(jobnet_id="MAIN", execution_user_name="u", update_date=version),
    ]
    answers = register(database, IdPool(database), requests, CLOCK)
    assert answers[:2] == [StartRefusal.NO_VALID_VERSION] * 2
    assert isinstance(answers[2], int)


def test_concurrent_loaders_load_once(database, another):
    """Two loaders on the same requests load each of them once, without an error."""
    store(database)
    numbers = start(database, 30)
    barrier, reports = threading.Barrier(2), []

    def work(db):
        barrier.wait()
        reports.append(load(db))

    threads = [threading.Thread(target=work, args=(another(),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(run for report in reports for run in report.loaded) == numbers
    assert [row["inner_jobnet_id"] for row in table(database, t.run_jobnet_summary)] == numbers
    assert len(table(database, t.run_job)) == 4 * 30


def test_hinted_load_looks_at_the_hinted_only(database):
    """A hint loads its runs; runs that it does not name wait for the sweep."""
    store(database)
    first, second = start(database, 2)
    assert load(database, hinted=frozenset({second, 12345})).loaded == [second]
    assert load(database, hinted=frozenset({second})).loaded == []
    assert load(database).loaded == [first]


def test_a_full_batch_asks_to_come_again(database):
    """More requests than a batch takes are announced."""
    store(database)
    start(database, 5)
    report = load(database, batch=3)
    assert (len(report.loaded), report.more) == (3, True)
    report = load(database, batch=3)
    assert (len(report.loaded), report.more) == (2, False)


def test_missing_version_is_a_load_error(database):
    """A recorded version that is gone fails that run only: 5 and 5/2/1, times now."""
    version = store(database)
    store(database, "OTHER")
    (broken,) = start(database)
    (good,) = start(database, jobnet_id="OTHER")
    name = Name(ObjectKind.JOBNET, "MAIN")
    database.transaction(lambda unit: objects.delete_versions(unit.conn, name, [version]))
    clock = FakeClock(CLOCK.now_ms())
    report = load(database, clock=clock)
    assert (report.loaded, report.failed) == ([good], [broken])
    assert [raised.id for raised in report.raised] == ["JALOADER200009"]
    at = stamp14(clock.at, ZONE)
    row, run = summary(database, broken), main_row(database, broken)
    assert (row["status"], row["job_status"], row["load_status"]) == (5, 2, 1)
    assert (row["start_time"], row["end_time"]) == (at, at)
    assert (run["status"], run["start_time"], run["end_time"]) == (5, at, at)
    assert {row["inner_jobnet_id"] for row in table(database, t.run_job)} == {good}
    (note,) = table(database, t.send_message)
    assert (note["log_message_id"], note["inner_jobnet_id"]) == ("JALOADER200009", broken)


def test_missing_sub_jobnet_is_a_load_error(database):
    """A sub-jobnet without a version in force is named by its own message."""
    store(database)
    add_sub(database, "NOWHERE")
    (number,) = start(database)
    report = load(database)
    assert report.failed == [number]
    assert [raised.id for raised in report.raised] == ["JALOADER200005"]
    assert summary(database, number)["load_status"] == 1


def test_sub_jobnets_are_loaded_with_their_run(database):
    """A JOBNET icon's jobnet is expanded in the same transaction and linked both ways."""
    store(database)
    store(database, "SUB")
    add_sub(database, "SUB")
    (number,) = start(database)
    assert load(database).loaded == [number]
    (link,) = table(database, t.run_icon_jobnet)
    sub = main_row(database, link["link_inner_jobnet_id"])
    assert (sub["main_flag"], sub["inner_job_id"]) == (1, link["inner_job_id"])
    assert (sub["inner_jobnet_main_id"], sub["jobnet_id"]) == (number, "SUB")
    assert len(table(database, t.run_job)) == 5 + 4


def add_sub(db, link):
    """Add a JOBNET icon to MAIN (between nothing: loading does not judge structure)."""
    key = {"jobnet_id": "MAIN", "update_date": 20260101000000, "job_id": "SUBNET"}

    def work(unit):
        unit.execute(insert(t.job_control), [{**key, "job_type": int(JobType.JOBNET)}])
        unit.execute(insert(t.icon_jobnet), [{**key, "link_jobnet_id": link}])

    db.transaction(work)


def test_a_bad_family_does_not_block_others(database, monkeypatch):
    """Rows the database refuses are tried alone, and their run is parked for a while."""
    store(database)
    first, bad, last = start(database, 3)
    real = expand.rows

    def spoiled(planned, ids, into):
        real(planned, ids, into)
        if planned.run["inner_jobnet_id"] == bad:
            into[t.run_job][0]["job_type"] = None

    monkeypatch.setattr(numbering, "rows", spoiled)
    clock = FakeClock(CLOCK.now_ms())
    parking = Parking(clock)
    assert load(database, parking=parking, clock=clock).loaded == [first, last]
    for _ in range(FAILURES - 1):
        report = load(database, parking=parking, clock=clock)
    assert [raised.id for raised in report.raised] == ["JALOADER200002"]
    assert load(database, parking=parking, clock=clock).raised == []
    monkeypatch.undo()
    assert load(database, parking=parking, clock=clock).loaded == []
    clock.elapsed = 61.0
    assert load(database, parking=parking, clock=clock).loaded == [bad]


def test_skip_ends_the_run_unstarted(database):
    """Mode skip while another run is active: run row 3, summary 3/3, times now, icons at rest."""
    store(database, mode="skip")
    first, second = start(database, 2)
    load(database)
    clock = FakeClock(CLOCK.now_ms())
    report = boot_due(database, clock, ZONE)
    assert (report.started, report.skipped) == ([first], [second])
    at = stamp14(clock.at, ZONE)
    row, run = summary(database, second), main_row(database, second)
    assert (row["status"], row["job_status"], row["load_status"]) == (3, 0, 3)
    assert (run["status"], run["start_time"], run["end_time"]) == (3, at, at)
    assert (row["start_time"], row["end_time"]) == (at, at)
    assert {icon["status"] for icon in table(database, t.run_job)} == {0}
    assert table(database, t.run_log, t.run_log.c.log_date) == []


def finish(db, run):
    """End a run as the engine would."""
    c = t.run_jobnet_summary.c
    db.transaction(
        lambda unit: unit.execute(
            update(t.run_jobnet_summary).where(c.inner_jobnet_id == run).values(status=3)
        )
    )


@pytest.mark.parametrize("hint", [False, True], ids=["sweep", "hint"])
def test_delay_waits_for_the_end(database, hint):
    """Mode delay: one after the other; a hint naming the ended run is enough."""
    store(database, mode="wait")
    runs = start(database, 3)
    load(database)
    report = boot_due(database, CLOCK, ZONE)
    assert (report.started, report.waiting) == (runs[:1], runs[1:])
    assert summary(database, runs[1])["load_status"] == 2
    assert boot_due(database, CLOCK, ZONE).waiting == []
    for ended, following in itertools.pairwise(runs):
        finish(database, ended)
        hinted = frozenset({ended}) if hint else None
        assert boot_due(database, CLOCK, ZONE, hinted).started == [following]
        assert summary(database, following)["load_status"] == 0


def test_many_waiting_runs_do_not_hide_others(database):
    """Runs that only go on waiting fill no batch."""
    store(database, mode="wait")
    store(database, "OTHER")
    start(database, 8)
    load(database)
    boot_due(database, CLOCK, ZONE)
    (other,) = start(database, jobnet_id="OTHER")
    load(database)
    assert boot_due(database, CLOCK, ZONE, batch=3).started == [other]


def missed(database):
    """Start a run at a time and let its minute pass; return its number and the clock."""
    store(database)
    clock = FakeClock(CLOCK.now_ms() // 60_000 * 60_000)
    at = stamp12(clock.at + 60_000, ZONE)
    (number,) = start(database, run_type=RunType.TIME, scheduled_time=at)
    load(database)
    assert boot_due(database, clock, ZONE).started == []
    clock.at += 120_000
    return number, clock


def test_missed_start(database):
    """A minute too late: START icon 4, run row 4, summary 2/2/2, JC90000001, no times."""
    number, clock = missed(database)
    report = boot_due(database, clock, ZONE)
    assert report.missed == [number]
    assert [raised.id for raised in report.raised] == ["JABOOT200006"]
    row, run = summary(database, number), main_row(database, number)
    assert (row["status"], row["job_status"], row["load_status"]) == (2, 2, 2)
    assert (row["start_time"], row["end_time"]) == (0, 0)
    assert (run["status"], run["start_time"], run["end_time"]) == (4, 0, 0)
    states = {icon["job_id"]: icon["status"] for icon in table(database, t.run_job)}
    assert states.pop("START") == IconStatus.RUNERR
    assert set(states.values()) == {IconStatus.BEGIN}
    (entry,) = table(database, t.run_log, t.run_log.c.log_date)
    assert (entry["message_id"], entry["inner_job_id"]) == ("JC90000001", None)
    assert (entry["jobnet_status"], entry["jobnet_id"]) == (0, "MAIN")
    assert boot_due(database, clock, ZONE).missed == []


def test_grace_lets_a_late_run_start(database):
    """Within the grace the run starts as if in time."""
    number, clock = missed(database)
    assert boot_due(database, clock, ZONE, rules=BootRules(grace_seconds=120)).started == [number]


@pytest.mark.parametrize(("flag", "started"), [(1, False), (2, True)])
def test_hold_and_release(database, flag, started):
    """A held run neither starts nor is missed; a released one starts however late."""
    number, clock = missed(database)
    database.transaction(
        lambda unit: unit.execute(update(t.run_jobnet_summary).values(start_pending_flag=flag))
    )
    report = boot_due(database, clock, ZONE)
    assert report.started == ([number] if started else [])
    assert report.missed == []


def test_a_cancellation_meanwhile_wins(database, monkeypatch):
    """A run cancelled between reading and locking is left alone."""
    store(database)
    (number,) = start(database)
    load(database)
    real = booting.due

    def cancelled(conn, *arguments, **named):
        found = real(conn, *arguments, **named)
        conn.execute(update(t.run_jobnet_summary).values(status=5))
        return found

    monkeypatch.setattr(booting, "due", cancelled)
    assert boot_due(database, CLOCK, ZONE).started == []
    assert summary(database, number)["status"] == 5
