"""The beginning of a large `jobnetrun`: who asks for what, while its variables stay unread.

The decoder passes over `env` without building anything of it, so that a name and a password can
be checked before a stranger's megabytes become anything.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from ipc.errors import ProtocolError

Scalar = str | int | float | bool | None | UnsetType


class _Data(msgspec.Struct):
    username: Scalar = UNSET
    password: Scalar = UNSET
    jobnetid: Scalar = UNSET
    start_time: Scalar = UNSET
    deterrence: Scalar = UNSET


class _Head(msgspec.Struct):
    kind: Scalar = UNSET
    version: Scalar = UNSET
    data: _Data | UnsetType | None = UNSET


_decode = msgspec.json.Decoder(_Head).decode


def start_head(payload: bytes) -> dict[str, object]:
    """Return a `jobnetrun` as its decoded JSON would be, without `env`.

    Raises:
        ProtocolError: it is not JSON, or a key of it is no scalar.
    """
    try:
        head = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProtocolError(f"{len(payload)} bytes that are no start request") from None
    message = _members(head)
    if isinstance(head.data, _Data):
        message["data"] = _members(head.data)
    return message


def _members(record: msgspec.Struct) -> dict[str, object]:
    """Return what is there of a record's keys."""
    return {
        key: value for key, value in msgspec.structs.asdict(record).items() if value is not UNSET
    }
