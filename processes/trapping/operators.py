"""The handler for `job.release` and `job.logput`; both are answered with kind `response`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Row

from ipc import telegrams
from ipc.errors import ProtocolError
from jobarranger import messages as m
from jobarranger import names
from jobarranger.clock import Clock
from jobarranger.db import inquiries
from jobarranger.db.engine import Database
from jobarranger.directory import Directory, User
from jobarranger.operations.actor import Actor
from jobarranger.operations.releasing import ReleaseRefused, ReleaseRequest, read_path, release
from processes.trapping.authentication import Authenticator
from processes.trapping.client_requests import registry_number
from processes.trapping.filters import Filters
from processes.trapping.refusals import Refused

T = TypeVar("T")

#: Bytes of log lines in one reply; the frame may have 128 MiB, escapes included.
LOG_LIMIT = 48 * 1024 * 1024

HEADER = (
    "log date",
    "inner jobnet main id",
    "inner jobnet id",
    "run type",
    "public flag",
    "jobnet id",
    "job id",
    "message id",
    "message",
    "jobnet name",
    "job name",
    "user name",
    "update date",
    "return code",
)


class Call(Protocol):
    """Runs work on the database thread."""

    async def __call__(self, work: Callable[[Database], T], /) -> T:
        """Return what `work` returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorHandler:
    """Answers requests about running jobnets."""

    authenticator: Authenticator
    directory: Directory
    call: Call
    clock: Clock
    server_id: str

    async def release(self, message: Mapping[str, object], peer: str) -> bytes:
        """Answer a `job.release` with the numbers of the runs.

        Raises:
            Refused: the text of the reply.
        """
        try:
            telegram = telegrams.Release.from_json(message)
        except ProtocolError as error:
            raise Refused(str(error)) from error
        user = await self.authenticator.identify(telegram.username, telegram.password, peer)
        request = read_release(telegram)
        actor = Actor.user(user, self.directory, f"jobarg_release {peer}")
        try:
            numbers = await self.call(lambda db: release(db, request, actor=actor))
        except ReleaseRefused as error:
            shown = names.shown(request.jobnet_id, names.ID)
            reported = m.JATRAPPER200047 if error.forbidden else None  # the reply does not tell
            raise Refused(str(error), reported, jobnet_id=shown).with_list() from error
        return telegrams.Response(
            serverid=self.server_id, inner_jobnet_id=[str(one) for one in numbers], result=0
        ).to_json()

    def release_refused(self, refused: Refused) -> bytes:
        """Return the reply to a release that was refused."""
        return telegrams.Response(
            serverid=self.server_id,
            inner_jobnet_id=[] if refused.listed else None,
            result=-1,
            message=str(refused),
        ).to_json()

    async def log(self, message: Mapping[str, object], peer: str) -> bytes:
        """Answer a `job.logput` with the rows of the run log.

        Raises:
            Refused: the text of the reply.
        """
        try:
            request = telegrams.LogRequest.from_json(message)
        except ProtocolError as error:
            raise Refused(str(error)) from error
        choice = read_choice(request)
        try:
            user = await self.authenticator.identify(request.username, request.password, peer)
            if not choice.is_given:
                raise Refused("a range of times or a registry number is needed")
            filters = Filters.of(request, self.clock.monotonic)
            lines = await self.call(
                lambda db: db.read(lambda conn: list(self._lines(conn, user, choice, filters)))
            )
        except Refused as refused:
            raise refused.with_list() from refused.__cause__
        return telegrams.Response(serverid=self.server_id, joblog=lines).to_json()

    def log_refused(self, refused: Refused) -> bytes:
        """Return the reply to a question that was refused."""
        return telegrams.Response(
            serverid=self.server_id,
            joblog=[] if refused.listed else None,
            result=-1,
            message=str(refused),
        ).to_json()

    def _lines(
        self, conn: Connection, user: User, choice: LogFilter, filters: Filters
    ) -> Iterator[str]:
        """Give the header and the rows that the user may see."""
        filters.check()
        yield csv_line(HEADER)
        texts = inquiries.log_texts(conn, user.lang.lower())
        allowed: dict[tuple[str, int], bool] = {}
        size = 0
        for row in inquiries.log_rows(
            conn, number=choice.number, first=choice.first, last=choice.last
        ):
            owner = (row.user_name, row.public_flag)
            if owner not in allowed:
                allowed[owner] = self.directory.may_use(conn, user, *owner)
            if not allowed[owner] or not filters.fits(row):
                continue
            line = csv_line(log_fields(row, texts.get(row.message_id, "")))
            size += len(line)
            if size > LOG_LIMIT:
                raise Refused("too many rows; choose a shorter range")
            yield line


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which rows of the run log are wanted."""

    number: int | None
    first: int | None  #: `log_date`, 17 digits
    last: int | None

    @property
    def is_given(self) -> bool:
        """Return whether there is a number or a whole range."""
        return self.number is not None or (self.first is not None and self.last is not None)


def read_release(telegram: telegrams.Release) -> ReleaseRequest:
    """Check what a `job.release` asks for. Pure.

    Raises:
        Refused: with the reason.
    """
    if telegram.jobid is None:
        raise Refused("the request has no [jobid]")
    try:
        jobnet_id, path = read_path(telegram.jobid)
    except ReleaseRefused as error:
        raise Refused(str(error)) from error
    if telegram.inner_jobnet_id is not None:
        number = registry_number(telegram.inner_jobnet_id)
        if number is None:
            raise Refused("the registry number must be greater than 0")
        return ReleaseRequest(jobnet_id=jobnet_id, path=path, number=number)
    started = telegram.start_time or ""
    if telegram.start_time is not None and len(started) not in {8, 12}:
        raise Refused("the start time must have 8 or 12 digits")
    return ReleaseRequest(jobnet_id=jobnet_id, path=path, started=started)


def read_choice(request: telegrams.LogRequest) -> LogFilter:
    """Check what a `job.logput` asks for. Pure.

    Raises:
        Refused: with the reason.
    """
    first = None if request.from_time is None else _moment(request.from_time, "000000000")
    last = None if request.to_time is None else _moment(request.to_time, "235959999")
    if first is not None and last is not None and first > last:
        raise Refused("the beginning of the range is later than its end")
    number = None
    if request.registry_number is not None:
        number = registry_number(request.registry_number)
        if number is None:
            raise Refused("the registry number must be greater than 0")
    return LogFilter(number=number, first=first, last=last)


def _moment(text: str, rest: str) -> int:
    """Extend 8 or 12 digits to a `log_date` of 17."""
    digits = text + rest[len(text) - 8 :] if len(text) in {8, 12} else ""
    try:
        if not (digits.isascii() and digits.isdigit()):
            raise ValueError(digits)
        datetime.strptime(digits[:14], "%Y%m%d%H%M%S")  # noqa: DTZ007 - only its form is checked
    except ValueError:
        raise Refused(f"[{names.shown(text, 20)}] is not a valid time") from None
    return int(digits)


def log_fields(row: Row[Any], message: str) -> tuple[str, ...]:
    """Return the fields of one line in the order of `HEADER`."""
    at, changed = f"{row.log_date:017d}", f"{row.update_date:014d}"
    return (
        f"{_date(at)}.{at[14:]}",
        str(row.inner_jobnet_main_id),
        str(row.inner_jobnet_id),
        str(row.run_type),
        str(row.public_flag),
        row.jobnet_id,
        row.job_id or "",
        row.message_id,
        message,
        row.jobnet_name,
        row.job_name or "",
        row.user_name,
        _date(changed),
        row.return_code or "",
    )


def _date(digits: str) -> str:
    day = f"{digits[:4]}/{digits[4:6]}/{digits[6:8]}"
    return f"{day} {digits[8:10]}:{digits[10:12]}:{digits[12:14]}"


def csv_line(fields: tuple[str, ...]) -> str:
    """Return one CSV line, every field in quotes, quotes inside doubled."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="").writerow(fields)
    return out.getvalue()
