"""Register start requests: the rows that the loader expands.

A whole batch is one transaction. A request that was registered before (same request id) gets the
number of its run again; a timed start with deterrence is refused while another timed start of the
same jobnet and time exists. Two trappers cannot both pass that check: its guard row in
`ja_ext_request` has a unique key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import Enum
from typing import Protocol, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from jobarranger.clock import Clock
from jobarranger.db.definitions import Values, valid_headers
from jobarranger.db.engine import Database, Unit
from jobarranger.db.retry import one_line
from jobarranger.errors import CannotStore, StateConflict
from jobarranger.loading.rows import requests as queries
from jobarranger.loading.templates import main_row
from jobarranger.states import Counter, RunType
from jobarranger.wakes import Role

log = logging.getLogger(__name__)


class StartRefusal(Enum):
    """Why a request was not registered."""

    NO_VALID_VERSION = "no_valid_version"  #: the jobnet does not exist or none is in force
    NOT_PERMITTED = "not_permitted"  #: whoever asks may not use the version in force
    ALREADY_REGISTERED = "already_registered"  #: deterrence: a start at this time exists
    NOT_STORED = "not_stored"  #: the database does not take the row, e.g. a name that is too long


class IdSource(Protocol):
    """Where ids come from (`jobarranger.db.ids.IdPool`)."""

    def take(self, counter: Counter, count: int) -> Sequence[int]:
        """Return `count` new ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRequest:
    """One request to start a jobnet."""

    jobnet_id: str
    execution_user_name: str
    run_type: RunType = RunType.IMMEDIATE
    scheduled_time: int = 0  #: YYYYMMDDHHMM; 0 = at once
    deterrence: bool = False  #: refuse a second timed start at the same time
    env: Mapping[str, str] = field(default_factory=dict)  #: variables of the run
    request_id: str | None = None  #: at most 64 characters; the same id registers once only
    #: the version whose rights were checked: another one in force by now is refused. None = any
    update_date: int | None = None


#: What becomes of a request: the registration number, or why there is none.
Answer: TypeAlias = int | StartRefusal

#: Says whether the version with this header may be used by whoever asks.
Permit: TypeAlias = Callable[[Connection, Values], bool]


def register(
    db: Database,
    ids: IdSource,
    requests: Sequence[StartRequest],
    clock: Clock,
    zone: tzinfo | None = None,
    *,
    permits: Sequence[Permit] | None = None,
) -> list[Answer]:
    """Register the requests in one transaction; the answers are in the order of the requests.

    Args:
        db: the process' database.
        ids: where registration numbers come from.
        requests: what is to be started.
        clock: the present.
        zone: not needed yet.
        permits: for each request, who asks for the right to use the version found. None: anyone.

    Raises:
        DatabaseUnavailable: nothing was registered, or it is not known whether it was; the same
            request ids may be registered again.
    """
    if not requests:
        return []
    try:
        return _register_batch(db, ids, requests, clock, permits)
    except (SQLAlchemyError, CannotStore, ValueError) as error:  # the latter: of the driver
        if len(requests) > 1:
            alone = permits or [_anyone] * len(requests)
            return [
                register(db, ids, [request], clock, zone, permits=[permit])[0]
                for request, permit in zip(requests, alone, strict=True)
            ]
        log.error("a start request cannot be stored: %s", one_line(error))  # noqa: TRY400
        return [StartRefusal.NOT_STORED]


def _anyone(conn: Connection, header: Values) -> bool:
    """Permit everything: the rights were looked at before."""
    del conn, header
    return True


def _register_batch(
    db: Database,
    ids: IdSource,
    requests: Sequence[StartRequest],
    clock: Clock,
    permits: Sequence[Permit] | None,
) -> list[Answer]:
    """Register all or none of the requests."""
    numbers = list(ids.take(Counter.CLIENT_JOBNET, len(requests)))
    answers: list[Answer] = []

    def work(unit: Unit) -> list[Answer]:
        answers[:] = _register(unit, requests, numbers, clock.now_ms(), permits)
        return list(answers)

    def landed(conn: Connection) -> list[Answer] | None:
        return list(answers) if queries.existing_runs(conn, numbers) else None

    return db.transaction(work, landed=landed)


