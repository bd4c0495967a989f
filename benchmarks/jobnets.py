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


def one_value(jobnet_id: str) -> str:
    """Return a jobnet of one VALUE icon, as YAML."""
    return f"""
jobnet: {jobnet_id}
name: one value
icons:
  START: {{type: start}}
  SET-1: {{type: value, values: {{PLACE: here}}}}
  END-1: {{type: end}}
flows:
  - START -> SET-1 -> END-1
"""


def fan(jobnet_id: str, jobs: int) -> str:
    """Return a jobnet of `jobs` JOB icons side by side, as YAML."""
    names = [f"JOB-{n}" for n in range(1, jobs + 1)]
    icons = "\n".join(
        f"  {name}: {{type: job, host: localhost, command: 'true'}}" for name in names
    )
    flows = "\n".join(f"  - FORK -> {name} -> JOIN" for name in names)
    return f"""
jobnet: {jobnet_id}
name: {jobs} jobs side by side
icons:
  START: {{type: start}}
  FORK: {{type: parallel-start}}
{icons}
  JOIN: {{type: parallel-end}}
  END-1: {{type: end}}
flows:
  - START -> FORK
  - JOIN -> END-1
{flows}
"""
