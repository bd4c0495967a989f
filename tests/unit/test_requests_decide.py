"""The rules of sending: never twice to a 3.0.0 agent, exactly once with ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.icons import traits_of
from jobarranger.requests import decide
from jobarranger.requests.request import RUNS, Payload, Request
from jobarranger.requests.steps import (
    Accept,
    Answered,
    Event,
    Fail,
    FailureReason,
    Finish,
    Held,
    JobStanding,
    Later,
    Original,
    Pursue,
    Query,
    Reported,
    Send,
    SendLimits,
    Silent,
    Step,
    Unreachable,
    View,
)
from jobarranger.states import AgentKind, DispatchState, JobType, Method

NOW = 1_000_000_000
LIMITS = SendLimits(connect_retry=60_000, unknown=300_000, started_at=NOW - 3_600_000)
OURS, ORIGINAL, UNKNOWN = AgentKind.OURS, AgentKind.ORIGINAL, AgentKind.UNKNOWN


def run(**values: object) -> Request:
    """Return a run that is being sent for the first time."""
    usual: dict[str, object] = {
        "job_id": 7,
        "attempt": 1,
        "method": Method.NORMAL,
        "state": DispatchState.SENDING,
        "host_name": "web01",
        "created_at": NOW - 100,
        "sending_at": NOW - 50,
        "tries": 1,
    }
    return Request(**{**usual, **values})  # type: ignore[arg-type]


def view(kind: AgentKind = UNKNOWN, **values: object) -> View:
    """Return what the executor sees at NOW."""
    return View(**{"now": NOW, "kind": kind, **values})  # type: ignore[arg-type]


FIRST = run()
SECOND = run(attempt=2)
KILL = run(method=Method.KILL)
STOP = run(method=Method.STOP)
OLD = run(sending_at=NOW - 300_000)
NOT_NOW = Answered(2, "disk full", "x 1", retry=True)

AFTER_SENDING: list[tuple[str, Request, Event, View, Step]] = [
    ("taken by ours", FIRST, Answered(0, agent="x 1"), view(OURS), Accept(NOW + 60_000)),
    ("taken by an original", FIRST, Answered(0), view(ORIGINAL), Accept(None)),
    ("refused", FIRST, Answered(2, "no"), view(ORIGINAL), Fail(FailureReason.REFUSED, "no")),
    (
        "first attempt known",
        FIRST,
        Answered(3, "m"),
        view(ORIGINAL),
        Fail(FailureReason.REFUSED, "m"),
    ),
    ("an older attempt lives", SECOND, Answered(3), view(ORIGINAL), Later(NOW + 500)),
    ("not taken for now", FIRST, NOT_NOW, view(OURS, failures=1), Later(NOW + 100)),
    ("still not taken", SECOND, NOT_NOW, view(OURS, failures=9), Later(NOW + 5_000)),
    (
        "not taken for long",
        run(created_at=NOW - 60_000),
        NOT_NOW,
        view(OURS, down_since=NOW - 60_000),
        Fail(FailureReason.REFUSED, "disk full"),
    ),
    ("a stop not taken for now", STOP, NOT_NOW, view(OURS, failures=1), Later(NOW + 100)),
    ("the host does not answer", FIRST, Held(), view(OURS), Later(NOW + 100)),
    ("no connection", FIRST, Unreachable("x"), view(failures=1), Later(NOW + 100)),
    ("still none", FIRST, Unreachable("x"), view(failures=9), Later(NOW + 5_000)),
    (
        "none for long",
        run(created_at=NOW - 60_000),
        Unreachable("x"),
        view(down_since=NOW - 60_000),
        Fail(FailureReason.UNREACHABLE, "x"),
    ),
    (
        "an old request, a host just gone",
        run(created_at=NOW - 60_000_000),
        Unreachable("x"),
        view(down_since=NOW - 59_999, failures=3),
        Later(NOW + 400),
    ),
    ("no answer, kind unknown", FIRST, Silent("x"), view(), Query()),
    ("no answer from ours", FIRST, Silent("x"), view(OURS), Query()),
    ("no answer from an original", FIRST, Silent("x"), view(ORIGINAL), Pursue(NOW + 299_950)),
    ("closed by an original", FIRST, Silent("x", closed=True), view(ORIGINAL), Query()),
    ("kill done", KILL, Answered(0), view(ORIGINAL), Finish()),
    ("kill too early", KILL, Answered(2), view(ORIGINAL), Later(NOW + 1_000)),
    (
        "kill in vain",
        run(method=Method.KILL, created_at=NOW - 5_000),
        Answered(2, "not running"),
        view(ORIGINAL),
        Fail(FailureReason.REFUSED, "not running"),
    ),
    (
        "kill in vain at ours",
        run(method=Method.KILL, created_at=NOW - 5_000),
        Answered(2, "x", "a"),
        view(OURS),
        Query(),
    ),
    ("kill without answer", KILL, Silent("x"), view(ORIGINAL), Pursue(NOW + 500)),
    ("stop command taken", run(method=Method.STOP), Answered(0), view(ORIGINAL), Finish()),
]


@pytest.mark.parametrize(
    ("request_", "event", "seen", "step"),
    [case[1:] for case in AFTER_SENDING],
    ids=[case[0] for case in AFTER_SENDING],
)
def test_after_sending(request_: Request, event: Event, seen: View, step: Step) -> None:
    """Each answer, and each kind of silence, has one consequence."""
    assert decide.after_sending(request_, event, seen, LIMITS) == step


ACCEPTED = run(state=DispatchState.ACCEPTED, accepted_at=NOW - 400_000)
UNSENT = run(state=DispatchState.NEW)

AFTER_QUERY: list[tuple[str, Request, Event, View, Step]] = [
    ("ours does not know it", FIRST, Reported(JobStanding.UNKNOWN), view(OURS), Send()),
    ("ours runs it", FIRST, Reported(JobStanding.RUNNING), view(OURS), Accept(NOW + 60_000)),
    ("ours has ended it", FIRST, Reported(JobStanding.ENDED), view(OURS), Accept(NOW + 60_000)),
    ("an original, in time", FIRST, Original(), view(ORIGINAL), Pursue(NOW + 299_950)),
    ("an original, too long", OLD, Original(), view(ORIGINAL), Fail(FailureReason.NO_OUTCOME)),
    ("gone", FIRST, Unreachable("x"), view(OURS), Pursue(NOW + 500)),
    ("held", FIRST, Held(), view(OURS), Pursue(NOW + 500)),
    ("held for too long", OLD, Held(), view(OURS), Fail(FailureReason.NO_OUTCOME)),
    ("large, held", UNSENT, Held(), view(OURS), Later(NOW + 100)),
    ("gone for too long", OLD, Unreachable("x"), view(OURS), Fail(FailureReason.NO_OUTCOME)),
    ("silent", FIRST, Silent("x"), view(), Pursue(NOW + 500)),
    ("closes once", FIRST, Silent("x", closed=True), view(), Pursue(NOW + 500)),
    (
        "closes always",
        run(tries=4),
        Silent("x", closed=True),
        view(),
        Fail(FailureReason.NO_OUTCOME, "x"),
    ),
    ("accepted, runs", ACCEPTED, Reported(JobStanding.RUNNING), view(OURS), Pursue(NOW + 400_000)),
    (
        "accepted, forgotten",
        ACCEPTED,
        Reported(JobStanding.UNKNOWN),
        view(OURS),
        Fail(FailureReason.NO_OUTCOME, "the agent does not know the job any more"),
    ),
    ("accepted, gone", ACCEPTED, Unreachable("x"), view(OURS), Pursue(NOW + 400_000)),
    ("large, ours", UNSENT, Reported(JobStanding.UNKNOWN), view(OURS), Send()),
    ("large, gone", UNSENT, Unreachable("x"), view(failures=1), Later(NOW + 100)),
    ("kill, it is over", KILL, Reported(JobStanding.ENDED), view(OURS), Finish()),
    (
        "kill, it runs on",
        KILL,
        Reported(JobStanding.RUNNING),
        view(OURS),
        Fail(FailureReason.REFUSED, "the job is running"),
    ),
]


@pytest.mark.parametrize(
    ("request_", "event", "seen", "step"),
    [case[1:] for case in AFTER_QUERY],
    ids=[case[0] for case in AFTER_QUERY],
)
def test_after_query(request_: Request, event: Event, seen: View, step: Step) -> None:
    """What an agent says when it is asked decides about the request."""
    assert decide.after_query(request_, event, seen, LIMITS) == step


def test_a_large_request_is_not_cut_short() -> None:
    """It asks first, and fails clearly at an original."""
    assert decide.first_step(UNSENT, oversized=True) == Query()
    step = decide.after_query(UNSENT, Original(), view(ORIGINAL), LIMITS, oversized=True)
    assert step == Fail(FailureReason.TOO_LARGE)
    assert decide.first_step(UNSENT, oversized=False) == Send()


@pytest.mark.parametrize(
    ("state", "kind", "step"),
    [
        (None, OURS, Finish()),
        (DispatchState.DONE, OURS, Finish()),
        (DispatchState.UNKNOWN, OURS, Finish()),
        (DispatchState.NEW, OURS, Fail(FailureReason.STOPPED)),
        (DispatchState.SENDING, OURS, Later(NOW + 1_000)),
        (DispatchState.SENDING, UNKNOWN, Later(NOW + 1_000)),
        (DispatchState.SENDING, ORIGINAL, Send()),
        (DispatchState.ACCEPTED, ORIGINAL, Send()),
    ],
)
def test_before_a_stop(state: DispatchState | None, kind: AgentKind, step: Step) -> None:
    """A stop never reaches a later attempt, and a run not sent is not sent any more."""
    assert decide.before_stop(state, kind, NOW) == step


def test_a_server_that_was_down_has_not_waited() -> None:
    """The time for an answer runs from the executor's start at the earliest."""
    limits = replace(LIMITS, started_at=NOW - 10)
    assert decide.when_due(OLD, view(ORIGINAL), limits) == Pursue(NOW - 10 + 300_000)
    assert decide.when_due(OLD, view(ORIGINAL), LIMITS) == Fail(FailureReason.NO_OUTCOME)


