"""What the engine does with whole jobnets, on every database."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select, update

from jobarranger import messages as m
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.flow import moving, timeouts
from jobarranger.flow.dispatching import DispatchFailure, fail_dispatch
from jobarranger.flow.results import Verdict
from jobarranger.flow.timeouts import warn_overdue
from jobarranger.icons.value import Value
from jobarranger.parking import FAILURES
from jobarranger.requests.rows import agents
from jobarranger.states import (
    AgentKind,
    DispatchState,
    IconEvent,
    IconStatus,
    JobnetStatus,
    JobStatus,
    Method,
    MethodFlag,
    RunType,
)
from tests.jobnets import HOST, Bench, define


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return the server's duties on a fresh database."""
    return Bench(database)


def test_a_jobnet_of_instant_icons_ends_in_one_go(bench: Bench) -> None:
    """START, VALUE and END are done in the transaction that starts the run."""
    define(
        bench.db,
        "START SET-1 END-1",
        settings={"SET-1": {"A": "1", "B": "$GIVEN"}, "END-1": {"jobnet_stop_code": "$A"}},
    )
    (run,) = bench.start(env={"GIVEN": "from outside"})
    bench.mover.move(frozenset({run}))
    assert bench.summary(run).status == JobnetStatus.END
    assert bench.summary(run).job_status == JobStatus.NORMAL
    assert bench.instance(run).status == JobnetStatus.END
    assert bench.after(run, "END-1")["JOB_EXIT_CD"] == "1"
    assert bench.before(run, "END-1")["B"] == "from outside"
    assert bench.log(run) == [
        ("JC00000001", None),
        ("JC00000003", "START"),
        ("JC00000004", "START"),
        ("JC00000003", "SET-1"),
        ("JC00000004", "SET-1"),
        ("JC00000003", "END-1"),
        ("JC00000004", "END-1"),
        ("JC00000002", None),
    ]


def test_variables_of_a_run(bench: Bench) -> None:
    """The jobnet's own variables win over given ones; each icon adds its names."""
    define(bench.db, "START END-1")
    (run,) = bench.start(env={"JOBNET_ID": "spoofed", "X": "1"})
    bench.finish()
    values = bench.before(run, "END-1")
    assert values["JOBNET_ID"] == "NET"
    assert values["JOBNET_NAME"] == "name of NET"
    assert values["USER_NAME"] == "owner"
    assert values["MANAGEMENT_ID"] == str(run)
    assert values["JOBNET_SCHEDULED_TIME"] == ""
    assert len(values["JOBNET_BOOT_TIME"]) == 12
    assert values["JOB_ID"] == "END-1"
    assert values["JOB_NAME"] == "end-1"
    assert values["JOB_ID_FULL"] == "NET/END-1"
    assert len(values["CURRENT_TIME"]) == 14
    assert values["X"] == "1"


def test_a_job_goes_to_its_agent_and_its_result_moves_the_run(bench: Bench) -> None:
    """The request holds command, environment and user; the result its outcome variables."""
    define(
        bench.db,
        "START SET-1 JOB-1 END-1",
        settings={
            "SET-1": {"WHERE": "web01", "N": "5"},
            "JOB-1": {
                "host_flag": 1,
                "host_name": "WHERE",
                "command": "echo $N",
                "chosen": ["N", "JOB_ID"],
                "env": {"OWN": "$N", "PLAIN": "$$x"},
            },
        },
        icons={"JOB-1": {"run_user": "batch"}},
    )
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    assert bench.summary(run).running_job_id == "NET/JOB-1"
    (request,) = bench.send_all()
    assert (request.host_name, request.attempt, request.method) == ("web01", 1, Method.NORMAL)
    payload = json.loads(request.payload)
    assert payload["script"] == "echo $N"
    assert payload["env"] == {"N": "5", "JOB_ID": "JOB-1", "OWN": "5", "PLAIN": "$x"}
    assert payload["run_user"] == "batch"
    (judged,) = bench.report(
        bench.result(request.inner_job_id, std_out="a\r\nb\0c", std_err="é", return_code=3)
    )
    assert judged.verdict is Verdict.STORED
    assert bench.status(run, "JOB-1") is IconStatus.END
    assert bench.status(run, "END-1") is IconStatus.END, "what follows at once is done at once"
    values = bench.after(run, "JOB-1")
    assert values["STD_OUT"] == "a\nb"
    assert values["STD_ERR"] == "é"
    assert values["JOB_EXIT_CD"] == "3"
    assert values["SIGNAL"] == "0"
    assert values["ICON_STATUS"] == "0"
    assert bench.summary(run).status == JobnetStatus.END
    (row,) = bench.rows(
        select(t.run_log).where(
            t.run_log.c.job_id == "JOB-1", t.run_log.c.message_id == "JC00000004"
        )
    )
    assert (row.return_code, row.std_out, row.job_status) == ("3", "a\nb", IconStatus.RUN)


