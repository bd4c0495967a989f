"""The job-executor as a real process against agents that behave and agents that do not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from jobarranger.clock import SystemClock
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.flow.engine import Engine
from jobarranger.operations.actor import Actor
from jobarranger.operations.pausing import Target, pause, resume
from jobarranger.operations.resolving import Ended, NotDone, NothingToResolve, resolve
from jobarranger.states import (
    AgentKind,
    Channel,
    DispatchState,
    IconStatus,
    JobnetStatus,
    Method,
    PauseScope,
)
from tests.integration.dispatch_world import World, wait_for
from tests.integration.fake_agent import FakeAgent

NEW, SENDING, ACCEPTED, DONE, UNKNOWN = DispatchState


@pytest.fixture
def world(database: Database) -> Iterator[World]:
    """Give a database with a place for an executor; ends what was started."""
    directory = Path(tempfile.mkdtemp(prefix="ja"))  # short: the path of a socket is limited
    made = World(database, directory)
    yield made
    made.close()
    print(made.log() if (directory / "executor.log").exists() else "")  # noqa: T201
    shutil.rmtree(directory)


@pytest.fixture
def original() -> Iterator[FakeAgent]:
    """Give a 3.0.0 agent that takes everything."""
    agent = FakeAgent("take")
    yield agent
    agent.close()


@pytest.fixture
def ours() -> Iterator[FakeAgent]:
    """Give one of our agents that takes everything."""
    agent = FakeAgent("take", ours=True)
    yield agent
    agent.close()


# -- sending ------------------------------------------------------------------------------------


def test_a_request_reaches_our_agent(world: World, ours: FakeAgent) -> None:
    """The telegram is whole, the agent is remembered, the row shows where it went."""
    world.start()
    job = world.job(world.host("web01", ours))
    world.hint(job)
    row = world.wait_state(job, ACCEPTED)
    assert (row.address, row.port, row.agent_kind, row.tries) == (
        "127.0.0.1", ours.port, AgentKind.OURS, 1,
    )  # fmt: skip
    assert row.created_at <= row.sending_at <= row.accepted_at < row.next_try_at
    (telegram,) = ours.telegrams
    assert telegram["hostname"] == "web01"
    assert telegram["serverid"] == "20240105101500123"
    assert telegram["data"] == {
        "jobid": str(job),
        "type": "command",
        "method": 0,
        "script": "date",
        "argument": {},
        "env": {"A": "b"},
        "run_user": "",
        "run_user_password": "",
        "attempt": 1,
    }
    (agent,) = world.rows(select(t.ext_agent))
    assert (agent.host_name, agent.agent_kind) == ("web01", AgentKind.OURS)
    assert world.status(job) is IconStatus.RUN
    assert world.stop() == 0


def test_an_original_gets_one_connection_at_a_time(world: World, original: FakeAgent) -> None:
    """Many jobs at once go to it one after another; no hint is needed for them."""
    host = world.host("web01", original)
    jobs = [world.job(host) for _ in range(25)]
    world.start()
    for job in jobs:
        row = world.wait_state(job, ACCEPTED)
        assert (row.agent_kind, row.next_try_at) == (AgentKind.ORIGINAL, None)
    assert original.most_at_once == 1
    assert set(original.started.values()) == {1}
    assert len(original.started) == len(jobs)


def test_many_go_to_our_agent_at_once(world: World, ours: FakeAgent) -> None:
    """Every job arrives once, whatever the hints say."""
    host = world.host("web01", ours)
    jobs = [world.job(host) for _ in range(40)]
    world.start()
    world.hint(*jobs)
    for job in jobs:
        world.wait_state(job, ACCEPTED)
    assert set(ours.started.values()) == {1}


def test_requests_to_several_hosts_go_where_they_belong(
    world: World, ours: FakeAgent, original: FakeAgent
) -> None:
    """One look claims for many hosts, each row with the address of its own."""
    world.host("web01", ours)
    world.host("web02", original)
    jobs = {world.job(host): host for host in ("web01", "web02")}
    world.start()
    ports = {job: world.wait_state(job, ACCEPTED).port for job in jobs}
    wanted = {"web01": ours.port, "web02": original.port}
    assert ports == {job: wanted[host] for job, host in jobs.items()}


def test_requests_of_other_channels_are_left_alone(world: World, ours: FakeAgent) -> None:
    """What no agent is to get stays as it is: new, begun by others, or silent for long."""
    host = world.host("web01", ours)
    past = SystemClock().now_ms() - 1_000
    sent: dict[str, Any] = {"address": "127.0.0.1", "port": ours.port}
    sent["agent_kind"] = AgentKind.OURS
    silent = world.job(host, state=ACCEPTED, accepted_at=past, next_try_at=past, **sent)
    others = [
        world.job(host, state=state, channel=channel, next_try_at=past, **sent)
        for state in (NEW, SENDING, ACCEPTED)
        for channel in (Channel.SSH, Channel.LOCAL)
    ]
    before = [tuple(world.dispatch(job)) for job in others]
    first = world.job(host)
    world.start()
    world.hint(*others, first)
    world.wait_state(first, ACCEPTED)
    world.wait_state(silent, UNKNOWN)
    assert [tuple(world.dispatch(job)) for job in others] == before
    assert set(ours.started) == {first}
    asked = {int(telegram["data"]["jobid"]) for telegram in ours.telegrams}  # type: ignore[index]
    assert asked == {first, silent}


def test_parts_of_one_attempt_are_requests_of_their_own(
    world: World, ours: FakeAgent, original: FakeAgent
) -> None:
    """Each goes to its own host, and each is killed there when the icon is stopped."""
    hosts = {1: world.host("web01", ours), 2: world.host("web02", original)}
    job = world.job(hosts[1], part=1)
    world.part(job, 2, hosts[2])
    world.start()
    for part, host in hosts.items():
        assert world.wait_state(job, ACCEPTED, part=part).host_name == host
    world.ask_stop(job)
    for part, host in hosts.items():
        kill = world.wait_state(job, DONE, method=Method.KILL, part=part)
        assert (kill.host_name, kill.channel) == (host, Channel.AGENT)
    assert [one["method"] for one in ours.runs()] == [0, 3]
    assert [one["method"] for one in original.runs()] == [0, 3]
    assert world.status(job) is IconStatus.ABORT


def test_hosts_that_cannot_be_used(world: World, original: FakeAgent) -> None:
    """Unknown and disabled hosts fail the icon; force runs it all the same."""
    host = world.host("closed", original, enabled=False)
    unknown, disabled, forced = world.job("nowhere"), world.job(host), world.job(host, force=True)
    world.start()
    world.wait_status(unknown, IconStatus.RUNERR)
    world.wait_status(disabled, IconStatus.RUNERR)
    world.wait_state(forced, ACCEPTED)
    assert "[JAHOST200002]" in world.message(unknown)
    assert "[JAHOST200003]" in world.message(disabled)
    assert list(original.started) == [forced]
    assert world.dispatch(unknown).state == DONE


def test_a_refusal_fails_the_icon(world: World) -> None:
    """The agent's own words are in the message, and the jobnet shows the error."""
    agent = FakeAgent("refuse")
    job = world.job(world.host("web01", agent))
    world.start()
    world.wait_status(job, IconStatus.RUNERR)
    assert "[JARUNICONJOB200012]" in world.message(job)
    assert "not today" in world.message(job)
    assert world.dispatch(job).state == DONE
    states = world.rows(
        select(t.run_jobnet.c.status).where(t.run_jobnet.c.inner_jobnet_id == job - 2)
    )
    assert states == [(JobnetStatus.RUNERR,)]
    agent.close()


