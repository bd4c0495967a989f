"""What all telegrams share: the top level, and how keys are read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self, TypeVar

import msgspec

from ipc.dialects import Json, dump_job, dump_old, mapping, number, old_text, text
from ipc.errors import ProtocolError

VERSION = 1
#: Greatest numbers that every database can keep.
MAX_ID = 2**63 - 1
MAX_NUMBER = 2**31 - 1
T = TypeVar("T")


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """The top level of any telegram; what is absent or of a wrong type is None."""

    is_object: bool = True
    kind: str | None = None
    version: int | None = None
    serverid: str | None = None
    hostname: str | None = None
    data: dict[str, object] | None = None

    @classmethod
    def of(cls, message: object) -> Envelope:
        """Read the keys of the top level out of a decoded JSON value; never raises."""
        if not isinstance(message, dict):
            return cls(is_object=False)
        return cls(
            kind=text(message, "kind"),
            version=number(message, "version"),
            serverid=text(message, "serverid"),
            hostname=text(message, "hostname"),
            data=mapping(message, "data"),
        )


class Telegram(msgspec.Struct, frozen=True, kw_only=True):
    """What all telegrams share."""

    kind: ClassVar[str]

    @classmethod
    def from_json(cls, message: Mapping[str, object]) -> Self:
        """Read the telegram.

        Raises:
            ProtocolError: a key is missing or of a wrong type; its name is in the text.
        """
        raise NotImplementedError

    def to_json(self) -> bytes:
        """Return the payload."""
        raise NotImplementedError


def need(
    read: Callable[[Mapping[str, object], str], T | None], data: Mapping[str, object], key: str
) -> T:
    """Return what `read` finds under `key`.

    Raises:
        ProtocolError: it finds nothing usable; the text names the key.
    """
    value = read(data, key)
    if value is None:
        raise ProtocolError(f"key [{key}] is missing or not usable")
    return value


def within(value: T, key: str, low: int, high: int) -> T:
    """Return a number (or None) if it is in its range.

    Raises:
        ProtocolError: it is not; the text names the key.
    """
    if isinstance(value, int) and not low <= value <= high:
        raise ProtocolError(f"key [{key}] is not within {low} and {high}")
    return value


def data_of(message: Mapping[str, object]) -> dict[str, object]:
    """Return the `data` object of a telegram."""
    return need(mapping, message, "data")


def add(data: dict[str, Json], **members: Json) -> None:
    """Add the members that are there."""
    data.update({key: value for key, value in members.items() if value is not None})


def environment(data: Mapping[str, object]) -> dict[str, str]:
    """Return `env` as texts: null is empty, other things than scalars keep their JSON text."""
    value = data.get("env")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProtocolError("key [env] must be an object")
    return {str(name): _value_text(value, name) for name in value}


def _value_text(data: Mapping[str, object], name: str) -> str:
    scalar = old_text(data, name)
    return dump_job(data[name]).decode() if scalar is None else scalar  # type: ignore[arg-type]


def strings(data: Mapping[str, object], key: str) -> list[str] | None:
    """Return a list as texts; None if there is none."""
    value: object = data.get(key)
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    return [item if isinstance(item, str) else str(item) for item in value]


def agent_payload(
    kind: str, version: int, serverid: str, hostname: str | None, data: dict[str, Json]
) -> bytes:
    """Return a telegram between server and agent."""
    head: dict[str, Json] = {"kind": kind, "version": version, "serverid": serverid}
    add(head, hostname=hostname)
    return dump_job({**head, "data": data})


def reply_payload(kind: str, version: int, serverid: str, data: dict[str, Json]) -> bytes:
    """Return a reply to a command of the old dialect."""
    return dump_old({"kind": kind, "version": version, "serverid": serverid, "data": data})