def test_a_result_counts_once(bench: Bench) -> None:
    """A repeated result is answered well and changes nothing; a stranger's is refused."""
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    result = bench.result(request.inner_job_id)
    foreign = bench.result(request.inner_job_id, peer="127.0.0.9")
    wrong_host = bench.result(request.inner_job_id, host_name="other")
    unknown = bench.result(request.inner_job_id + 77)
    verdicts = [j.verdict for j in bench.report(foreign, result, result, wrong_host, unknown)]
    assert verdicts == [
        Verdict.REFUSED,
        Verdict.STORED,
        Verdict.REPEATED,
        Verdict.REFUSED,
        Verdict.REFUSED,
    ]
    before = bench.after(run, "JOB-1")
    assert [j.verdict for j in bench.report(result)] == [Verdict.REPEATED]
    assert bench.after(run, "JOB-1") == before
    original = bench.result(request.inner_job_id, attempt=None)
    assert [j.verdict for j in bench.report(original)] == [Verdict.REFUSED]


def test_a_late_result_of_an_older_attempt_does_not_count(bench: Bench) -> None:
    """After a re-run only the newest attempt completes the icon."""
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"stop_code": "1"}})
    (run,) = bench.start()
    bench.drain()
    (first,) = bench.send_all()
    bench.report(bench.result(first.inner_job_id, return_code=1))
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    _rerun(bench, first.inner_job_id)
    bench.drain()
    (second,) = bench.send_all()
    assert second.attempt == 2
    late = bench.report(bench.result(first.inner_job_id, attempt=1))
    assert late[0].verdict is Verdict.REPEATED
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    bench.report(bench.result(first.inner_job_id, attempt=2))
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
    assert ("JC00000007", "JOB-1") in bench.log(run)


def test_a_kept_result_without_attempt_belongs_to_what_was_sent_before_it(bench: Bench) -> None:
    """What waited in the spool must not complete an attempt that was sent after it came."""
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"stop_code": "1"}})
    (run,) = bench.start()
    bench.drain()
    (first,) = bench.send_all()
    icon = first.inner_job_id
    sent = update(t.ext_dispatch).where(t.ext_dispatch.c.inner_job_id == icon)
    bench.db.transaction(lambda unit: unit.execute(sent.values(sending_at=1000)))
    bench.report(bench.result(icon, attempt=None, return_code=1))
    _rerun(bench, icon)
    bench.drain()
    bench.send_all()
    second = sent.where(t.ext_dispatch.c.attempt == 2)
    bench.db.transaction(lambda unit: unit.execute(second.values(sending_at=3000)))
    kept = bench.result(icon, attempt=None, kept=True, received_at=2000)
    assert [judged.verdict for judged in bench.report(kept)] == [Verdict.REPEATED]
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    fresh = bench.result(icon, attempt=None, received_at=2000)
    assert [judged.verdict for judged in bench.report(fresh)] == [Verdict.STORED]


#: Who took the request; what a result without attempt is then worth.
TAKEN_BY = [
    pytest.param(AgentKind.ORIGINAL, Verdict.STORED, id="a 3.0.0 agent"),
    pytest.param(AgentKind.UNKNOWN, Verdict.STORED, id="one that is not known"),
    pytest.param(None, Verdict.STORED, id="nobody has answered"),
    pytest.param(AgentKind.OURS, Verdict.REFUSED, id="our agent"),
]


@pytest.mark.parametrize(("kind", "verdict"), TAKEN_BY)
def test_our_agent_always_names_the_attempt(
    bench: Bench, kind: AgentKind | None, verdict: Verdict
) -> None:
    """A result without one, old or forged, does not count for a job that our agent has taken."""
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    _taken_by(bench, request.inner_job_id, kind)
    (judged,) = bench.report(bench.result(request.inner_job_id, attempt=None))
    assert judged.verdict is verdict
    if verdict is Verdict.REFUSED:
        assert "names the attempt" in judged.text
        assert bench.status(run, "JOB-1") is IconStatus.RUN
        (judged,) = bench.report(bench.result(request.inner_job_id))
        assert judged.verdict is Verdict.STORED
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END


