"""A request to the outside, as its row in `ja_ext_dispatch` has it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jobarranger.states import AgentKind, Channel, DispatchState, Method

#: The methods that start a job whose result is reported.
RUNS = frozenset({Method.NORMAL, Method.TEST})


class Key(NamedTuple):
    """The primary key of a request's row."""

    job_id: int
    attempt: int
    method: int
    part: int = 0  #: of an attempt that asks for several things; 0: it is all

    def same_run(self, other: Key) -> bool:
        """Tell whether both are about one part of one attempt: a run, its stop, its kill."""
        return (self.job_id, self.attempt, self.part) == (other.job_id, other.attempt, other.part)


def alike(keys: Iterable[Key]) -> list[tuple[dict[str, object], list[int]]]:
    """Sort keys into sets that one statement can name.

    Returns:
        What the keys of a set have in common, as parameters, and their icons in ascending order.
    """
    groups: dict[tuple[int, int, int], list[int]] = {}
    for key in sorted(keys):
        groups.setdefault(key[1:], []).append(key.job_id)
    return [
        ({"attempt_": attempt, "method_": method, "part_": part}, ids)
        for (attempt, method, part), ids in groups.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """What the agent is asked to do."""

    type: str = ""  #: `command`, `extjob`, `reboot`, or empty with a kill
    script: str = ""
    argument: Any = None
    env: Mapping[str, str] | None = None
    run_user: str = ""
    run_user_password: str = ""
    telegram_job_id: int | None = None  #: None: the icon's own id

    @classmethod
    def from_json(cls, text: str) -> Payload:
        """Read the text of the row; keys that are not known are left out."""
        value = json.loads(text)
        return cls(**{name: value[name] for name in cls.__slots__ if value.get(name) is not None})

    def to_json(self) -> str:
        """Return the text for the row, without the keys that say nothing."""
        pairs = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({k: v for k, v in pairs.items() if v not in ("", None)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; instants are UTC milliseconds."""

    job_id: int
    attempt: int
    method: Method
    part: int = 0
    channel: Channel = Channel.AGENT
    state: DispatchState
    host_name: str
    force_flag: bool = False
    address: str | None = None
    port: int | None = None
    agent_kind: AgentKind = AgentKind.UNKNOWN
    agent_version: str | None = None  #: what is remembered of the host
    payload: Payload = Payload()
    created_at: int
    sending_at: int | None = None
    accepted_at: int | None = None
    next_try_at: int | None = None
    tries: int = 0

    @property
    def key(self) -> Key:
        """Return the primary key."""
        return Key(self.job_id, self.attempt, int(self.method), self.part)

    @property
    def telegram_job_id(self) -> int:
        """Return the number by which the agent knows the job."""
        return self.payload.telegram_job_id or self.job_id
