"""POSIX extended regular expressions within limits that none can pass (docs/flow.md)."""

from __future__ import annotations

from jobarranger.expressions.matcher import Fit
from jobarranger.expressions.posix import LONGEST, MOST_REPEATS, Shape, fit, shape

__all__ = ["LONGEST", "MOST_REPEATS", "Fit", "Shape", "fit", "shape"]
