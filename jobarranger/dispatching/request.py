"""A request to an agent, as its row in `ja_ext_dispatch` shows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from jobarranger.states import AgentKind, DispatchState, Method

#: The methods that start a job whose result is reported.
RUNS = frozenset({Method.NORMAL, Method.TEST})


class Key(NamedTuple):
    """The primary key of a dispatch row."""

    job_id: int
    attempt: int
    method: int


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
        return Key(self.job_id, self.attempt, int(self.method))

    @property
    def telegram_job_id(self) -> int:
        """Return the number by which the agent knows the job."""
        return self.payload.telegram_job_id or self.job_id