def test_an_older_attempt_that_lives_is_waited_for(world: World) -> None:
    """Answer 3 to a later attempt repeats it until the agent is free."""
    agent = FakeAgent("alive", "alive", "take")
    job = world.job(world.host("web01", agent), attempt=2)
    world.start()
    world.wait_state(job, ACCEPTED, attempt=2)
    assert len(agent.runs()) == 3
    assert world.status(job) is IconStatus.RUN
    agent.close()


def test_a_command_too_long_for_an_original(world: World, original: FakeAgent) -> None:
    """It fails before it is sent, and names what is too long; our agent takes it."""
    agent = FakeAgent("take", ours=True)
    long = "x" * 4096
    job = world.job(world.host("old", original), script=long)
    fine = world.job(world.host("new", agent), script=long)
    world.start()
    world.wait_status(job, IconStatus.RUNERR)
    assert "4096" in world.message(job)
    assert original.runs() == []
    world.wait_state(fine, ACCEPTED)
    agent.close()


# -- connections that fail ----------------------------------------------------------------------


def test_a_host_that_comes_back(world: World, original: FakeAgent) -> None:
    """A connection that cannot be made is repeated; nothing is lost or doubled."""
    host = world.host("web01", original)
    original.close()
    jobs = [world.job(host) for _ in range(5)]
    world.start()
    wait_for(lambda: "JACONNECT300002" in world.log(), "the warning")
    assert {world.status(job) for job in jobs} == {IconStatus.RUN}
    original.reopen()
    for job in jobs:
        world.wait_state(job, ACCEPTED)
    assert set(original.started.values()) == {1}
    assert "JACONNECT000001" in world.log()