def test_an_original_agent_in_the_place_of_ours_is_heard_after_its_answer(bench: Bench) -> None:
    """Its result may be faster than the note that it has answered: it is kept, not refused."""
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    icon = request.inner_job_id
    bench.db.transaction(
        lambda unit: agents.remember_agent(unit.conn, HOST, AgentKind.OURS, "3.1", 1)
    )
    sent = update(t.ext_dispatch).where(t.ext_dispatch.c.inner_job_id == icon)
    bench.db.transaction(lambda unit: unit.execute(sent.values(state=DispatchState.SENDING)))
    early = bench.result(icon, attempt=None)
    assert [one.verdict for one in bench.report(early)] == [Verdict.PARKED]
    bench.db.transaction(lambda unit: unit.execute(sent.values(state=DispatchState.ACCEPTED)))
    _taken_by(bench, icon, AgentKind.ORIGINAL)
    kept = bench.result(icon, attempt=None, kept=True)
    assert [one.verdict for one in bench.report(kept)] == [Verdict.STORED]
    assert bench.status(run, "JOB-1") is IconStatus.END


def test_what_an_original_agent_took_before_ours_came_is_done(bench: Bench) -> None:
    """The second attempt is our agent's: what still comes without attempt is the first one's."""
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"stop_code": "1"}})
    (run,) = bench.start()
    bench.drain()
    (first,) = bench.send_all()
    icon = first.inner_job_id
    _taken_by(bench, icon, AgentKind.ORIGINAL)
    bench.report(bench.result(icon, attempt=None, return_code=1))
    _rerun(bench, icon)
    bench.drain()
    bench.send_all()
    second = update(t.ext_dispatch).where(t.ext_dispatch.c.attempt == 2)
    bench.db.transaction(lambda unit: unit.execute(second.values(agent_kind=AgentKind.OURS)))
    late = bench.result(icon, attempt=None)
    assert [one.verdict for one in bench.report(late)] == [Verdict.REFUSED]
    assert bench.status(run, "JOB-1") is IconStatus.RUN
    (judged,) = bench.report(bench.result(icon, attempt=2))
    assert judged.verdict is Verdict.STORED


def _taken_by(bench: Bench, icon: int, kind: AgentKind | None) -> None:
    """Note which agent has answered the request."""
    row = update(t.ext_dispatch).where(t.ext_dispatch.c.inner_job_id == icon)
    bench.db.transaction(lambda unit: unit.execute(row.values(agent_kind=kind)))


@pytest.mark.parametrize("number", [-5, 2**63, 10**20 - 1])
def test_an_absurd_number_harms_no_other_result(bench: Bench, number: int) -> None:
    """A number that no column can hold is refused; what came with it is processed."""
    define(bench.db, "START JOB-1 END-1")
    bench.start()
    bench.drain()
    (request,) = bench.send_all()
    judged = bench.report(bench.result(number), bench.result(request.inner_job_id))
    assert [one.verdict for one in judged] == [Verdict.REFUSED, Verdict.STORED]


def test_half_a_character_is_stored_as_a_question_mark(bench: Bench) -> None:
    """A lone surrogate, which JSON can express, is nothing that a table can hold."""
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    (judged,) = bench.report(bench.result(request.inner_job_id, std_out="a\ud800b"))
    assert judged.verdict is Verdict.STORED
    assert bench.after(run, "JOB-1")["STD_OUT"] == "a?b"


def test_a_flow_that_went_on_is_not_fired_again(bench: Bench) -> None:
    """With the continue flag the successors run when the outcome is unknown; a late result
    must not run them a second time.
    """
    define(bench.db, "START JOB-1 SET-1 JOB-2 END-1", icons={"JOB-1": {"continue_flag": 1}})
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    message = m.render(m.JARUNICONJOB200012, inner_job_id=1, agent_message="silent")
    failure = DispatchFailure(
        job_id=request.inner_job_id,
        attempt=1,
        method=Method.NORMAL,
        message=message,
        outcome_unknown=True,
    )
    fail_dispatch(bench.db, bench.engine, [failure])
    bench.drain()
    (judged,) = bench.report(bench.result(request.inner_job_id))
    bench.finish()
    assert judged.verdict is Verdict.REFUSED
    assert bench.log(run).count(("JC00000003", "SET-1")) == 1
    assert bench.summary(run).status == JobnetStatus.END


