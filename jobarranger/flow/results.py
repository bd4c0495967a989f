"""Work in what agents report (docs/protocol.md, Results; docs/flow.md, JOB).

Results that arrived together are one transaction. Each gets a verdict that says how the agent is
to be answered; an agent of the original takes any answer as delivered, so a refusal is only for
what can never become true.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.db.engine import Database
from jobarranger.errors import DatabaseUnavailable
from jobarranger.failpoints import failpoint
from jobarranger.flow import stepping
from jobarranger.flow.engine import Engine
from jobarranger.flow.propagation import propagate
from jobarranger.flow.settling import settle
from jobarranger.flow.transact import transact
from jobarranger.flow.work import Work
from jobarranger.icons import Failure, Finished, icon_type
from jobarranger.model.records import Icon
from jobarranger.model.variables import MESSAGE, storable
from jobarranger.requests.rows import agents, of_icons
from jobarranger.states import (
    AWAITING_RESULT,
    AgentKind,
    DispatchState,
    IconEvent,
    IconStatus,
)

#: Longest message of an agent that is kept (bytes).
MESSAGE_LIMIT = 1023
#: What a number in a telegram must be within to be looked for in the tables.
_ICON_NUMBERS = range(1, 2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedResult:
    """One `jobresult` telegram, decoded."""

    job_id: int
    attempt: int | None  #: None: from an agent of the original
    host_name: str
    peer: str  #: address the connection came from
    result: int  #: 0: it ran to an end; else the agent could not run it
    return_code: int
    signal: int
    std_out: str
    std_err: str
    message: str | None
    received_at: int  #: UTC ms
    kept: bool = False  #: it waited in the spool or the inbox; others may have come since


class Verdict(Enum):
    """How a result was taken."""

    STORED = "processed; answer 0"
    REPEATED = "processed before; answer 0"
    REFUSED = "can never be processed; answer -1"
    PARKED = "cannot be judged now; keep it, answer 0"


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on one result, with a text for the answer and the log."""

    verdict: Verdict
    text: str = ""


class Senders(Protocol):
    """Finds whether a connection comes from the host it claims."""

    def is_host(
        self, conn: Connection, host_name: str, recorded: str | None, peer: str
    ) -> bool | None:
        """Compare `peer` with the recorded and the present address; None: not known now."""


class RecordedSenders:
    """Knows only the address that a request was sent to."""

    def is_host(
        self, conn: Connection, host_name: str, recorded: str | None, peer: str
    ) -> bool | None:
        """Compare with the recorded address."""
        del conn, host_name
        return recorded is not None and same_address(recorded, peer)