def _register(
    unit: Unit,
    requests: Sequence[StartRequest],
    numbers: Sequence[int],
    at: int,
    permits: Sequence[Permit] | None,
) -> list[Answer]:
    """Decide and write one batch."""
    known = queries.known_requests(
        unit.conn, {request.request_id for request in requests if request.request_id}
    )
    headers = valid_headers(unit.conn, {request.jobnet_id for request in requests})
    slots = {_slot(request) for request in requests if _is_deterred(request)}
    guards = _lock_guards(unit, slots)
    taken = queries.timed_starts(unit.conn, slots)
    answers: list[Answer] = []
    asking = permits or [_anyone] * len(requests)
    for request, number, permit in zip(requests, numbers, asking, strict=True):
        header = headers.get(request.jobnet_id)
        if header is not None and not permit(unit.conn, header):
            answers.append(StartRefusal.NOT_PERMITTED)
            continue
        answer = _decide(request, number, known, headers, taken)
        answers.append(answer)
        if answer == number:
            taken |= {_slot(request)} if request.run_type is RunType.TIME else set()
            known |= {request.request_id: number} if request.request_id else {}
    accepted = [
        (request, number)
        for request, number, answer in zip(requests, numbers, answers, strict=True)
        if answer == number
    ]
    _write(unit, accepted, headers, guards, at)
    return answers


def _decide(
    request: StartRequest,
    number: int,
    known: Mapping[str, int],
    headers: Mapping[str, Values],
    taken: set[tuple[str, int]],
) -> Answer:
    """Return what becomes of one request. Pure."""
    if request.request_id is not None and request.request_id in known:
        return known[request.request_id]
    header = headers.get(request.jobnet_id)
    if header is None or request.update_date not in {None, header["update_date"]}:
        return StartRefusal.NO_VALID_VERSION
    if _is_deterred(request) and _slot(request) in taken:
        return StartRefusal.ALREADY_REGISTERED
    return number


def _lock_guards(unit: Unit, slots: set[tuple[str, int]]) -> set[str]:
    """Lock the guard rows that exist and return their keys."""
    return queries.lock_guards(unit, {_guard(slot) for slot in slots}) if slots else set()


def _write(
    unit: Unit,
    accepted: Sequence[tuple[StartRequest, int]],
    headers: Mapping[str, Values],
    guards: set[str],
    at: int,
) -> None:
    """Insert the accepted requests and notify the loader."""
    if not accepted:
        return
    marks = {request.request_id: number for request, number in accepted if request.request_id}
    held = {_guard(_slot(request)): number for request, number in accepted if _is_deterred(request)}
    queries.move_guards(unit.conn, {key: held[key] for key in held.keys() & guards}, at)
    marks |= {key: held[key] for key in held.keys() - guards}
    try:
        queries.add_requests(
            unit.conn,
            [_row(request, number, headers[request.jobnet_id]) for request, number in accepted],
            [
                {"inner_jobnet_id": number, "value_name": name, "before_value": value}
                for request, number in accepted
                for name, value in request.env.items()
            ],
            [
                {"request_id": key, "inner_jobnet_id": number, "at": at}
                for key, number in sorted(marks.items())
            ],
        )
    except IntegrityError as error:
        if not marks:
            raise
        raise StateConflict(f"another process registered the same request: {error.orig}") from error
    unit.wake(Role.LOADER, *(number for _, number in accepted))


def _row(request: StartRequest, number: int, header: Values) -> dict[str, object]:
    """Return the main row of `ja_run_jobnet_table` for a request."""
    return {
        **main_row(number, header, request.run_type, request.scheduled_time),
        "execution_user_name": request.execution_user_name,
    }


def _slot(request: StartRequest) -> tuple[str, int]:
    """Return what deterrence compares."""
    return request.jobnet_id, request.scheduled_time


def _is_deterred(request: StartRequest) -> bool:
    """Return whether a second start at the same time is to be refused."""
    return request.deterrence and request.run_type is RunType.TIME


def _guard(slot: tuple[str, int]) -> str:
    """Return the key of the guard row of a jobnet and time (at most 49 characters)."""
    return f"-D {slot[1]} {slot[0]}"
