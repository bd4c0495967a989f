"""The jobnets that benches run."""

from __future__ import annotations


def chain(jobnet_id: str, jobs: int, command: str = "true", stop_code: str = "") -> str:
    """Return a jobnet of `jobs` JOB icons in a row, as YAML."""
    icons = ["  START: {type: start}", "  END-1: {type: end}"]
    codes = f", error-codes: '{stop_code}'" if stop_code else ""
    icons += [
        f"  JOB-{n}: {{type: job, host: localhost, command: '{command}'{codes}}}"
        for n in range(1, jobs + 1)
    ]
    flow = " -> ".join(["START", *(f"JOB-{n}" for n in range(1, jobs + 1)), "END-1"])
    head = [f"jobnet: {jobnet_id}", f"name: {jobs} jobs in a row", "icons:"]
    return "\n".join([*head, *icons, "flows:", f"  - {flow}", ""])
