"""Runs as JSON, in the form that docs/commands.md promises to programs."""

from __future__ import annotations

import codecs
import json
import sys
from collections.abc import Mapping
from typing import Any

from jobarranger.states import RunType
from jobarranger.waiting.reasons import Why
from jobarranger.waiting.view import IconView, RunView

#: Raised when a field changes its meaning or goes away; new fields may come without that.
SCHEMA = 1


def line(value: object) -> str:
    """Return JSON on one line."""
    return json.dumps(value, ensure_ascii=not _knows_all())


def page(value: object) -> str:
    """Return JSON for people who look."""
    return json.dumps(value, indent=1, ensure_ascii=not _knows_all())


def _knows_all() -> bool:
    """Say whether every character can be written as it is; else escapes stand for those beyond."""
    return codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"


def listing(runs: list[RunView]) -> dict[str, Any]:
    """Return the object for a list of runs, without their icons."""
    return {"schema": SCHEMA, "runs": [_run(run) for run in runs]}


def whole(run: RunView) -> dict[str, Any]:
    """Return the object for one run with its icons."""
    return {"schema": SCHEMA, **_run(run), "icons": [icon_object(icon) for icon in run.icons]}


def one_icon(
    run: RunView, icon: IconView, given: Mapping[str, str], yielded: Mapping[str, str]
) -> dict[str, Any]:
    """Return the object for one icon with its variables."""
    ways = run.ways
    found = {
        **icon_object(icon),
        "chain": [reason(why) for why in ways.chain(icon.inner_job_id)] if ways else [],
        "causes": [reason(why) for why in ways.roots(icon.inner_job_id)] if ways else [],
        "input": dict(given),
        "output": dict(yielded),
    }
    return {"schema": SCHEMA, **_run(run), "icon": found}


def _run(run: RunView) -> dict[str, Any]:
    return {
        "registry": run.registry,
        "jobnet_id": run.jobnet_id,
        "jobnet_name": run.jobnet_name,
        "status": run.status,
        "ended": run.ended,
        "in_error": run.in_error,
        "stands": run.stands,
        "aborting": run.aborting,
        "time_limit": run.time_limit,
        "overrun": run.overrun,
        "run_type": _run_type(run.run_type),
        "user": run.user,
        "owner": run.owner,
        "scheduled_time": run.scheduled_time,
        "start_time": run.start_time,
        "end_time": run.end_time,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "why": reason(run.why) if run.why else None,
        "too_large": run.too_large,
    }


def _run_type(number: int) -> str:
    try:
        return RunType(number).name.lower()
    except ValueError:
        return str(number)


def icon_object(icon: IconView) -> dict[str, Any]:
    """Return the object for one icon."""
    return {
        "id": icon.inner_job_id,
        "path": icon.path,
        "depth": icon.depth,
        "name": icon.name,
        "type": icon.type,
        "status": icon.status,
        "held": icon.held,
        "skipped": icon.skipped,
        "overdue": icon.overdue,
        "start_time": icon.start_time,
        "end_time": icon.end_time,
        "started_at": icon.started_at,
        "ended_at": icon.ended_at,
        "exit_code": icon.exit_code,
        "std_out": icon.std_out,
        "std_err": icon.std_err,
        "output_cut": icon.output_cut,
        "message": icon.message,
        "why": reason(icon.why) if icon.why else None,
        "cause": reason(icon.cause) if icon.cause else None,
    }


def reason(why: Why) -> dict[str, Any]:
    """Return the object for a reason."""
    return {
        "path": why.path,
        "reason": why.reason.value,
        "needs": why.need.value,
        "text": why.text,
        "advice": why.advice,
        "data": dict(why.data),
    }
