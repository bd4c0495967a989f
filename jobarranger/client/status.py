"""The state of a run, in words and numbers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Self, TypeVar

from ipc import telegrams
from jobarranger.client.errors import BadAnswer
from jobarranger.states import JobStatus, RunType

Code = TypeVar("Code", bound=IntEnum)


class RunState(IntEnum):
    """How far a run is; the numbers are those on the wire and the exit codes of `jobarg_get`."""

    BEGIN = 0  #: registered, not begun
    READY = 1  #: about to begin
    RUN = 2
    END = 3  #: ended normally
    RUNERR = 4  #: an icon is in error; few servers say so here, see `RunStatus.has_error`
    ENDERR = 5  #: ended abnormally
    ABORT = 6  #: being stopped; servers of 3.0.0 never send it


#: Nothing more will happen in a run that is in one of these.
ENDED = frozenset({RunState.END, RunState.ENDERR})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """What a server says about one run."""

    jobnet_id: str
    jobnet_name: str
    run_type: RunType
    state: RunState
    job_status: JobStatus  #: the worst thing inside the run
    scheduled_time: int  #: 0, or YYYYMMDDHHMM, like all times here in the server's zone
    start_time: int  #: 0, or YYYYMMDDHHMMSS
    end_time: int  #: 0, or YYYYMMDDHHMMSS
    exit_code: str = ""  #: of the last job before the END icon; empty as long as there is none
    stdout: str = ""  #: its standard output, at most 64,000 bytes
    stderr: str = ""

    @property
    def has_ended(self) -> bool:
        """Return whether the run is over, well or not."""
        return self.state in ENDED

    @property
    def ended_well(self) -> bool:
        """Return whether the run is over and all is well."""
        return self.state is RunState.END

    @property
    def has_error(self) -> bool:
        """Return whether the run has failed, or stands in error until an operator acts."""
        wrong = self.state in {RunState.RUNERR, RunState.ENDERR}
        return wrong or (not self.has_ended and self.job_status is JobStatus.ERROR)

    @property
    def is_late(self) -> bool:
        """Return whether the run goes on and a job in it has exceeded its warning time."""
        return not self.has_ended and self.job_status is JobStatus.TIMEOUT

    @property
    def scheduled_at(self) -> datetime | None:
        """Return when it is to start, in the server's zone; None = at once."""
        return moment(self.scheduled_time)

    @property
    def started_at(self) -> datetime | None:
        """Return when it started, in the server's zone; None = not yet."""
        return moment(self.start_time)

    @property
    def ended_at(self) -> datetime | None:
        """Return when it ended, in the server's zone; None = not yet."""
        return moment(self.end_time)

    @classmethod
    def of(cls, facts: telegrams.StatusFacts) -> Self:
        """Read what came over the wire.

        Raises:
            BadAnswer: a code is not known.
        """
        return cls(
            jobnet_id=facts.jobnetid,
            jobnet_name=facts.jobnetname,
            run_type=_code(RunType, "jobnetruntype", facts.jobnetruntype),
            state=_code(RunState, "jobentstatus", facts.jobentstatus),
            job_status=_code(JobStatus, "jobstatus", facts.jobstatus),
            scheduled_time=facts.scheduled_time,
            start_time=facts.start_time,
            end_time=facts.end_time,
            exit_code=facts.lastexitcd,
            stdout=facts.laststdout,
            stderr=facts.laststderr,
        )


def moment(digits: int) -> datetime | None:
    """Return YYYYMMDDHHMM[SS] as a time without zone; None for 0 and for what is no time."""
    text = str(digits)
    try:
        return datetime.strptime(text.ljust(14, "0"), "%Y%m%d%H%M%S") if digits else None  # noqa: DTZ007
    except ValueError:
        return None


def _code(kind: type[Code], key: str, value: int) -> Code:
    try:
        return kind(value)
    except ValueError:
        raise BadAnswer(f"the server sent a value of [{key}] that is not known: {value}") from None