def test_what_was_sent_before_is_not_new_again_because_its_host_is_held() -> None:
    """Held back at a repetition: the agent may have it from the first time."""
    step = decide.after_sending(FIRST, Held(), view(OURS), LIMITS, again=True)
    assert step == Pursue(NOW + 500)
    assert decide.after_sending(FIRST, NOT_NOW, view(OURS), LIMITS, again=True) == Later(NOW + 100)


def test_an_original_server_s_haste_can_be_restored() -> None:
    """With JaConnectRetry=0 the first failed connection fails the icon, as a refusal does."""
    limits = replace(LIMITS, connect_retry=0)
    step = decide.after_sending(run(created_at=NOW), Unreachable("x"), view(), limits)
    assert step == Fail(FailureReason.UNREACHABLE, "x")
    step = decide.after_sending(run(created_at=NOW), NOT_NOW, view(), limits)
    assert step == Fail(FailureReason.REFUSED, "disk full")
    assert decide.after_sending(run(created_at=NOW), Held(), view(), limits) == Later(NOW + 100)


@pytest.mark.parametrize(
    ("reason", "method", "job_type", "fails"),
    [
        (FailureReason.REFUSED, Method.NORMAL, JobType.REBOOT, True),
        (FailureReason.REFUSED, Method.KILL, JobType.JOB, True),
        (FailureReason.UNREACHABLE, Method.STOP, JobType.JOB, True),
        (FailureReason.UNREACHABLE, Method.KILL, JobType.FWAIT, True),
        (FailureReason.REFUSED, Method.KILL, JobType.FWAIT, False),
        (FailureReason.UNREACHABLE, Method.KILL, JobType.REBOOT, False),
        (FailureReason.REFUSED, Method.KILL, JobType.REBOOT, False),
    ],
)
def test_which_failures_take_the_icon_down(
    reason: FailureReason, method: Method, job_type: JobType, fails: bool
) -> None:
    """A stop in vain concerns JOB icons, FWAIT icons partly, REBOOT icons never."""
    assert decide.fails_icon(reason, method, traits_of(job_type).failed_stop) is fails