def test_a_host_that_stays_away(world: World, original: FakeAgent) -> None:
    """After JaConnectRetry all icons waiting for it fail."""
    world.settings["JaConnectRetry"] = 1
    host = world.host("web01", original)
    original.close()
    jobs = [world.job(host) for _ in range(5)]
    world.start()
    for job in jobs:
        world.wait_status(job, IconStatus.RUNERR)
        assert "[JACONNECT300001]" in world.message(job)
    original.reopen()


# -- answers that are missing -------------------------------------------------------------------


@pytest.mark.parametrize("word", ["lose", "reset", "close"])
def test_a_lost_answer_of_ours_is_asked_for(world: World, word: str) -> None:
    """Whether the agent had taken the job or not: it is begun exactly once."""
    agent = FakeAgent(word, "take", ours=True)
    job = world.job(world.host("web01", agent))
    world.start()
    world.wait_state(job, ACCEPTED)
    assert agent.started == {job: 1}
    assert agent.queries() >= 1
    assert len(agent.runs()) == (1 if word == "lose" else 2)
    agent.close()


@pytest.mark.parametrize("word", ["lose", "reset"])
def test_a_lost_answer_of_an_original_is_never_repeated(world: World, word: str) -> None:
    """It is waited for; then the icon fails with its outcome unknown."""
    world.settings["JaUnknownTimeout"] = 1
    agent = FakeAgent(word, "take")
    job = world.job(world.host("web01", agent))
    world.start()
    world.wait_status(job, IconStatus.RUNERR)
    assert "[JADISPATCH200001]" in world.message(job)
    assert world.dispatch(job).state == UNKNOWN
    assert len(agent.runs()) == 1
    agent.close()


def test_an_accepted_job_that_the_agent_has_lost(world: World, ours: FakeAgent) -> None:
    """Its agent is asked when it has been silent for long, and does not know it any more."""
    past = SystemClock().now_ms() - 1000
    host = world.host("web01", ours)
    lost = world.job(host, state=ACCEPTED, accepted_at=past, sending_at=past, next_try_at=past)
    lives = world.job(host, state=ACCEPTED, accepted_at=past, sending_at=past, next_try_at=past)
    for job in (lost, lives):
        world.write(
            update(t.ext_dispatch)
            .where(t.ext_dispatch.c.inner_job_id == job)
            .values(address="127.0.0.1", port=ours.port)
        )
    ours.journal[lives, 1] = "running"
    world.start()
    world.wait_status(lost, IconStatus.RUNERR)
    assert world.dispatch(lost).state == UNKNOWN
    wait_for(lambda: world.dispatch(lives).next_try_at > past, "another look")
    assert world.status(lives) is IconStatus.RUN
    assert ours.runs() == []


# -- deaths -------------------------------------------------------------------------------------

