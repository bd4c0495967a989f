r"""The two ways in which the product writes JSON, and one tolerant way to read it.

Writers give the exact bytes of the original: `dump_job` one line with blanks
(`{ "kind": "jobrun", "data": { } }`), `dump_old` one key a line, indented with tabs. Both escape
the slash (`\/`) and write other characters as raw UTF-8, because the original's old reader cannot
decode them otherwise.

`loads` takes what peers really send: bytes that are not UTF-8 and half characters (replaced),
control characters in strings, text behind the first value. The `text`, `number` and `mapping`
functions read one key with numbers and strings accepted for each other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from ipc.errors import ProtocolError
from ipc.shape import Shape, check

Json = str | int | float | bool | Mapping[str, "Json"] | Sequence["Json"] | None

_decode = msgspec.json.Decoder().decode
_tolerant = json.JSONDecoder(strict=False, parse_constant=lambda _: None)
_quote = json.encoder.encode_basestring
#: A half character as an escape, which may stand alone; no text of a database can hold one.
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_INTEGER = re.compile(r"\s*([+-]?\d{1,20})")


def loads(payload: bytes, shape: Shape | None = None) -> object:
    """Return the first JSON value of `payload`; nothing is built of one larger than `shape`.

    Raises:
        ProtocolError: there is none, or its shape is too large.
    """
    if shape is not None:
        check(payload, shape)
    try:
        return cast("object", _decode(payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    text = payload.decode("utf-8", "replace").lstrip(" \t\r\n\ufeff")
    try:
        value, _ = _tolerant.raw_decode(text)
        if _SURROGATE.search(text):
            whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
            value = _tolerant.decode(whole.decode())
    except (ValueError, RecursionError):
        raise ProtocolError(f"{len(payload)} bytes that are not JSON") from None
    return cast("object", value)


def dump_job(value: Json) -> bytes:
    """Return `value` in the layout of agent telegrams and `response`."""
    return _job(value).encode("utf-8", "replace")


def dump_old(value: Json) -> bytes:
    """Return `value` in the layout of `jobnetrun`, `jobnetstatusrq` and their replies."""
    return _old(value, "\n\t").encode("utf-8", "replace")


def text(data: Mapping[str, object], key: str) -> str | None:
    """Return a scalar as text; None if it is absent, null or no scalar."""
    value = data.get(key)
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return str(value)


def number(data: Mapping[str, object], key: str) -> int | None:
    """Return a scalar as a whole number; None if it is absent, null or none.

    A text counts by its leading digits, as with the original.
    """
    value = data.get(key)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if abs(value) < 2**63 else None
    if isinstance(value, str):
        found = _INTEGER.match(value)
        return int(found[1]) if found else None
    return None


def mapping(data: Mapping[str, object], key: str) -> dict[str, object] | None:
    """Return an object; None if it is absent, null or something else."""
    value = data.get(key)
    return value if isinstance(value, dict) else None


def old_text(data: Mapping[str, object], key: str) -> str | None:
    """Return a scalar as the original's old reader takes it: null is present and empty."""
    if key in data and data[key] is None:
        return ""
    return text(data, key)


def _string(value: str) -> str:
    quoted = _quote(value)
    return quoted.replace("/", "\\/") if "/" in quoted else quoted


def _job_string(value: str) -> str:
    if "\f" not in value:
        return _string(value)
    parts = (_string(part)[1:-1] for part in value.split("\f"))
    return '"' + "\\u000c".join(parts) + '"'


def _scalar(value: Json) -> str | None:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    return None


def _job(value: Json) -> str:
    if isinstance(value, str):
        return _job_string(value)
    if isinstance(value, Mapping):
        members = [f"{_job_string(key)}: {_job(item)}" for key, item in value.items()]
        return "{ " + ", ".join(members) + " }" if members else "{ }"
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    items = [_job(item) for item in cast("Sequence[Json]", value)]
    return "[ " + ", ".join(items) + " ]" if items else "[ ]"


def _old(value: Json, indent: str) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        deeper = indent + "\t"
        members = [f"{indent}{_string(key)}:{_old(item, deeper)}" for key, item in value.items()]
        return "{" + ",".join(members) + "}"
    scalar = _scalar(value)
    if scalar is not None:
        return scalar
    items = [indent + _old(item, indent + "\t") for item in cast("Sequence[Json]", value)]
    return "[" + ",".join(items) + "]"
