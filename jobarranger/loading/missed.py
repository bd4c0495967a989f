"""Put runs that missed their start into the error state that people resolve.

The START icon and the run row become RUNERR, the summary "running, in error, delayed"; that is
what the Manager shows as a delayed start error and offers to start late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jobarranger.db import journal
from jobarranger.db import tables as t
from jobarranger.db.engine import Unit
from jobarranger.icons import types_with
from jobarranger.loading.rows import booting as queries
from jobarranger.states import IconEvent, IconStatus, JobnetStatus, JobStatus, LoadStatus

#: The run log's id of a missed start.
MISSED = "JC90000001"


def write_missed(unit: Unit, mains: Sequence[Any], at: int, log_date: int) -> None:
    """Write the state, the run log and the events of missed starts.

    A jobnet without a START icon gets the same state (the original reports it for ever).

    Args:
        unit: the transaction.
        mains: rows of `booting.lock_mains`.
        at: now, UTC ms.
        log_date: now, 17 digits.
    """
    runs = [row.inner_jobnet_id for row in mains]
    kinds = types_with(lambda traits: traits.begins_jobnet)
    starts = queries.fail_start_icons(unit.conn, runs, kinds, int(IconStatus.RUNERR))
    unit.update_exactly(
        queries.change_mains(runs, {"status": int(JobnetStatus.RUNERR)}),
        len(runs),
        t.run_jobnet.name,
    )
    values = {
        "status": int(JobnetStatus.RUN),
        "job_status": int(JobStatus.ERROR),
        "load_status": int(LoadStatus.DELAY),
    }
    unit.update_exactly(
        queries.change_summaries(runs, values), len(runs), t.run_jobnet_summary.name
    )
    journal.add_log(unit.conn, [_log_row(row, log_date) for row in mains])
    if starts:
        journal.add_events(
            unit.conn,
            [
                {
                    "inner_jobnet_main_id": run,
                    "inner_job_id": icon,
                    "attempt": 0,
                    "event": int(IconEvent.FAILED),
                    "at": at,
                }
                for run, icon in sorted(starts.items())
            ],
        )


def _log_row(main: Any, log_date: int) -> dict[str, object]:
    """Return the run log's row: the jobnet as it was before the change."""
    return {
        "log_date": log_date,
        "inner_jobnet_id": main.inner_jobnet_id,
        "inner_jobnet_main_id": main.inner_jobnet_id,
        "inner_job_id": None,
        "update_date": main.update_date,
        "method_flag": 0,
        "jobnet_status": main.status,
        "job_status": None,
        "run_type": main.run_type,
        "public_flag": main.public_flag,
        "jobnet_id": main.jobnet_id,
        "jobnet_name": main.jobnet_name,
        "job_id": None,
        "job_name": None,
        "user_name": main.user_name,
        "return_code": None,
        "std_out": None,
        "std_err": None,
        "message_id": MISSED,
    }