# -- what must hold whatever happens ----------------------------------------------------------

texts = st.just("x")
sendings = st.one_of(
    st.builds(Unreachable, texts),
    st.builds(Silent, texts, st.booleans()),
    st.builds(Answered, st.integers(0, 5), texts, st.none()),
    st.just(Held()),
)
questions = st.one_of(
    st.builds(Unreachable, texts),
    st.builds(Silent, texts, st.booleans(), st.booleans()),
    st.sampled_from([Original(), Held()]),
)
requests = st.builds(
    run,
    attempt=st.integers(1, 3),
    method=st.sampled_from(sorted(RUNS)),
    tries=st.integers(1, 50),
    created_at=st.integers(NOW - 10**7, NOW),
    sending_at=st.integers(NOW - 10**6, NOW),
)
views = st.builds(
    view,
    st.sampled_from([ORIGINAL, UNKNOWN]),
    failures=st.integers(0, 50),
    down_since=st.one_of(st.none(), st.integers(NOW - 10**6, NOW)),
)


@given(requests, sendings, st.lists(questions, max_size=5), views)
def test_nothing_is_sent_twice_to_an_original(
    request: Request, sent: Event, asked: list[Event], seen: View
) -> None:
    """After a byte has left, only our agent's own word lets a run be sent again."""
    step = decide.after_sending(request, sent, seen, LIMITS)
    if isinstance(sent, Silent):
        assert not isinstance(step, Send | Later)
        for event in asked:
            step = decide.after_query(request, event, seen, LIMITS)
            assert not isinstance(step, Send | Later)
            assert not isinstance(decide.when_due(request, seen, LIMITS), Send | Later)


@given(requests, sendings, views)
def test_every_step_leads_on(request: Request, sent: Event, seen: View) -> None:
    """Times of another look lie in the future, and not for ever ahead."""
    step = decide.after_sending(request, sent, seen, LIMITS)
    if isinstance(step, Later | Pursue):
        assert NOW < step.at <= NOW + LIMITS.unknown


@given(st.integers(0, 10**9), st.integers(1, 10**4), st.integers(1, 10**6))
def test_pauses_grow_to_their_limit(count: int, first: int, most: int) -> None:
    """Never more than the limit, never less than the pause before."""
    assert decide.pause(count, first, most) <= max(most, first)
    assert decide.pause(count, first, most) <= decide.pause(count + 1, first, most)


def test_a_payload_survives_its_row() -> None:
    """What is written is read back; keys of other versions are ignored."""
    payload = Payload(type="command", script="date", argument={}, env={"A": "b"})
    assert Payload.from_json(payload.to_json()) == payload
    assert Payload.from_json('{"script": "x", "future": 1, "run_user": null}').script == "x"