def _rerun(bench: Bench, icon: int) -> None:
    """Do what the Manager does to run a failed icon again."""
    bench.db.transaction(
        lambda unit: unit.execute(
            update(t.run_job)
            .where(t.run_job.c.inner_job_id == icon)
            .values(status=IconStatus.READY, method_flag=MethodFlag.RERUN)
        )
    )


def test_a_failed_job_stops_its_flow_and_shows(bench: Bench) -> None:
    """A stop code makes the icon fail, the instance RUNERR and the summary an error."""
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"stop_code": "1-9"}})
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    bench.report(bench.result(request.inner_job_id, return_code=7))
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert bench.status(run, "END-1") is IconStatus.BEGIN
    assert bench.instance(run).status == JobnetStatus.RUNERR
    summary = bench.summary(run)
    assert (summary.status, summary.job_status) == (JobnetStatus.RUN, JobStatus.ERROR)
    values = bench.after(run, "JOB-1")
    assert values["ICON_STATUS"] == "1"
    assert "7" in values["JOBARG_MESSAGE"]
    assert ("JC90000002", "JOB-1") in bench.log(run)
    (note,) = bench.rows(select(t.send_message))
    assert note.log_message_id == "JAJOBNETRUN000001"
    assert (note.jobnet_id, note.job_id_full, note.user_name) == ("NET", "/NET/JOB-1", "owner")
    assert (note.host_name, note.send_status) == ("web01", 0)


def test_the_continue_flag_lets_the_flow_go_on(bench: Bench) -> None:
    """A failed icon with the continue flag counts as ended; its outcome travels on."""
    define(
        bench.db,
        "START JOB-1 END-1",
        settings={"JOB-1": {"stop_code": "1"}},
        icons={"JOB-1": {"continue_flag": 1}},
    )
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    bench.report(bench.result(request.inner_job_id, return_code=1))
    bench.finish()
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert bench.before(run, "END-1")["ICON_STATUS"] == "1"
    summary = bench.summary(run)
    assert (summary.status, summary.job_status) == (JobnetStatus.END, JobStatus.NORMAL)


def test_hold_and_skip(bench: Bench) -> None:
    """A held icon waits until it is released; a skipped one passes its input on."""
    define(
        bench.db,
        "START JOB-1 JOB-2 END-1",
        icons={"JOB-1": {"method_flag": 2}, "JOB-2": {"method_flag": 1}},
    )
    (run,) = bench.start(env={"X": "1"})
    bench.drain()
    assert bench.status(run, "JOB-1") is IconStatus.END
    assert bench.icon(run, "JOB-1").start_time == 0
    assert bench.before(run, "JOB-2")["X"] == "1"
    assert bench.status(run, "JOB-2") is IconStatus.READY
    assert bench.send_all() == []
    bench.db.transaction(
        lambda unit: unit.execute(
            update(t.run_job).where(t.run_job.c.job_id == "JOB-2").values(method_flag=0)
        )
    )
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
    assert ("JC00000006", "JOB-1") in bench.log(run)


def test_a_wait_run_holds_its_start(bench: Bench) -> None:
    """A run of type 2 begins and waits at START."""
    define(bench.db, "START END-1")
    (run,) = bench.start(run_type=RunType.WAIT)
    bench.drain()
    assert bench.status(run, "START") is IconStatus.READY
    assert bench.instance(run).status == JobnetStatus.RUN


def test_parallel_branches_join(bench: Bench) -> None:
    """An icon with two entering arrows waits for both; the last one's variables win."""
    define(
        bench.db,
        "START JOB-1 SET-3; START JOB-2 SET-3; SET-3 END-1",
        settings={"SET-3": {"SUM": "x"}},
    )
    (run,) = bench.start()
    bench.drain()
    first, second = bench.send_all()
    bench.report(bench.result(first.inner_job_id, std_out="one"))
    bench.drain()
    assert bench.status(run, "SET-3") is IconStatus.BEGIN
    assert bench.icon(run, "SET-3").end_count == 1
    bench.report(bench.result(second.inner_job_id, std_out="two"))
    bench.finish()
    assert bench.before(run, "END-1")["STD_OUT"] == "two"
    assert bench.summary(run).status == JobnetStatus.END


