"""Each operation asks for the right itself: what somebody may not use is not there for him."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import select

from jobarranger.clock import stamp12
from jobarranger.db import tables as t
from jobarranger.db.engine import Database, Unit
from jobarranger.db.ids import IdPool
from jobarranger.directory import EmbeddedDirectory, Group, User, keeping
from jobarranger.errors import JobArrangerError
from jobarranger.loading.requests import StartRefusal, StartRequest
from jobarranger.operations import unstarted
from jobarranger.operations.aborting import stop_run
from jobarranger.operations.actor import Actor
from jobarranger.operations.icons import operate
from jobarranger.operations.pausing import CannotPause, Target, pause, resume
from jobarranger.operations.releasing import ReleaseRefused, ReleaseRequest, release
from jobarranger.operations.resolving import NotDone, resolve
from jobarranger.operations.rules import Operation
from jobarranger.operations.starting import AskedStart, start
from jobarranger.states import DispatchState, IconStatus, MethodFlag, RunType, UserType
from tests.jobnets import Bench, define

#: A number that no run and no icon has.
NOTHING = 12


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return a server with a jobnet of `owner`, who is in the group `ours`."""
    made = Bench(database)
    database.clock = made.clock
    define(database, "START JOB-1 JOB-2 END-1")

    def people(unit: Unit) -> None:
        keeping.add_group(unit, "ours")
        keeping.add_user(unit, "owner", "", UserType.USER, lang="en_US", at=1)
        keeping.join(unit, "owner", ["ours"])

    database.transaction(people)
    return made


def actor(name: str, group: str, user_type: UserType = UserType.USER) -> Actor:
    """Return a user of one group as the one who acts."""
    groups = (Group(name=group),)
    user = User(name=name, password_hash="", user_type=user_type, groups=groups)
    return Actor.user(user, EmbeddedDirectory(), "web")


STRANGER, MEMBER = actor("sue", "theirs"), actor("bob", "ours")
SUPER = actor("root", "theirs", UserType.SUPER)


def running(bench: Bench) -> int:
    """Return a run whose first job is with its agent."""
    (run,) = bench.start()
    bench.drain()
    bench.send_all()
    return run


def waiting(bench: Bench) -> int:
    """Return a run that is to start in an hour."""
    later = stamp12(bench.clock.now_ms() + 3_600_000, bench.zone)
    (run,) = bench.start(run_type=RunType.TIME, scheduled_time=later)
    return run


def held(bench: Bench) -> int:
    """Return a waiting run that is on hold."""
    run = waiting(bench)
    summary = t.run_jobnet_summary
    holding = summary.update().where(summary.c.inner_jobnet_id == run)
    bench.db.transaction(lambda unit: unit.execute(holding.values(start_pending_flag=1)))
    return run


def coming(bench: Bench) -> int:
    """Return an icon that the flow has not reached."""
    return int(bench.icon(running(bench), "JOB-2").inner_job_id)


def lost(bench: Bench) -> int:
    """Return an icon whose outcome is unknown."""
    run = running(bench)
    bench.change(run, "JOB-1", status=int(IconStatus.RUNERR))
    unknown = t.ext_dispatch.update().values(state=int(DispatchState.UNKNOWN))
    bench.db.transaction(lambda unit: unit.execute(unknown))
    return int(bench.icon(run, "JOB-1").inner_job_id)


def hold_icon(bench: Bench, who: Actor, number: int) -> None:
    """Hold an icon."""
    operate(bench.db, bench.engine, actor=who, icon_id=number, operation=Operation.HOLD)


def decide(bench: Bench, who: Actor, number: int) -> None:
    """Say that an icon's job did not run."""
    resolve(bench.db, bench.engine, actor=who, job_id=number, decision=NotDone())


def move(bench: Bench, who: Actor, number: int) -> None:
    """Give a run another time."""
    slot = stamp12(bench.clock.now_ms() + 7_200_000, bench.zone)
    unstarted.reschedule(bench.db, bench.engine, actor=who, run=number, slot=slot)


