"""What a kind of icon says about itself in a YAML file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from sqlalchemy import Table

from jobarranger.definitions.section import Section
from jobarranger.states import JobType

#: Rows of settings tables without the key columns (jobnet_id, job_id, update_date).
Settings: TypeAlias = Mapping[Table, list[dict[str, Any]]]

#: No upper limit.
ANY = 10**9


class Extra(Enum):
    """Keys that some kinds of icon have beside their own; the Manager offers them for the same."""

    SKIP = "beforehand: skip"  #: may be passed over
    FORCE = "force"  #: run even if the host is disabled
    CONTINUE = "continue-on-error"  #: the flow goes on behind a failure
    RUN_USER = "run-user"  #: another user of the host's system


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One kind of icon."""

    word: str  #: `type:` in the file
    kind: JobType
    read: Callable[[Section], Settings]  #: takes its own keys from the icon's section
    incoming: tuple[int, int] = (1, 1)  #: least and most flows into it
    outgoing: tuple[int, int] = (1, 1)  #: least and most flows out of it
    extras: frozenset[Extra] = frozenset({Extra.SKIP})


def no_settings(section: Section) -> Settings:
    """Read nothing."""
    return {}


def read_host(section: Section) -> dict[str, Any]:
    """Read `host:` (a name) or `host-variable:` (the name of a variable that holds it)."""
    if section.has("host-variable"):
        if section.has("host"):
            raise section.error("host", "stands beside host-variable; only one of them may")
        name = section.variable("host-variable")
        return {"host_flag": 1, "host_name": name}
    host = section.text("host", most=128).strip()
    if not host:
        raise section.error("host", "is empty")
    section.raw("host-variable")
    return {"host_flag": 0, "host_name": host}
