"""From the entries of a file to checked values and warnings, for any set of declarations."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobarranger.config import grammar
from jobarranger.config.agent_parameters import PARAMETERS as AGENT
from jobarranger.config.grammar import ConfigLine
from jobarranger.config.monitor_parameters import PARAMETERS as MONITOR
from jobarranger.config.parameters import Parameter, value_of, wrong
from jobarranger.config.server_parameters import PARAMETERS as SERVER
from jobarranger.errors import ConfigError

#: Of a daemon that is no more but may share a file with ours: the original's SSH session.
OTHERS = frozenset({"JaSesDebugLevel"})


@dataclass(frozen=True, slots=True)
class Settings:
    """The checked values of one file, by field name, and where they were found."""

    values: Mapping[str, Any]
    entries: Mapping[str, ConfigLine]
    path: Path
    warnings: Sequence[str]

    def refuse(self, name: str, rule: str) -> ConfigError:
        """Return the error that the value of a parameter, or its absence, breaks a rule."""
        if name in self.entries:
            return wrong(self.entries[name], rule)
        return ConfigError(f"{self.path}: {name} is not set: {rule}")

    def check_absolute(self, name: str, path: str | None) -> None:
        """Refuse a parameter whose path, if there is one, is not absolute.

        Raises:
            ConfigError: it depends on where the daemon is started.
        """
        if path and not os.path.isabs(path):
            raise self.refuse(name, "must be an absolute path")


def read(path: Path, parameters: Sequence[Parameter]) -> Settings:
    """Read and check a file against declarations.

    Raises:
        ConfigError: the first thing found wrong.
    """
    found = grammar.read(path)
    for parameter in parameters:
        if parameter.mandatory and parameter.name not in found:
            raise ConfigError(f"{path}: {parameter.name} is not set: must be {parameter.rule}")
    values = {p.attribute: value_of(p, found.get(p.name)) for p in parameters}
    values["config_file"] = path.absolute()
    return Settings(values, found, path, _warnings(found, parameters))


def _warnings(found: Mapping[str, ConfigLine], parameters: Sequence[Parameter]) -> list[str]:
    """Return a line for each parameter that no daemon knows, with the name probably meant."""
    own = [parameter.name for parameter in parameters]
    known = OTHERS.union(own, (p.name for p in (*SERVER, *AGENT, *MONITOR)))
    warnings = []
    for entry in found.values():
        if entry.name in known:
            continue
        near = difflib.get_close_matches(entry.name, own, n=1)
        folded = [name for name in own if name.lower() == entry.name.lower()]
        hint = "".join(f", did you mean {name}?" for name in (folded or near)[:1])
        warnings.append(f'{entry.place}: unknown parameter "{entry.name}" is ignored{hint}')
    return warnings
