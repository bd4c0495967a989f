"""The words for the state of a run."""

from __future__ import annotations

from jobarranger.states import JobnetStatus, JobStatus, LoadStatus


def status_words(status: int, job_status: int, load_status: int, pending: int) -> str:
    """Return the state of a run as people call it."""
    match JobnetStatus(status):
        case JobnetStatus.BEGIN | JobnetStatus.READY:
            if pending == 1:
                return "on hold"
            return "waiting" if load_status == LoadStatus.DELAY else "scheduled"
        case JobnetStatus.RUN | JobnetStatus.RUNERR:
            if load_status == LoadStatus.DELAY:
                return "start missed"
            return {JobStatus.ERROR: "error", JobStatus.TIMEOUT: "running late"}.get(
                JobStatus(job_status), "running"
            )
        case JobnetStatus.END:
            return "skipped" if load_status == LoadStatus.SKIP else "ended"
        case JobnetStatus.ENDERR:
            return "load error" if load_status == LoadStatus.ERROR else "stopped in error"
