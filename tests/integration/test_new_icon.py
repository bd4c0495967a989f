"""A new icon type is one module in `icons/` and one form: no other source file has to know it.

The type stands in `new_icon/`, where the two registries look only while these tests run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import delete, select

import jobarranger.icons
from jobarranger.db import tables as t
from jobarranger.db.definitions import read_versions
from jobarranger.db.engine import Database
from jobarranger.definitions import forms, versions, yamlform, yamltext
from jobarranger.errors import DefinitionError
from jobarranger.icons import registry, run_settings_tables, settings_tables
from jobarranger.operations.actor import Actor
from jobarranger.operations.errors import NotPossible
from jobarranger.operations.icons import operate
from jobarranger.operations.rules import Operation
from jobarranger.purging.rows import removing
from jobarranger.states import Channel, DispatchState, IconStatus, JobnetStatus, Method
from jobarranger.waiting.rows.runs import Detail, read_runs
from jobarranger.waiting.view import IconView, run_view
from jobarranger.wakes import Role, Wake
from tests.jobnets import HOST, Bench, define

ANN = Actor.trusted("ann")
PLACE = Path(__file__).parent / "new_icon"
VERSION = 20260101000000
TEXT = f"""\
jobnet: WATCH
name: Watch
owner: ann
icons:
  START: {{type: start, at: [60, 60]}}
  PROBE-1: {{type: probe, name: 'Is it there?', host: {HOST}, file: /data/in, at: [180, 60]}}
  END-1: {{type: end, at: [300, 60]}}
flows:
  - START -> PROBE-1 -> END-1
"""


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the two packages have one more directory, and look for modules again."""
    for package, place in ((jobarranger.icons, "icons"), (forms, "forms")):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(PLACE / place)])
    for number, one in registry.by_number(registry.discover()).items():
        monkeypatch.setitem(registry.REGISTRY, number, one)
    for form in forms.discover():
        monkeypatch.setitem(forms.FORMS, form.word, form)
    yield
    for package in (jobarranger.icons, forms):
        del sys.modules[f"{package.__name__}.probe"]
        del package.probe  # type: ignore[attr-defined]


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database."""
    return Bench(database)


def probing(bench: Bench) -> int:
    """Import the jobnet and return a run of it whose probe is with its agent."""
    (definition,) = yamlform.parse(TEXT, "watch.yaml")

    def store(unit: Any) -> None:
        versions.check_stored(unit, [versions.store(unit, definition, VERSION)])

    bench.db.transaction(store)
    (run,) = bench.start("WATCH")
    bench.drain()
    return run


def do(bench: Bench, operation: Operation, run: int) -> None:
    """Let Ann do something to the probe, and let one sweep pass."""
    icon = bench.icon(run, "PROBE-1").inner_job_id
    operate(bench.db, bench.engine, actor=ANN, icon_id=icon, operation=operation)
    bench.sweep()


def report(bench: Bench, run: int, **changes: Any) -> None:
    """Let the agent report."""
    bench.report(bench.result(bench.icon(run, "PROBE-1").inner_job_id, **changes))
    bench.drain()


def seen(bench: Bench, run: int) -> IconView:
    """Return the probe as people see it."""
    rows = bench.db.read(lambda conn: read_runs(conn, [run], Detail.OUTPUT))
    view = run_view(rows[run], {}, now=bench.clock.now_ms(), minute=0)
    return next(icon for icon in view.icons if icon.path.endswith("PROBE-1"))


@pytest.mark.usefixtures("probe")
def test_it_goes_into_the_tables_and_out_again_as_yaml(bench: Bench) -> None:
    """The text that comes out is the one that went in."""
    probing(bench)
    key = ("WATCH", VERSION)
    found = bench.db.read(lambda conn: read_versions(conn, [key], settings_tables()))
    assert yamltext.write(found[key]) == TEXT


@pytest.mark.usefixtures("probe")
def test_it_runs_on_an_agent_and_its_output_is_shown(bench: Bench) -> None:
    """It is sent, waited for, and its result lets the flow go on."""
    run = probing(bench)
    (sent,) = bench.send_all()
    assert (sent.host_name, sent.method) == (HOST, Method.NORMAL)
    assert '"script": "ls -l /data/in"' in sent.payload
    assert bench.status(run, "PROBE-1") is IconStatus.RUN
    report(bench, run, std_out="-rw-r--r-- /data/in\n")
    assert bench.summary(run).status == JobnetStatus.END
    assert bench.before(run, "END-1")["STD_OUT"] == "-rw-r--r-- /data/in\n"
    icon = seen(bench, run)
    assert (icon.type, icon.exit_code, icon.std_out) == ("probe", "0", "-rw-r--r-- /data/in\n")


@pytest.mark.usefixtures("probe")
def test_it_may_ask_by_another_channel(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcome names channel and part; stop and kill go the same way, and so do the hints."""
    probe = cast("Any", registry.REGISTRY[77])
    asked = probe.start
    other = {"channel": Channel.SSH, "part": 1}
    monkeypatch.setattr(probe, "start", lambda *given: replace(asked(*given), **other))
    woken: list[Wake] = []
    monkeypatch.setattr(bench.db, "_on_wake", woken.extend)
    run = probing(bench)
    icon = bench.icon(run, "PROBE-1").inner_job_id
    (sent,) = bench.rows(select(t.ext_dispatch))
    assert (sent.channel, sent.part, sent.state) == (Channel.SSH, 1, DispatchState.NEW)
    bench.send_all()
    do(bench, Operation.STOP, run)
    kill = bench.rows(select(t.ext_dispatch).where(t.ext_dispatch.c.method == Method.KILL))[0]
    assert (kill.inner_job_id, kill.channel, kill.part) == (icon, Channel.SSH, 1)
    assert [wake.role for wake in woken if icon in wake.ids] == [Role.SESSION, Role.SESSION]


