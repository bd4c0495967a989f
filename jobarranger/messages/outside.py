"""Messages that strangers can cause: any number of them, by what they send.

Of a flood of one of these the first are written and the others counted, as of any line without an
id. All other messages say something of a run, an icon or the server, and none of them is left out.
"""

from __future__ import annotations

from jobarranger.messages import catalogue as m
from jobarranger.messages.model import Message

_REFUSALS: tuple[Message, ...] = (
    m.JAHOST200006,
    m.JATRAPPER200008,
    m.JATRAPPER200021,
    m.JATRAPPER200022,
    m.JATRAPPER200027,
    m.JATRAPPER200028,
    m.JATRAPPER200029,
    m.JATRAPPER200030,
    m.JATRAPPER200032,
    m.JATRAPPER200033,
    m.JATRAPPER200034,
    m.JATRAPPER200035,
    m.JATRAPPER200036,
    m.JATRAPPER200037,
    m.JATRAPPER200046,
    m.JATRAPPER200047,
    m.JATRAPPER200050,
    m.JATRAPPER200051,
    m.JATRAPPER200052,
    m.JATRAPPER300006,
)

#: Their ids.
OUTSIDE = frozenset(message.id for message in _REFUSALS)
