"""What the agent makes of a request, and how it answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.agent import accept
from jobarranger.agent.accept import (
    Identity,
    KillRequest,
    QueryRequest,
    RefusedRequest,
    ReplyHead,
    RunRequest,
    decide,
    reply,
)
from jobarranger.agent.jobs import Order
from jobarranger.states import Method

ME = Identity(hostname="web01", extjob_path=Path("/ext"))


def telegram(top: dict[str, Any] | None = None, **data: Any) -> bytes:
    """Return a good jobrun with members replaced; None removes one."""
    body: dict[str, Any] = {"jobid": "4711", "type": "command", "method": 0, "script": "true"}
    message: dict[str, Any] = {"kind": "jobrun", "version": 1, "serverid": "S", "hostname": "web01"}
    message["data"] = {key: value for key, value in (body | data).items() if value is not None}
    message |= top or {}
    return json.dumps({k: v for k, v in message.items() if v is not None}).encode()


def decided(payload: bytes) -> accept.Decision:
    """Decide as the agent web01 for a server at 10.0.0.1."""
    return decide(payload, "10.0.0.1", ME)


def order_of(payload: bytes) -> Order:
    """Return the order of a request that must be good."""
    decision = decided(payload)
    assert isinstance(decision, RunRequest), decision
    return decision.order


@pytest.mark.parametrize(
    ("payload", "envelope", "word"),
    [
        (b"", ReplyHead(version=1), "nothing"),
        (b"\r\n", ReplyHead(version=1), "nothing"),
        (b"hello", ReplyHead(version=1), "JSON"),
        (b"[1]", ReplyHead(version=1), "object"),
        (telegram({"kind": None}), ReplyHead(version=1), "kind"),
        (telegram({"serverid": None}), ReplyHead(), "serverid"),
        (telegram({"version": None}), ReplyHead(server_id="S"), "version"),
        (telegram({"version": 2}), ReplyHead(version=2, server_id="S", hostname="web01"), "2"),
        (telegram({"hostname": "x"}), ReplyHead(version=1, server_id="S", hostname="x"), "x"),
        (telegram({"data": None}), ReplyHead(version=1, server_id="S", hostname="web01"), "data"),
    ],
)
def test_a_bad_top_level_echoes_what_was_reached(
    payload: bytes, envelope: ReplyHead, word: str
) -> None:
    """Parts that were not read stay empty; the version is 1 where the kind was not usable."""
    decision = decided(payload)
    assert isinstance(decision, RefusedRequest)
    assert decision.envelope == envelope
    assert word in decision.message


@pytest.mark.parametrize(
    "payload",
    [
        telegram({"kind": "jobstop"}),
        telegram({"kind": "jobresult"}),
        telegram(jobid=None),
        telegram(jobid="0"),
        telegram(jobid="-1"),
        telegram(jobid="x"),
        telegram(jobid=str(2**63)),
        telegram(attempt=2**70),
        telegram(attempt=-1),
        telegram(method=None),
        telegram(method=4),
        telegram(method="x"),
        telegram(env=[]),
        telegram(type=None),
        telegram(type="script"),
        telegram(type="reboot"),
        telegram(type="extjob", argument={}),
        telegram(type="extjob", script="a/b", argument=[]),
        telegram({"kind": "fcopy"}, type="putfile"),
    ],
)
def test_bad_requests_are_refused_without_quoting_them(payload: bytes) -> None:
    """Result 2 and a reason in which neither script nor password stands."""
    secret = payload.replace(b'"true"', b'"SECRET"')
    decision = decided(secret)
    assert isinstance(decision, RefusedRequest)
    assert "SECRET" not in decision.message
    assert json.loads(reply(decision.envelope, 2, decision.message, agent="a"))["data"][
        "result"
    ] == (2)


def test_replies_have_the_kind_of_their_request() -> None:
    """A file copy is answered with fcopy-res, everything unknown with jobrun-res."""
    kinds = {"fcopy": "fcopy-res", "jobquery": "jobquery-res", "x": "jobrun-res"}
    for kind, expected in kinds.items():
        decision = decided(telegram({"kind": kind}))
        assert decision.envelope.reply_kind == expected


@pytest.mark.parametrize(
    ("jobid", "value"), [("17", 17), (17, 17), ("2K", 2048), ("1T", 1 << 40), (" 5 ", 5)]
)
def test_job_ids_may_be_texts_numbers_or_have_a_suffix(jobid: Any, value: int) -> None:
    """As configuration numbers."""
    assert order_of(telegram(jobid=jobid)).job_id == value


def test_a_good_request_becomes_an_order() -> None:
    """Numbers as texts, null as absent, (null) as no user, carriage returns dropped."""
    order = order_of(
        telegram(
            {"version": "1", "hostname": None},
            method="0",
            script="a\r\nb\r",
            env={"A": "x", "N": 1, "B": False, "Z": None, "O": {"k": 1}},
            run_user="(null)",
            attempt=3,
        )
    )
    assert order.script == "a\nb"
    assert order.env == {"A": "x", "N": "1", "B": "false", "Z": "(null)", "O": '{"k": 1}'}
    assert (order.run_user, order.attempt, order.method) == ("", 3, Method.NORMAL)
    assert order.peer == "10.0.0.1"


def test_a_test_runs_an_empty_script() -> None:
    """Of extended jobs, too, whose arguments are checked all the same."""
    assert order_of(telegram(method=1)).script == ""
    assert order_of(telegram(method=1, type="extjob", script="w", argument=[])).script == ""


def test_extended_jobs_are_quoted() -> None:
    """The program lies in the directory and the arguments reach it as they are."""
    order = order_of(telegram(type="extjob", script="jafwait", argument=["a b", "$x", 1, None]))
    assert order.script == "/ext/jafwait.sh 'a b' '$x' 1 '(null)'"
    assert order_of(telegram(type="extjob", script="w", argument=[], run_user="u")).run_user == ""


def test_kill_and_query() -> None:
    """A kill needs no type; both carry the attempt if there is one."""
    kill = decided(telegram(method=3, type="", script="", attempt=2))
    assert isinstance(kill, KillRequest)
    assert (kill.job_id, kill.attempt) == (4711, 2)
    query = decided(telegram({"kind": "jobquery"}, method=None, attempt=1))
    assert isinstance(query, QueryRequest)
    assert (query.job_id, query.attempt) == (4711, 1)


def test_the_layout_of_a_reply() -> None:
    """One line with blanks; a message with refusals only; our name only with an attempt."""
    plain = ReplyHead(version=1, server_id="S", hostname="web01")
    assert reply(plain, 0, "x", agent="a") == (
        b'{ "kind": "jobrun-res", "version": 1, "serverid": "S", "hostname": "web01",'
        b' "data": { "result": 0 } }'
    )
    assert json.loads(reply(plain, 3, "why", agent="a"))["data"] == {"result": 3, "message": "why"}
    counted = ReplyHead(version=1, attempt=4)
    assert json.loads(reply(counted, 0, agent="a"))["data"] == {
        "result": 0,
        "agent": "a",
        "attempt": 4,
    }


@given(st.binary(max_size=200))
def test_no_bytes_can_break_it(payload: bytes) -> None:
    """Whatever arrives is decided on."""
    assert decided(payload) is not None


@given(
    st.dictionaries(
        st.sampled_from(["jobid", "type", "method", "script", "argument", "env", "attempt"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: (
                st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
            ),
            max_leaves=3,
        ),
    )
)
def test_no_values_can_break_it(data: dict[str, Any]) -> None:
    """Any JSON in any member is decided on."""
    assert decided(telegram(**data)) is not None
