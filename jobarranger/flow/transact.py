"""One transaction of the engine: lock families, let a step work, write, commit, and say."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from jobarranger import messages as m
from jobarranger.db.engine import Database, Unit
from jobarranger.flow.engine import Engine
from jobarranger.flow.work import Work

T = TypeVar("T")


def _nothing() -> None:
    """Do nothing."""


def transact(
    db: Database,
    engine: Engine,
    families: Collection[int],
    step: Callable[[Work], T],
    *,
    wait: bool,
    before_commit: Callable[[], None] = _nothing,
    after_commit: Callable[[], None] = _nothing,
) -> tuple[Work, T]:
    """Do a step in one transaction; return its rows and what it yields.

    Args:
        db: the process' database.
        engine: the surroundings.
        families: main runs to be locked; those that were are `Work.families`.
        step: changes the held rows, and settles or advances what that concerns. It is done anew
            when the transaction is.
        wait: for families that others hold; without it they are left out.
        before_commit: called when everything is written.
        after_commit: called before anything is said.

    Raises:
        DatabaseUnavailable: nothing was committed.
    """

    def attempt(unit: Unit) -> tuple[Work, T]:
        work = Work(unit, engine)
        work.lock_families(families, wait=wait)
        result = step(work)
        work.write()
        before_commit()
        return work, result

    work, result = db.transaction(attempt)
    after_commit()
    m.write_all(work.raised)
    return work, result
