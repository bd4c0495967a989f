"""What a configuration parameter is: its declaration, and the check of one value.

A declaration becomes a check of configobj's `validate` module; the few kinds that it does not
know (numbers with a size suffix, absolute paths, addresses, time zones) are added to it here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from configobj.validate import ValidateError, Validator, VdtTypeError, VdtValueError, is_integer

from jobarranger.clock import zone_named
from jobarranger.config.grammar import ConfigLine
from jobarranger.errors import ConfigError

_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_NUMBER = re.compile(r"([0-9]+)([KMGT]?)\Z")
_MAX_ADDRESSES = 256


class ParameterKind(StrEnum):
    """What a value looks like; the value is the name of its check."""

    TEXT = "text"
    NUMBER = "number"  #: decimal digits, optionally K, M, G or T (powers of 1024)
    SWITCH = "switch"  #: 0 or 1
    PATH = "path"  #: absolute
    CHOICE = "option"  #: one of `choices`
    ADDRESS = "address"  #: one numeric IPv4 or IPv6 address
    ADDRESSES = "addresses"  #: several, separated by commas
    NAMES = "names"  #: host names or addresses, separated by commas
    ZONE = "zone"  #: an IANA time zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """The declaration of one parameter."""

    name: str
    kind: ParameterKind
    help: str  #: what it does, for the manual and the sample file
    group: str  #: heading in the manual and the sample file
    default: str | None = None  #: as it would be written in the file
    low: int = 0
    high: int = 0
    unit: str = ""
    choices: tuple[str, ...] = ()
    mandatory: bool = False
    may_be_empty: bool = False  #: an empty value is not the same as none
    secret: bool = False  #: never shown
    shipped: str | None = None  #: set to this in the sample file
    since: str = "original"  #: the release that brought it

    @property
    def attribute(self) -> str:
        """Return the field's name in the configuration record (`DBHost` -> `db_host`)."""
        parted = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", self.name)
        return parted.lower()

    @property
    def rule(self) -> str:
        """Say what a value must be, as in "must be …"."""
        match self.kind:
            case ParameterKind.NUMBER:
                unit = f" ({self.unit})" if self.unit else ""
                return f"a whole number from {self.low} to {self.high}{unit}"
            case ParameterKind.CHOICE:
                return "one of " + ", ".join(self.choices)
            case _:
                return _RULES[self.kind]

    @property
    def check(self) -> str:
        """Return the check in the language of configobj's validate."""
        match self.kind:
            case ParameterKind.NUMBER:
                arguments = [str(self.low), str(self.high)]
            case ParameterKind.CHOICE:
                arguments = [f'"{choice}"' for choice in self.choices]
            case _:
                arguments = []
        default = "None" if self.default is None else f'"{self.default}"'
        return f"{self.kind}({', '.join([*arguments, f'default={default}'])})"


_RULES = {
    ParameterKind.TEXT: "text",
    ParameterKind.SWITCH: "0 or 1",
    ParameterKind.PATH: "an absolute path",
    ParameterKind.ADDRESS: "one numeric IPv4 or IPv6 address",
    ParameterKind.ADDRESSES: "numeric IPv4 or IPv6 addresses separated by commas, "
    f"{_MAX_ADDRESSES} at most",
    ParameterKind.NAMES: "host names or addresses separated by commas",
    ParameterKind.ZONE: "a time zone such as Asia/Tokyo",
}


def value_of(parameter: Parameter, entry: ConfigLine | None) -> Any:
    """Return the checked value of a parameter, or its default if there is no entry.

    Raises:
        ConfigError: naming file, line, parameter, value and rule.
    """
    if entry is not None and not entry.value and not parameter.may_be_empty:
        if parameter.mandatory or parameter.default is not None:
            raise wrong(entry, f"may not be empty; must be {parameter.rule}", parameter)
        entry = None
    try:
        given = entry.value if entry else ""
        value = _VALIDATOR.check(parameter.check, given, missing=entry is None)
    except ValidateError as error:
        assert entry is not None, f"the default of {parameter.name} breaks its own rule"
        raise wrong(entry, f"must be {parameter.rule}", parameter) from error
    return () if value is None and parameter.kind is ParameterKind.ADDRESSES else value


def wrong(entry: ConfigLine, rule: str, parameter: Parameter | None = None) -> ConfigError:
    """Return the one-line error about an entry; the values of secrets are not shown."""
    shown = "***" if parameter is not None and parameter.secret else entry.value
    return ConfigError(f'{entry.place}: {entry.name} = "{shown}": {rule}')


def _number(value: str, low: str, high: str) -> int:
    digits = _NUMBER.match(value)
    if digits is None:
        raise VdtTypeError(value)
    number = int(digits[1]) * _FACTORS[digits[2]]
    return int(is_integer(number, low, high))


def _switch(value: str) -> bool:
    if value not in ("0", "1"):
        raise VdtValueError(value)
    return value == "1"


def _path(value: str) -> Path:
    if not value.startswith("/") or "\0" in value:
        raise VdtValueError(value)
    return Path(value)


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError as error:
        raise VdtValueError(value) from error


def _addresses(value: str) -> tuple[str, ...]:
    found = tuple(_address(part.strip()) for part in value.split(","))
    if len(found) > _MAX_ADDRESSES:
        raise VdtValueError(value)
    return found


def _names(value: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in value.split(","))
    if not all(found) or any(" " in name or "\t" in name for name in found):
        raise VdtValueError(value)
    return found


def _zone(value: str) -> str:
    try:
        zone_named(value)
    except (KeyError, ValueError, OSError) as error:
        raise VdtValueError(value) from error
    return value


_VALIDATOR = Validator(
    {
        "text": str,
        "number": _number,
        "switch": _switch,
        "path": _path,
        "address": _address,
        "addresses": _addresses,
        "names": _names,
        "zone": _zone,
    }
)