def same_address(one: str, other: str) -> bool:
    """Say whether two numeric addresses are the same (an IPv4 address may be mapped into IPv6)."""
    try:
        return _plain(one) == _plain(other)
    except ValueError:
        return False


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Return an address, unmapped."""
    address = ipaddress.ip_address(text)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


_RECORDED = RecordedSenders()


def complete(
    db: Database, engine: Engine, results: Sequence[ReportedResult], senders: Senders = _RECORDED
) -> list[Judged]:
    """Work in results; return a verdict for each, in their order.

    The whole batch is one transaction; if that fails the results are taken one by one, and one
    that fails alone is parked.

    Raises:
        DatabaseUnavailable: nothing was committed.
    """
    rows, early = db.read(lambda conn: _first_look(conn, results, senders))
    judged = {i: verdict for i, verdict in enumerate(early) if verdict is not None}
    open_ones = [i for i in range(len(results)) if i not in judged]
    if open_ones:
        judged.update(_complete_some(db, engine, results, rows, open_ones))
    return [judged[i] for i in range(len(results))]


#: The requests that were sent for each icon, oldest attempt first.
Requests = dict[int, list[Any]]


def _first_look(
    conn: Connection, results: Sequence[ReportedResult], senders: Senders
) -> tuple[Requests, list[Judged | None]]:
    """Return the requests of all icons, and a verdict for each result that needs no lock."""
    rows = _requests(conn, {result.job_id for result in results})
    return rows, [_look(conn, result, rows.get(result.job_id, []), senders) for result in results]


def _requests(conn: Connection, icons: Collection[int]) -> Requests:
    """Read the requests of icons; a number that no icon can have is not asked for."""
    rows: Requests = {}
    for row in of_icons.runs(conn, [icon for icon in icons if icon in _ICON_NUMBERS]):
        rows.setdefault(row.inner_job_id, []).append(row)
    return rows


def _look(
    conn: Connection, result: ReportedResult, rows: Sequence[Any], senders: Senders
) -> Judged | None:
    """Check one result against the requests that were sent for its icon."""
    sent = _request_of(result, rows)
    if sent is None:
        return _not_sent(result, rows)
    if result.attempt is None and _unanswered(sent) and agents.is_ours(conn, result.host_name):
        text = f"{result.host_name} has not answered yet whether its agent counts attempts"
        return Judged(Verdict.PARKED, text)
    known = senders.is_host(conn, result.host_name, sent.address, result.peer)
    if known is None:
        return Judged(
            Verdict.PARKED, f"the address of host {result.host_name} cannot be found out now"
        )
    if not known:
        raised = m.log_message(
            m.JAHOST200006,
            host=result.host_name,
            host_address=result.peer,
            inner_job_id=result.job_id,
        )
        return Judged(Verdict.REFUSED, raised.text)
    return None


def _request_of(result: ReportedResult, rows: Sequence[Any]) -> Any | None:
    """Return the request that a result belongs to: its attempt, or the newest one.

    A result without attempt belongs to none that our agent has taken, which always names it. If it
    was kept for a while it belongs to none that was sent after it came.
    """
    mine = [row for row in rows if row.host_name == result.host_name]
    if result.attempt is not None:
        mine = [row for row in mine if row.attempt == result.attempt]
    elif result.kept and len(mine) > 1:
        mine = [row for row in mine if row.sending_at and row.sending_at <= result.received_at]
    if result.attempt is None:
        mine = [row for row in mine if row.agent_kind != AgentKind.OURS]
    return mine[-1] if mine else None


def _unanswered(sent: Any) -> bool:
    """Return whether a request has left and nobody has answered that it was taken."""
    return sent.state in {DispatchState.SENDING, DispatchState.UNKNOWN} and not sent.agent_kind


def _not_sent(result: ReportedResult, rows: Sequence[Any]) -> Judged:
    """Refuse a result that belongs to no request, and say which kind of stranger it is."""
    ours = any(row.host_name == result.host_name for row in rows)
    if result.attempt is None and ours:
        text = f"job {result.job_id} was taken by an agent that names the attempt"
    else:
        text = f"job {result.job_id} was never sent to {result.host_name}"
    return Judged(Verdict.REFUSED, text)


def _complete_some(
    db: Database,
    engine: Engine,
    results: Sequence[ReportedResult],
    rows: Requests,
    indexes: Sequence[int],
    *,
    further: bool = True,
) -> dict[int, Judged]:
    """Work in some of the results; one by one if they fail together.

    One that fails alone is tried without the icons behind it (`further`): what is wrong with
    them must not keep the result waiting.
    """
    try:
        return _complete_batch(db, engine, results, rows, indexes, further=further)
    except DatabaseUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - one row in a pass: parked, with a message
        if len(indexes) == 1 and not further:
            raised = m.log_message(
                m.JATRAPPER300002,
                inner_job_id=results[indexes[0]].job_id,
                host=results[indexes[0]].host_name,
                reason=f"{error!r}",
            )
            return {indexes[0]: Judged(Verdict.PARKED, raised.text)}
    done: dict[int, Judged] = {}
    for index in indexes:
        further = len(indexes) > 1
        done.update(_complete_some(db, engine, results, rows, [index], further=further))
    return done


def _complete_batch(
    db: Database,
    engine: Engine,
    results: Sequence[ReportedResult],
    rows: Requests,
    indexes: Sequence[int],
    *,
    further: bool,
) -> dict[int, Judged]:
    """Work in a batch in one transaction, and `further` go on with the icons behind.

    The requests were read before the families were locked. What has changed since shows in the
    icons, or as a conflict when the requests are closed; then they are read again.
    """
    mains = {rows[results[i].job_id][-1].inner_jobnet_main_id for i in indexes}
    known = [rows]

    def step(work: Work) -> dict[int, Judged]:
        requests = known.pop() if known else _requests(work.unit.conn, rows)
        judged = _take(work, {i: results[i] for i in indexes}, requests)
        if further:
            propagate(work)
        else:
            settle(work)
        return judged

    _, judged = transact(
        db,
        engine,
        mains,
        step,
        wait=True,
        before_commit=lambda: failpoint("trapper.before_commit"),
        after_commit=lambda: failpoint("trapper.after_commit"),
    )
    return judged


def _take(work: Work, results: dict[int, ReportedResult], rows: Requests) -> dict[int, Judged]:
    """Judge results under the lock of their families, and apply those that count."""
    icons = work.load_icons(sorted({result.job_id for result in results.values()}))
    if any(icon.status not in AWAITING_RESULT for icon in icons):
        rows = _requests(work.unit.conn, rows)
    judged: dict[int, Judged] = {}
    counting: dict[int, ReportedResult] = {}
    for index, result in results.items():
        verdict = _verdict(work.icons.get(result.job_id), result, rows.get(result.job_id, []))
        if verdict.verdict is Verdict.STORED and result.job_id in counting:
            verdict = Judged(Verdict.REPEATED, "the same result arrived twice")
        elif verdict.verdict is Verdict.STORED:
            counting[result.job_id] = result
        judged[index] = verdict
    _apply(work, counting, {job_id: rows[job_id][-1] for job_id in counting})
    return judged


def _verdict(icon: Icon | None, result: ReportedResult, rows: Sequence[Any]) -> Judged:
    """Return whether a result counts, by its request and the icon's state."""
    sent = _request_of(result, rows)
    if icon is None:
        return Judged(Verdict.REFUSED, f"job {result.job_id} does not exist")
    if sent is None:  # its request was answered since the first check
        return _not_sent(result, rows)
    if sent.state == DispatchState.DONE and (result.kept or result.attempt is not None):
        return Judged(Verdict.REPEATED, f"the result of job {result.job_id} is known")
    # With the continue flag the flow has gone on already: a late result must not fire it again.
    failed = icon.status is IconStatus.RUNERR and not icon.continues
    resolves = sent.state == DispatchState.UNKNOWN and failed
    waiting = icon.status in AWAITING_RESULT or resolves
    if sent is not rows[-1] or sent.state == DispatchState.NEW or not waiting:
        return Judged(Verdict.REFUSED, f"this run of job {result.job_id} is not awaited")
    return Judged(Verdict.STORED)


