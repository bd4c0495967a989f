"""What is to be written of one row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """New values for one row, and the status it must still have."""

    key: int
    stored: int
    values: Mapping[str, object]
