"""Pause starts, of everything, of one jobnet or to one host, and resume them (docs/pausing.md)."""

from __future__ import annotations

from dataclasses import dataclass

from jobarranger.db import pauses
from jobarranger.db.engine import Database, Unit
from jobarranger.errors import JobArrangerError
from jobarranger.model.pauses import Pause, Pauses
from jobarranger.operations.actor import Actor
from jobarranger.states import PauseScope


class CannotPause(JobArrangerError):
    """The pause or its end does not make sense as things stand; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be paused or resumed."""

    scope: PauseScope = PauseScope.ALL
    name: str = ""  #: jobnet or host; empty for all starts

    def __str__(self) -> str:
        """Return the words of messages."""
        if self.scope is PauseScope.ALL:
            return "all starts"
        return f"{self.scope.name.lower()} {self.name}"


def pause(
    db: Database,
    *,
    actor: Actor,
    target: Target,
    until_at: int | None = None,
    hold_loading: bool = False,
) -> None:
    """Pause starts from now on: no transaction that begins later starts them.

    Args:
        db: the process' database.
        actor: who does it, with a reason for those who wonder.
        target: what is paused.
        until_at: when it ends by itself (UTC ms); None = when somebody resumes.
        hold_loading: also schedules load nothing meanwhile, and no job is sent.

    Raises:
        CannotPause: the actor may not, he gives no reason, it is paused already, or the end is in
            the past.
    """
    _require_all_rights(actor)
    now = db.clock.now_ms()
    if not actor.reason.strip():
        raise CannotPause(f"a pause of {target} needs a reason")
    if until_at is not None and until_at <= now:
        raise CannotPause(f"the pause of {target} would be over before it begins")

    def work(unit: Unit) -> None:
        standing = _standing(pauses.read(unit.conn, now), target)
        if any(one.hold_loading >= hold_loading for one in standing):
            one = standing[0]
            raise CannotPause(f"{target}: paused already by {one.actor_user} ({one.reason})")
        pauses.add(
            unit.conn,
            scope=target.scope,
            name=target.name,
            since=now,
            until_at=until_at,
            actor_user=actor.name,
            reason=actor.reason,
            hold_loading=hold_loading,
        )
        actor.note(unit, now, "pause", str(target))

    db.transaction(work)


def resume(db: Database, *, actor: Actor, target: Target | None) -> list[Pause]:
    """End the pauses of a target, or all (None); return those that were ended.

    Raises:
        CannotPause: the actor may not, or nothing of that is paused.
    """
    _require_all_rights(actor)
    now = db.clock.now_ms()

    def work(unit: Unit) -> list[Pause]:
        found = _standing(pauses.read(unit.conn, now), target)
        if not found:
            raise CannotPause(f"{target} is not paused" if target else "nothing is paused")
        pauses.end(unit.conn, [one.id for one in found], now)
        for one in found:
            actor.note(unit, now, "resume", str(Target(one.scope, one.name)), one.reason)
        return found

    return db.transaction(work)


def _require_all_rights(actor: Actor) -> None:
    """Refuse who may not use everything: a pause keeps other people's jobnets, too."""
    if not actor.rights.cover_all:
        raise CannotPause(f"{actor.name} may not pause or resume: it needs a super administrator")


def _standing(found: Pauses, target: Target | None) -> list[Pause]:
    """Return the active pauses of a target, of any for None."""
    return [
        one for one in found.active() if target is None or Target(one.scope, one.name) == target
    ]
