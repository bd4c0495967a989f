"""Instances and icons as the engine holds them during one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from jobarranger.model.change import Change
from jobarranger.states import (
    ENDED_JOBNET,
    IconStatus,
    JobnetStatus,
    MethodFlag,
    RunType,
)

S = TypeVar("S", JobnetStatus, IconStatus)


class _Stored(Generic[S]):
    """A row that is changed in memory and written with its old status as guard."""

    id: int
    status: S
    stored: S  #: the status in the table
    changes: dict[str, object]

    def move(self, status: S, **values: object) -> None:
        """Set the status and further columns."""
        self.status = status
        self.changes.update(values, status=int(status))

    def pending(self) -> Change | None:
        """Return what is to be written, and count it as written."""
        if not self.changes:
            return None
        change = Change(self.id, self.stored, self.changes)
        self.changes, self.stored = {}, self.status
        return change


@dataclass(slots=True)
class Instance(_Stored[JobnetStatus]):
    """One row of `ja_run_jobnet_table`: a main jobnet or a sub-jobnet."""

    id: int
    main_id: int
    icon_id: int  #: the JOBNET icon that owns it; 0 for a main jobnet
    update_date: int
    run_type: RunType
    is_main: bool
    timeout_flag: int
    status: JobnetStatus
    scheduled_time: int
    public_flag: int
    jobnet_id: str
    jobnet_name: str
    user_name: str
    execution_user_name: str
    stored: JobnetStatus  #: the status in the table
    changes: dict[str, object] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """It has ended, well or not."""
        return self.status in ENDED_JOBNET

    @classmethod
    def from_row(cls, row: Any) -> Instance:
        """Make it from a row of `jobarranger.db.runs`."""
        status = JobnetStatus(row.status)
        return cls(
            id=row.inner_jobnet_id,
            main_id=row.inner_jobnet_main_id,
            icon_id=row.inner_job_id,
            update_date=row.update_date,
            run_type=RunType(row.run_type),
            is_main=row.main_flag == 0,
            timeout_flag=row.timeout_flag,
            status=status,
            scheduled_time=row.scheduled_time,
            public_flag=row.public_flag,
            jobnet_id=row.jobnet_id,
            jobnet_name=row.jobnet_name,
            user_name=row.user_name,
            execution_user_name=row.execution_user_name,
            stored=status,
        )


@dataclass(slots=True)
class Icon(_Stored[IconStatus]):
    """One row of `ja_run_job_table`."""

    id: int
    instance_id: int
    main_id: int
    type: int  #: its number (`jobarranger.icons.icon_type`), known or not
    test: bool
    method: MethodFlag | int
    force: bool
    overdue: bool
    status: IconStatus
    boot_count: int
    end_count: int
    start_time: int
    job_id: str
    job_name: str
    continues: bool
    stored: IconStatus  #: the status in the table
    untouched: bool  #: no arrow has reached it and it has never run: it has no variables yet
    changes: dict[str, object] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: Any) -> Icon:
        """Make it from a row of `jobarranger.db.icons`."""
        status = IconStatus(row.status)
        fresh = status is IconStatus.BEGIN and row.end_count == 0
        return cls(
            id=row.inner_job_id,
            instance_id=row.inner_jobnet_id,
            main_id=row.inner_jobnet_main_id,
            type=row.job_type,
            test=row.test_flag == 1,
            method=_method(row.method_flag),
            force=row.force_flag == 1,
            overdue=row.timeout_flag == 1,
            status=status,
            boot_count=row.boot_count,
            end_count=row.end_count,
            start_time=row.start_time,
            job_id=row.job_id,
            job_name=row.job_name or "",
            continues=row.continue_flag == 1,
            stored=status,
            untouched=fresh and row.start_time == 0 and row.end_time == 0,
        )


def _method(number: int) -> MethodFlag | int:
    """Return the method, or the number itself if it is none."""
    try:
        return MethodFlag(number)
    except ValueError:
        return number