@pytest.mark.usefixtures("probe")
def test_it_is_stopped_and_run_again(bench: Bench) -> None:
    """A kill goes to its agent; what it reports then is an error, and a second run may go well."""
    run = probing(bench)
    bench.send_all()
    do(bench, Operation.STOP, run)
    (kill,) = bench.send_all()
    assert (kill.method, kill.host_name) == (Method.KILL, HOST)
    assert bench.status(run, "PROBE-1") is IconStatus.ABORT
    report(bench, run, signal=1, return_code=9)
    assert bench.status(run, "PROBE-1") is IconStatus.RUNERR
    why = seen(bench, run).why
    assert why is not None
    assert "run it again" in str(why.data["again"])
    do(bench, Operation.RERUN, run)
    (again,) = bench.send_all()
    assert again.attempt == 2
    report(bench, run, attempt=2)
    assert bench.summary(run).status == JobnetStatus.END


@pytest.mark.usefixtures("probe")
def test_it_judges_for_itself_and_is_skipped(bench: Bench) -> None:
    """Its own judgement decides, and people may pass over it."""
    run = probing(bench)
    bench.send_all()
    report(bench, run, return_code=2)
    after = bench.after(run, "PROBE-1")
    assert after["ICON_STATUS"] == "1"
    assert after["JOBARG_MESSAGE"] == "there is no such file"
    do(bench, Operation.SKIP, run)
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END


@pytest.mark.usefixtures("probe")
def test_one_that_another_server_has_started_is_taken_over(bench: Bench) -> None:
    """Its request is made again from its settings; it counts as sent."""
    probing(bench)
    bench.db.transaction(lambda unit: unit.execute(delete(t.ext_dispatch)))
    assert bench.mover.adopt() == 1
    assert not bench.send_all()
    (request,) = bench.rows(select(t.ext_dispatch))
    assert (request.host_name, request.state) == (HOST, DispatchState.ACCEPTED)
    assert '"script": "ls -l /data/in"' in request.payload


@pytest.mark.usefixtures("probe")
def test_it_is_purged_with_its_settings(bench: Bench) -> None:
    """No row of it stays behind."""
    run = probing(bench)
    bench.finish()
    assert bench.rows(select(t.run_icon_fwait))

    def remove(unit: Any) -> None:
        removing.remove_icons(unit.conn, [run], 100, run_settings_tables())

    bench.db.transaction(remove)
    assert not bench.rows(select(t.run_icon_fwait))
    assert not bench.rows(select(t.run_job))


def test_without_its_modules_nobody_knows_it(bench: Bench) -> None:
    """A file is refused; an icon that is loaded already fails, and nothing can be done to it."""
    with pytest.raises(DefinitionError, match="'probe' is no kind of icon"):
        yamlform.parse(TEXT, "watch.yaml")
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start()
    bench.change(run, "JOB-1", job_type=77)
    bench.drain()
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    icon = bench.icon(run, "JOB-1").inner_job_id
    for operation in (Operation.RERUN, Operation.SKIP):
        with pytest.raises(NotPossible, match="icons of type 77 do not allow it"):
            operate(bench.db, bench.engine, actor=ANN, icon_id=icon, operation=operation)


def test_two_types_cannot_have_one_number() -> None:
    """A slip would let one of them hide the other."""
    twice = [registry.REGISTRY[0], registry.REGISTRY[0]]
    with pytest.raises(ValueError, match="two icon types have the number 0"):
        registry.by_number(iter(twice))
