"""What clients ask about runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, select

from jobarranger.db import tables as t
from jobarranger.states import IconStatus

_s = t.run_jobnet_summary.c
_r = t.run_jobnet.c
_j = t.run_job.c
_v = t.run_value_before.c

_STATUS: Sequence[ColumnElement[Any]] = (
    _s.jobnet_id,
    _s.jobnet_name,
    _s.scheduled_time,
    _s.start_time,
    _s.end_time,
    _s.run_type,
    _s.status,
    _s.job_status,
    _s.user_name,
    _s.public_flag,
)
_SUMMARY = select(*_STATUS).where(_s.inner_jobnet_id == bindparam("number"))
_REQUESTED: Sequence[ColumnElement[Any]] = (
    _r.jobnet_id,
    _r.jobnet_name,
    _r.scheduled_time,
    _r.run_type,
    _r.user_name,
    _r.public_flag,
)
_REGISTERED = select(*_REQUESTED).where(
    _r.inner_jobnet_id == bindparam("number"), _r.inner_jobnet_main_id == bindparam("number")
)

#: The END icon that speaks for the run: one of the main jobnet first, of those the last.
_LAST_END = (
    select(_j.inner_job_id)
    .where(
        _j.inner_jobnet_main_id == bindparam("number"),
        _j.job_type.in_(bindparam("ends", expanding=True)),
        _j.status == int(IconStatus.END),
    )
    .order_by(
        case((_j.inner_jobnet_id == bindparam("number"), 0), else_=1),
        _j.end_time.desc(),
        _j.inner_job_id.desc(),
    )
    .limit(1)
)
_VALUES = (
    select(_v.value_name, _v.before_value)
    .where(
        _v.inner_job_id == bindparam("icon"),
        _v.value_name.in_(["JOB_EXIT_CD", "STD_OUT", "STD_ERR"]),
    )
    .order_by(_v.seq_no)
)


def summary(conn: Connection, number: int) -> Row[Any] | None:
    """Return the state of a loaded run, or None."""
    return conn.execute(_SUMMARY, {"number": number}).one_or_none()


def registered(conn: Connection, number: int) -> Row[Any] | None:
    """Return the row of a run that may not be loaded yet, or None."""
    return conn.execute(_REGISTERED, {"number": number}).one_or_none()


def last_values(conn: Connection, number: int, ends: Collection[int]) -> Mapping[str, str]:
    """Return JOB_EXIT_CD, STD_OUT and STD_ERR as the run's END icon got them, those that exist.

    Args:
        conn: the connection.
        number: of the run.
        ends: the types of icon that end a jobnet.
    """
    wanted = {"number": number, "ends": sorted(ends)}
    icon = conn.execute(_LAST_END, wanted).scalar_one_or_none()
    if icon is None:
        return {}
    rows = conn.execute(_VALUES, {"icon": icon}).all()
    return {row.value_name: row.before_value for row in rows}


_g = t.run_log.c
_LOG_COLUMNS: Sequence[ColumnElement[Any]] = (
    _g.log_date,
    _g.inner_jobnet_main_id,
    _g.inner_jobnet_id,
    _g.run_type,
    _g.public_flag,
    _g.jobnet_id,
    _g.job_id,
    _g.message_id,
    _g.jobnet_name,
    _g.job_name,
    _g.user_name,
    _g.update_date,
    _g.return_code,
)
_m = t.define_run_log_message.c
_TEXTS = select(_m.message_id, _m.message, _m.lang).where(
    _m.lang.in_(bindparam("langs", expanding=True))
)
#: The language of texts for users whose own language has none.
FALLBACK_LANGUAGE = "en_gb"


def log_texts(conn: Connection, lang: str) -> dict[str, str]:
    """Return the texts of the run log by message id, in `lang` where there are any."""
    rows = conn.execute(_TEXTS, {"langs": [lang, FALLBACK_LANGUAGE]}).all()
    texts = {row.message_id: row.message for row in rows if row.lang.lower() != lang}
    return texts | {row.message_id: row.message for row in rows if row.lang.lower() == lang}


def log_rows(
    conn: Connection, *, number: int | None, first: int | None, last: int | None
) -> Iterator[Row[Any]]:
    """Give the rows of one main run, or of a range of `log_date`, run by run."""
    statement = select(*_LOG_COLUMNS).order_by(_g.inner_jobnet_main_id, _g.log_date)
    if number is not None:
        statement = statement.where(_g.inner_jobnet_main_id == number)
    else:
        statement = statement.where(_g.log_date >= first, _g.log_date <= last)
    yield from conn.execute(statement).all()