def test_end_reached_while_another_branch_is_at_work(bench: Bench) -> None:
    """END waits for the others until the patience is over; then the run ends abnormally."""
    define(bench.db, "START END-1; START JOB-1 SET-2 END-2")
    (run,) = bench.start()
    bench.mover.move(None)
    assert bench.instance(run).status == JobnetStatus.RUN
    assert bench.mover.settle() == 1
    assert bench.instance(run).status == JobnetStatus.ENDERR
    summary = bench.summary(run)
    assert (summary.status, summary.job_status) == (JobnetStatus.RUN, JobStatus.ERROR)
    (request,) = bench.send_all()
    bench.report(bench.result(request.inner_job_id))
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR


def test_an_icon_without_arrow_takes_its_jobnet_down(bench: Bench) -> None:
    """Where the flow leads nowhere the icon and its instance fail for good."""
    define(bench.db, "START SET-1; START END-1", settings={"SET-1": {"A": "$NONE"}})
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "SET-1") is IconStatus.RUNERR
    define(bench.db, "START SET-1; START JOB-1 END-1", jobnet_id="NET2")
    (other,) = bench.start("NET2")
    bench.drain()
    assert bench.status(other, "SET-1") is IconStatus.ENDERR
    assert bench.instance(other).status == JobnetStatus.ENDERR


def test_a_request_that_fails(bench: Bench) -> None:
    """A failed request fails its icon; a later result counts only if the outcome was unknown."""
    define(bench.db, "START JOB-1 END-1")
    runs = bench.start(count=2)
    bench.drain()
    requests = bench.send_all()
    fail_dispatch(
        bench.db,
        bench.engine,
        [
            DispatchFailure(
                job_id=request.inner_job_id,
                attempt=1,
                method=Method.NORMAL,
                message=m.render(m.JARUNICONJOB200012, inner_job_id=1, agent_message="no"),
                host="web01",
                outcome_unknown=unknown,
            )
            for request, unknown in zip(requests, (False, True), strict=True)
        ],
    )
    assert [bench.status(run, "JOB-1") for run in runs] == [IconStatus.RUNERR] * 2
    assert "[JARUNICONJOB200012]" in bench.after(runs[0], "JOB-1")["JOBARG_MESSAGE"]
    states = [row.state for row in bench.rows(select(t.ext_dispatch))]
    assert sorted(states) == [DispatchState.DONE, DispatchState.UNKNOWN]
    verdicts = [
        judged.verdict
        for judged in bench.report(*(bench.result(r.inner_job_id, attempt=None) for r in requests))
    ]
    assert verdicts == [Verdict.REFUSED, Verdict.STORED]
    bench.finish()
    assert [bench.summary(run).status for run in runs] == [JobnetStatus.RUN, JobnetStatus.END]


def test_a_host_variable_that_is_no_name_fails_its_icon(bench: Bench) -> None:
    """A value too long for any host must not leave the icon ready for ever."""
    define(
        bench.db,
        "START SET-1 JOB-1 END-1",
        settings={
            "SET-1": {"WHERE": "x" * 200},
            "JOB-1": {"host_flag": 1, "host_name": "WHERE"},
        },
    )
    (run,) = bench.start()
    bench.drain()
    assert bench.status(run, "JOB-1") is IconStatus.RUNERR
    assert "[JAHOST200002]" in bench.after(run, "JOB-1")["JOBARG_MESSAGE"]


def test_a_result_is_processed_whatever_is_wrong_behind_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The icon behind cannot be started: the result counts, that icon alone is left alone."""

    def fault(*_: object) -> object:
        raise ValueError("a fault of ours")

    define(bench.db, "START JOB-1 SET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    (request,) = bench.send_all()
    monkeypatch.setattr(Value, "start", fault)
    (judged,) = bench.report(bench.result(request.inner_job_id))
    assert judged.verdict is Verdict.STORED
    assert bench.status(run, "JOB-1") is IconStatus.END
    assert bench.status(run, "SET-1") is IconStatus.READY


def test_parked_runs_do_not_hide_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is left alone takes no place in a pass, and no pass follows for its sake."""
    monkeypatch.setattr(moving, "MOST", 1)
    define(bench.db, "START JOB-1 END-1")
    broken, sound = bench.start(count=2)
    for _ in range(FAILURES):
        bench.mover._parking.failed(broken)
    moved = bench.mover.move(None).icons
    assert moved == 2
    assert bench.status(sound, "JOB-1") is IconStatus.RUN
    again = bench.mover.move(None)
    assert (again.icons, again.again) == (0, False)


def test_jobs_that_have_ended_are_not_looked_at_for_warnings(bench: Bench) -> None:
    """Thousands of ended jobs must not delay the warning of one that really is late."""
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"timeout": 1}})
    bench.start()
    bench.drain()
    (request,) = bench.send_all()
    bench.report(bench.result(request.inner_job_id))
    (row,) = bench.rows(select(t.ext_dispatch.c.warn_at))
    assert row.warn_at is None


