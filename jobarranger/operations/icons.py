"""People's operations on one icon, by the rules of `jobarranger.operations.rules`.

They write what the Manager would write, and the server goes on from there within one sweep.
"""

from __future__ import annotations

from typing import Any

from jobarranger.db import runs
from jobarranger.db.engine import Database, Unit
from jobarranger.flow.engine import Engine
from jobarranger.icons import icon_type
from jobarranger.operations.actor import Actor
from jobarranger.operations.errors import NotPossible
from jobarranger.operations.rows import paths, states
from jobarranger.operations.rules import Operation, changes
from jobarranger.wakes import Role


def operate(
    db: Database, engine: Engine, *, actor: Actor, icon_id: int, operation: Operation
) -> None:
    """Do what a person wants done to an icon.

    Raises:
        NotPossible: there is no such icon for the actor, or its state is against it.
    """
    found = db.read(lambda conn: actor.if_usable(conn, states.icon(conn, icon_id)))
    if found is None:
        raise NotPossible(f"there is no icon with the number {icon_id}")
    main = found.inner_jobnet_main_id

    def work(unit: Unit) -> None:
        runs.lock_mains(unit.conn, [main], wait=True)
        icon = actor.if_usable(unit.conn, states.icon(unit.conn, icon_id, lock=True))
        if icon is None:
            raise NotPossible(f"there is no icon with the number {icon_id} any more")
        values = changes(operation, icon)
        unit.update_exactly(states.change_icon(icon, values), 1, f"icon {icon_id}")
        if operation is Operation.RERUN:
            _begin_anew(unit, icon)
        where = f"{icon.job_id} of {icon.jobnet_id} in run {main}"
        actor.note(unit, engine.clock.now_ms(), f"icon {operation}", f"icon {icon_id}", where)
        unit.wake(Role.RUN, main)

    db.transaction(work)


def _begin_anew(unit: Unit, icon: Any) -> None:
    """Set what an icon that is run again counts from the beginning."""
    for settings in icon_type(icon.job_type).tables:
        if settings.rerun:
            states.set_settings(unit.conn, settings.run, icon.inner_job_id, settings.rerun)


def find_icon(db: Database, text: str) -> int:
    """Return the number of an icon that is named by its number or by run and path.

    Raises:
        NotPossible: it is neither, or the path leads nowhere.
    """
    number, *path = text.split("/")
    if not number.isascii() or not number.isdigit() or not all(path):
        raise NotPossible(f"'{text}' is neither the number of an icon nor REGISTRY/PATH")
    if not path:
        return int(number)
    run = int(number)
    found = db.read(lambda conn: paths.icons_at(conn, [run], path))
    if run not in found:
        raise NotPossible(f"there is no icon {'/'.join(path)} in run {run}")
    return found[run][0]
