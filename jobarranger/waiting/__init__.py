"""Why an icon does not run, and why a run does not go on (docs/waiting.md). Pure.

`facts` are the plain values, `explain` decides, `reasons` holds every reason with its words,
`causes` leads from an icon to where the trouble begins.
"""

from __future__ import annotations

from jobarranger.waiting.causes import CauseWays, ways
from jobarranger.waiting.explain import Explained, explain
from jobarranger.waiting.facts import (
    Arrow,
    FamilyFacts,
    HostUsability,
    IconFacts,
    InstanceFacts,
    RequestFacts,
    SummaryFacts,
)
from jobarranger.waiting.reasons import Need, Reason, Why

__all__ = [
    "Arrow",
    "CauseWays",
    "Explained",
    "FamilyFacts",
    "HostUsability",
    "IconFacts",
    "InstanceFacts",
    "Need",
    "Reason",
    "RequestFacts",
    "SummaryFacts",
    "Why",
    "explain",
    "ways",
]