POINTS = ["before_commit", "after_commit", "before_send", "after_send"]


@pytest.mark.parametrize("point", POINTS)
def test_a_death_costs_our_agent_nothing(world: World, ours: FakeAgent, point: str) -> None:
    """Wherever the executor dies, the next one sees to it that each job is begun once."""
    host = world.host("web01", ours)
    jobs = [world.job(host) for _ in range(5)]
    world.start(f"executor.{point}=kill")
    assert world.wait_death() == -9
    world.start()
    for job in jobs:
        world.wait_state(job, ACCEPTED)
    assert ours.started == dict.fromkeys(jobs, 1)


@pytest.mark.parametrize("point", POINTS)
def test_a_death_repeats_nothing_at_an_original(
    world: World, original: FakeAgent, point: str
) -> None:
    """At most one request is in doubt, and that one is never sent again."""
    world.settings["JaUnknownTimeout"] = 1
    host = world.host("web01", original)
    jobs = [world.job(host) for _ in range(4)]
    world.start(f"executor.{point}=kill")
    assert world.wait_death() == -9
    world.start()
    wait_for(
        lambda: all(world.dispatch(job).state in {ACCEPTED, UNKNOWN} for job in jobs),
        "a verdict on each",
    )
    doubtful = [job for job in jobs if world.dispatch(job).state == UNKNOWN]
    assert len(doubtful) == (0 if point == "before_commit" else 1)
    assert max(original.started.values()) == 1
    for job in jobs:
        expected = IconStatus.RUNERR if job in doubtful else IconStatus.RUN
        assert world.status(job) is expected


# -- pauses -------------------------------------------------------------------------------------


def test_a_paused_host_gets_no_job(world: World, ours: FakeAgent) -> None:
    """Jobs for it wait unsent, those for other hosts go on; when it is resumed they are sent."""
    host, other = world.host("web01", ours), world.host("web02", ours)
    target = Target(PauseScope.HOST, host)
    pause(world.db, actor=Actor.trusted("ann").because("new disk"), target=target)
    world.start()
    waiting, sent = world.job(host), world.job(other)
    world.hint(waiting, sent)
    world.wait_state(sent, ACCEPTED)
    for _ in range(2):  # sweeps that pass it by
        world.wait_state(world.job(other), ACCEPTED)
    assert world.dispatch(waiting).state == NEW
    resume(world.db, actor=Actor.trusted("ann"), target=target)
    world.wait_state(waiting, ACCEPTED)


def test_no_host_gets_a_job_while_everything_is_held(world: World, ours: FakeAgent) -> None:
    """After a restore nobody knows what has run; released, everything is sent once."""
    ann = Actor.trusted("ann")
    pause(world.db, actor=ann.because("--hold-all"), target=Target(), hold_loading=True)
    host = world.host("web01", ours)
    waiting = world.job(host)
    world.start()
    world.hint(waiting)
    running = world.job(host, state=ACCEPTED, agent_kind=AgentKind.OURS, accepted_at=1)
    world.ask_stop(running)
    world.wait_state(running, DONE, method=Method.KILL)
    assert world.dispatch(waiting).state == NEW
    resume(world.db, actor=Actor.trusted("ann"), target=Target())
    world.wait_state(waiting, ACCEPTED)
    assert set(ours.started.values()) == {1}


def test_a_running_job_on_a_paused_host_can_be_stopped(world: World, original: FakeAgent) -> None:
    """A pause keeps nothing from what runs there."""
    host = world.host("web01", original)
    world.start()
    job = world.job(host)
    world.wait_state(job, ACCEPTED)
    target = Target(PauseScope.HOST, host)
    pause(world.db, actor=Actor.trusted("ann").because("new disk"), target=target)
    world.ask_stop(job)
    world.wait_state(job, DONE, method=Method.KILL)


# -- stops --------------------------------------------------------------------------------------