def on_run(operation: Callable[..., object], bench: Bench, who: Actor, number: int) -> None:
    """Do something to a run."""
    operation(bench.db, bench.engine, actor=who, run=number)


@pytest.mark.parametrize(
    ("made", "do", "action"),
    [
        (coming, hold_icon, "icon hold"),
        (running, partial(on_run, stop_run), "jobnet abort"),
        (waiting, partial(on_run, unstarted.hold), "jobnet hold"),
        (held, partial(on_run, unstarted.release), "jobnet release"),
        (waiting, move, "jobnet reschedule"),
        (waiting, partial(on_run, unstarted.start), "jobnet start"),
        (lost, decide, "icon resolve"),
    ],
)
def test_what_somebody_may_not_use_is_not_there(
    bench: Bench,
    made: Callable[[Bench], int],
    do: Callable[[Bench, Actor, int], None],
    action: str,
) -> None:
    """The words are those for a number that nothing has; a member of the owner's group may."""
    number = made(bench)
    with pytest.raises(JobArrangerError) as missing:
        do(bench, STRANGER, NOTHING)
    with pytest.raises(JobArrangerError) as forbidden:
        do(bench, STRANGER, number)
    assert str(forbidden.value) == str(missing.value).replace(str(NOTHING), str(number))
    assert bench.rows(select(t.ext_audit)) == []
    do(bench, MEMBER, number)
    (entry,) = bench.rows(select(t.ext_audit))
    assert (entry.actor_user, entry.actor_source, entry.action) == ("bob", "web", action)


def test_a_held_icon_is_released_by_who_may(bench: Bench) -> None:
    """A refusal knows that a right was missing, for the log; its words are those for no run."""
    run = running(bench)
    bench.change(run, "JOB-2", method_flag=int(MethodFlag.WAIT))
    request = ReleaseRequest(jobnet_id="NET", path=("JOB-2",))
    with pytest.raises(ReleaseRefused, match="no running jobnet") as refused:
        release(bench.db, request, actor=STRANGER)
    assert refused.value.forbidden
    elsewhere = ReleaseRequest(jobnet_id="OTHER", path=("JOB-2",))
    with pytest.raises(ReleaseRefused, match="no running jobnet") as refused:
        release(bench.db, elsewhere, actor=MEMBER)
    assert not refused.value.forbidden
    assert release(bench.db, request, actor=MEMBER) == [run]
    (entry,) = bench.rows(select(t.ext_audit))
    assert (entry.actor_user, entry.target) == ("bob", f"NET/JOB-2 in {run}")


def test_starts_are_for_who_may_use_the_jobnet(bench: Bench) -> None:
    """Of starts that arrive together each has the rights of who asks for it."""
    asked = [
        AskedStart(StartRequest(jobnet_id="NET", execution_user_name=who.name), who)
        for who in (STRANGER, MEMBER)
    ]
    refused, number = start(bench.db, IdPool(bench.db), asked, bench.clock)
    assert refused is StartRefusal.NOT_PERMITTED
    (run,) = bench.rows(select(t.run_jobnet))
    assert (run.inner_jobnet_id, run.execution_user_name) == (number, "bob")


def test_pauses_are_for_who_may_use_everything(bench: Bench) -> None:
    """Since they keep everybody's jobnets; what he says why is kept with the operation."""
    with pytest.raises(CannotPause, match="bob may not pause or resume"):
        pause(bench.db, actor=MEMBER.because("disks"), target=Target())
    pause(bench.db, actor=SUPER.because(" disks "), target=Target())
    with pytest.raises(CannotPause, match="bob may not pause or resume"):
        resume(bench.db, actor=MEMBER, target=None)
    (entry,) = bench.rows(select(t.ext_audit))
    assert (entry.actor_user, entry.action, entry.detail) == ("root", "pause", "disks")


def test_a_reason_is_kept_beside_what_was_done(bench: Bench) -> None:
    """The trail says what, and why."""
    run = running(bench)
    stop_run(bench.db, bench.engine, actor=MEMBER.because("wrong day"), run=run)
    (entry,) = bench.rows(select(t.ext_audit))
    assert entry.detail == "NET: wrong day"