def test_all_overdue_jobs_are_warned_of_in_one_pass(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass takes as many batches as there are."""
    monkeypatch.setattr(timeouts, "BATCH", 2)
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"timeout": 1}})
    bench.start(count=5)
    bench.drain()
    assert warn_overdue(bench.db, bench.engine, bench.clock.now_ms() + 61_000) == 5


def test_an_overdue_job_is_warned_of_once(bench: Bench) -> None:
    """The warning marks icon and run, and the run still ends."""
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"timeout": 1}})
    (run,) = bench.start()
    bench.drain()
    now = bench.clock.now_ms()
    assert warn_overdue(bench.db, bench.engine, now) == 0
    assert warn_overdue(bench.db, bench.engine, now + 61_000) == 1
    assert warn_overdue(bench.db, bench.engine, now + 61_000) == 0
    assert bench.icon(run, "JOB-1").timeout_flag == 1
    assert bench.summary(run).job_status == JobStatus.TIMEOUT
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
    assert ("JC00000005", "JOB-1") in bench.log(run)


def test_a_job_that_is_run_again_is_watched_again(bench: Bench) -> None:
    """Each attempt has its own time, and is warned of once."""
    define(bench.db, "START JOB-1 END-1", settings={"JOB-1": {"timeout": 1, "stop_code": "1"}})
    (run,) = bench.start()
    bench.drain()
    (first,) = bench.send_all()
    assert [bench.warn_late(61), bench.warn_late(61)] == [1, 0]
    bench.report(bench.result(first.inner_job_id, return_code=1))
    _rerun(bench, first.inner_job_id)
    bench.drain()
    bench.send_all()
    assert [bench.warn_late(61), bench.warn_late(61)] == [1, 0]
    assert bench.log(run).count(("JC00000005", "JOB-1")) == 2


def test_a_test_run_sends_tests(bench: Bench) -> None:
    """A test run asks the agent for a test and ends when all icons have ended."""
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start(run_type=RunType.TEST)
    bench.drain()
    (request,) = bench.send_all()
    assert request.method == Method.TEST
    bench.report(bench.result(request.inner_job_id))
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END


def test_many_runs_share_statements(bench: Bench) -> None:
    """In batches of 25 a run of START, JOB and END costs at most 30 statements altogether."""
    define(bench.db, "START JOB-1 END-1")
    bench.start()
    bench.finish()
    started = bench.db.statements
    runs = bench.start(count=25)
    bench.finish()
    spent = bench.db.statements - started
    assert all(bench.summary(run).status == JobnetStatus.END for run in runs)
    assert spent / len(runs) <= 30


def test_instants_are_kept(bench: Bench) -> None:
    """Each icon's instants stand in UTC milliseconds in the event table."""
    define(bench.db, "START JOB-1 END-1")
    (run,) = bench.start()
    bench.finish()
    job = bench.icon(run, "JOB-1").inner_job_id
    events = bench.rows(
        select(t.ext_event).where(t.ext_event.c.inner_job_id == job).order_by(t.ext_event.c.id)
    )
    assert [IconEvent(row.event) for row in events] == [
        IconEvent.READY,
        IconEvent.STARTED,
        IconEvent.RESULT,
        IconEvent.ENDED,
    ]
    assert abs(events[0].at - bench.clock.now_ms()) < 60_000


def test_a_run_without_start_icon_fails(bench: Bench) -> None:
    """Without START there is nothing to begin with; the summary shows the error."""
    define(bench.db, "SET-1 END-1")
    (run,) = bench.start()
    bench.drain()
    assert bench.instance(run).status == JobnetStatus.ENDERR
    assert bench.summary(run).job_status == JobStatus.ERROR


def test_a_big_family_shares_the_process(bench: Bench) -> None:
    """A long chain is done in portions; nothing is lost between them."""
    chain = " ".join(f"SET-{n}" for n in range(250))
    define(bench.db, f"START {chain} END-1")
    (run,) = bench.start()
    moved = bench.mover.move(None)
    assert moved.icons == bench.engine.steps
    assert moved.again
    bench.finish()
    assert bench.summary(run).status == JobnetStatus.END
    ended = select(func.count()).where(t.run_job.c.status == IconStatus.END)
    assert bench.rows(ended)[0][0] == 252