def test_a_running_job_is_killed(world: World, original: FakeAgent) -> None:
    """The icon goes to ABORT and the agent is informed; the result is awaited."""
    job = world.job(world.host("web01", original))
    world.start()
    world.wait_state(job, ACCEPTED)
    world.ask_stop(job)
    world.wait_state(job, DONE, method=Method.KILL)
    assert world.status(job) is IconStatus.ABORT
    assert world.dispatch(job).state == ACCEPTED
    kill = original.runs()[-1]
    assert (kill["jobid"], kill["method"], kill["type"], kill["script"]) == (str(job), 3, "", "")


def test_a_stop_command_runs_under_its_own_id(world: World, original: FakeAgent) -> None:
    """With stop_flag 1 the stop command is sent with the icon's second id."""
    job = world.job(world.host("web01", original), stop="/bin/stop it")
    world.start()
    world.wait_state(job, ACCEPTED)
    world.ask_stop(job)
    world.wait_state(job, DONE, method=Method.STOP)
    data = original.runs()[-1]
    assert (data["jobid"], data["method"], data["script"]) == (str(job + 3), 2, "/bin/stop it")
    assert data["env"] == {"A": "b"}
    assert world.status(job) is IconStatus.ABORT


def test_a_job_not_sent_yet_is_not_sent_any_more(world: World, original: FakeAgent) -> None:
    """Stopping an icon whose host is away ends it at once."""
    host = world.host("web01", original)
    original.close()
    job = world.job(host)
    world.start()
    wait_for(lambda: world.dispatch(job).tries > 0, "a first try")
    world.ask_stop(job)
    world.wait_status(job, IconStatus.RUNERR)
    original.reopen()
    assert "stopped before it was sent" in world.message(job)
    assert world.dispatch(job).state == DONE
    assert original.runs() == []


def test_a_kill_in_vain_fails_the_icon(world: World) -> None:
    """An agent that does not have the job running says so for five seconds, then that counts."""
    agent = FakeAgent("take", "refuse")
    job = world.job(world.host("web01", agent))
    world.start()
    world.wait_state(job, ACCEPTED)
    world.ask_stop(job)
    world.wait_status(job, IconStatus.RUNERR)
    assert "[JARUNICONJOB200012]" in world.message(job)
    assert len(agent.runs()) > 3
    agent.close()


# -- outcomes that people decide ----------------------------------------------------------------


@pytest.fixture
def unknown(world: World) -> int:
    """Give an icon whose outcome is not known."""
    now = SystemClock().now_ms()
    job = world.job("web01", state=UNKNOWN, sending_at=now)
    world.write(
        update(t.run_job).where(t.run_job.c.inner_job_id == job).values(status=IconStatus.RUNERR),
        update(t.run_jobnet)
        .where(t.run_jobnet.c.inner_jobnet_id == job - 2)
        .values(status=JobnetStatus.RUNERR),
    )
    return job


def engine() -> Engine:
    """Return an engine in UTC."""
    from datetime import UTC

    return Engine(clock=SystemClock(), zone=UTC)


def test_an_operator_says_that_it_ended(world: World, unknown: int) -> None:
    """The icon ends with that exit code, what is behind it goes on, the audit shows who said so."""
    resolve(
        world.db,
        engine(),
        actor=Actor.trusted("Admin"),
        job_id=unknown,
        decision=Ended(0),
    )
    assert world.status(unknown) is IconStatus.END
    assert world.status(unknown + 1) is IconStatus.END
    assert world.dispatch(unknown).state == DONE
    (audit,) = world.rows(select(t.ext_audit))
    assert (audit.actor_user, audit.target) == ("Admin", f"icon {unknown}")
    with pytest.raises(NothingToResolve):
        resolve(world.db, engine(), actor=Actor.trusted("x"), job_id=unknown, decision=NotDone())


def test_an_operator_says_that_it_did_not_run(world: World, unknown: int) -> None:
    """The icon stays in error, and a late result is not awaited any more."""
    resolve(world.db, engine(), actor=Actor.trusted("Admin"), job_id=unknown, decision=NotDone())
    assert world.status(unknown) is IconStatus.RUNERR
    assert world.dispatch(unknown).state == DONE
    assert len(world.rows(select(t.ext_audit))) == 1