def _apply(work: Work, results: dict[int, ReportedResult], requests: dict[int, Any]) -> None:
    """Store the outcomes of icons and let their flows go on."""
    if not results:
        return
    icons = [work.icons[job_id] for job_id in results]
    work.load_sent(icons)
    work.load_flows([icon.id for icon in icons])
    for icon in icons:
        result, request = results[icon.id], requests[icon.id]
        work.finished[icon.id] = request.attempt
        work.family(icon).steps += 1
        work.event(IconEvent.RESULT, icon, result.received_at, request.attempt)
        work.after[icon.id].extend(outputs(result))
        _conclude(work, icon, result, request.stop_code or "")


def outputs(result: ReportedResult) -> dict[str, str]:
    """Return the variables that a result brings."""
    if result.result != 0:
        return {
            MESSAGE: storable(result.message or "", MESSAGE_LIMIT),
            "STD_OUT": storable(result.std_out),
            "STD_ERR": storable(result.std_err),
            "JOB_EXIT_CD": "-1",
            "SIGNAL": "0",
        }
    return {
        "STD_OUT": storable(result.std_out),
        "STD_ERR": storable(result.std_err),
        "JOB_EXIT_CD": str(result.return_code),
        "SIGNAL": str(result.signal),
    }


def _conclude(work: Work, icon: Icon, result: ReportedResult, stop_code: str) -> None:
    """End an icon by the result of its command."""
    done = Finished(
        result=result.result,
        aborted=icon.status is IconStatus.ABORT,
        signal=result.signal,
        return_code=result.return_code,
        message=storable(result.message, MESSAGE_LIMIT) if result.message else None,
        stop_code=stop_code,
    )
    verdict = icon_type(icon.type).judge(done)
    if verdict is None:
        work.after[icon.id].append("ICON_STATUS", "0")
        stepping.complete(work, icon)
        return
    failure, text = verdict
    work.after[icon.id].append(MESSAGE, text)
    stepping.fail(work, icon, [], Failure(failure), host=result.host_name)
