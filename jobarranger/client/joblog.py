"""Lines of the run log as records. Pure."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from typing import Self, TypedDict

from jobarranger.client.errors import BadAnswer
from jobarranger.states import RunType

_FIELDS = 14


class LogChoice(TypedDict, total=False):
    """Which lines of the run log are wanted: `number`, or both times, are needed."""

    from_time: str | None  #: first moment, 8 or 12 digits of YYYYMMDDHHMM
    to_time: str | None  #: last moment, included
    jobnet_id: str | None  #: regular expression
    job_id: str | None  #: regular expression
    target_user: str | None  #: regular expression for the owner
    number: int | str | None  #: of one run


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One event of a run."""

    at: datetime  #: in the server's zone, to the millisecond
    main_number: int  #: registry number of the main jobnet's run
    number: int  #: of the run that the event belongs to: the main one or a sub-jobnet's
    run_type: RunType
    is_public: bool
    jobnet_id: str
    job_id: str  #: empty for events of the jobnet itself
    message_id: str
    message: str
    jobnet_name: str
    job_name: str
    user_name: str  #: owner of the jobnet
    update_date: str  #: version of the jobnet, `YYYY/MM/DD hh:mm:ss`
    return_code: str  #: at the end of jobs, otherwise empty

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read one CSV line, not the header.

        Raises:
            BadAnswer: it is none. Servers of 3.0.0 do not double quotes inside a field, so
                their lines may be beyond repair: take them as text.
        """
        try:
            fields = next(csv.reader([line], strict=True))
            if len(fields) != _FIELDS:
                raise ValueError(len(fields))
            at, main, number, run_type, public, *texts = fields
            names = (
                "jobnet_id", "job_id", "message_id", "message", "jobnet_name",
                "job_name", "user_name", "update_date", "return_code",
            )  # fmt: skip
            return cls(
                at=datetime.strptime(at, "%Y/%m/%d %H:%M:%S.%f"),  # noqa: DTZ007
                main_number=int(main),
                number=int(number),
                run_type=RunType(int(run_type)),
                is_public=int(public) != 0,
                **dict(zip(names, texts, strict=True)),
            )
        except (ValueError, StopIteration, csv.Error) as error:
            raise BadAnswer(f"a line of the log cannot be read: {line[:80]!r}") from error
