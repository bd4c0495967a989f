"""POSIX extended regular expressions within limits that none can pass (docs/flow.md)."""

from __future__ import annotations

from jobarranger.expressions.matcher import Fit
from jobarranger.expressions.posix import LONGEST, MOST_REPEATS, PatternShape, fit, shape

__all__ = ["LONGEST", "MOST_REPEATS", "Fit", "PatternShape", "fit", "shape"]
