"""Conditions on requests that several statements share. Each word means one thing, said here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, bindparam

from jobarranger.db import tables as t
from jobarranger.requests.request import RUNS
from jobarranger.states import IN_PROGRESS_REQUEST, OPEN_REQUEST

_D = t.ext_dispatch.c

IDS: Any = bindparam("ids", expanding=True)
SLOTS: Any = bindparam("slots", expanding=True)
CHANNELS: Any = bindparam("channels", expanding=True)
NOW: Any = bindparam("now")
MOST: Any = bindparam("most")

#: A result of it would count.
IS_OPEN: Any = _D.state.in_(sorted(OPEN_REQUEST))
#: It goes on by itself.
IS_IN_PROGRESS: Any = _D.state.in_(sorted(IN_PROGRESS_REQUEST))
#: It starts a job whose result is reported.
IS_RUN: Any = _D.method.in_(sorted(RUNS))
#: It is in the share of one process (`due.Share`).
IS_SHARED: Any = and_(_D.slot.in_(SLOTS), _D.channel.in_(CHANNELS))
#: It is one of the requests that differ only in their icons (`alike`).
IS_ALIKE: Any = and_(
    _D.inner_job_id.in_(IDS),
    _D.attempt == bindparam("attempt_"),
    _D.method == bindparam("method_"),
    _D.part == bindparam("part_"),
)
