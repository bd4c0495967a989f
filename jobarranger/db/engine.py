"""Reads, and transactions that are repeated as a whole.

`Database.read` runs selects outside a transaction. `Database.transaction` begins, calls the work,
commits, and repeats all of it when `retry.retryable` says so; the work must therefore do nothing
but statements through its `Unit`. Hints to other processes leave after the commit only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import Connection, CursorResult, Executable, Select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from jobarranger.clock import Clock
from jobarranger.db.link import DatabaseLink
from jobarranger.db.retry import Retry, one_line, retryable
from jobarranger.db.settings import DatabaseSettings
from jobarranger.errors import DatabaseUnavailable, StateConflict
from jobarranger.states import DatabaseType
from jobarranger.wakes import Role, Wake

if TYPE_CHECKING:
    from jobarranger.config.databases import DatabaseConfig

T = TypeVar("T")
Parameters = dict[str, Any] | Sequence[dict[str, Any]] | None
OnWake = Callable[[Sequence[Wake]], None]


def ignore(wakes: Sequence[Wake]) -> None:
    """Let hints fall; whoever they are for finds the work at its next sweep."""


class Unit:
    """One attempt at a transaction: its connection and the hints it will leave."""

    __slots__ = ("_wakes", "conn", "kind")

    def __init__(self, conn: Connection, kind: DatabaseType) -> None:
        """Start with nothing to send to anybody."""
        self.conn = conn
        self.kind = kind
        self._wakes: dict[tuple[Role, int], dict[int, None]] = {}

    def execute(self, statement: Executable, parameters: Parameters = None) -> CursorResult[Any]:
        """Send one statement."""
        return self.conn.execute(statement, parameters)

    def update_exactly(self, statement: Executable, count: int, what: str) -> None:
        """Send a guarded update or delete that must meet exactly `count` rows.

        Raises:
            StateConflict: it met others; the transaction is rolled back and decided anew.
        """
        met = self.conn.execute(statement).rowcount
        if met != count:
            raise StateConflict(f"{what}: {met} rows instead of {count}")

    def lock(self, select: Select[Any], *, skip_locked: bool = False) -> Select[Any]:
        """Return `select` locking its rows; on SQLite the whole file is locked already."""
        if self.kind is DatabaseType.SQLITE:
            return select
        return select.with_for_update(skip_locked=skip_locked)

    def wake(self, role: Role, *ids: int, slot: int = 0) -> None:
        """Ask a child to look at `ids` after the commit; calls for one slot are merged."""
        self._wakes.setdefault((role, slot), {}).update(dict.fromkeys(ids))

    def wakes(self) -> list[Wake]:
        """Return the hints collected so far."""
        return [Wake(role, tuple(ids), slot) for (role, slot), ids in self._wakes.items()]


class Database:
    """The connection of one process, used by one thread; opened at first use."""

    def __init__(
        self, settings: DatabaseSettings, *, clock: Clock, on_wake: OnWake = ignore
    ) -> None:
        """Remember where the database is; nothing is opened yet.

        `on_wake` gets the hints of each committed transaction and must not raise.
        """
        self.settings = settings
        self.kind = settings.kind
        self.clock = clock
        self.patience = settings.patience  #: seconds until a lost server is given up
        self._link = DatabaseLink(settings)
        self._on_wake = on_wake

    @classmethod
    def from_config(
        cls, config: DatabaseConfig, *, clock: Clock, on_wake: OnWake = ignore
    ) -> Database:
        """Return the database that a daemon's configuration names."""
        return cls(DatabaseSettings.from_config(config), clock=clock, on_wake=on_wake)

    @property
    def statements(self) -> int:
        """Statements sent so far, BEGIN and COMMIT included."""
        return self._link.statements

    def read(self, work: Callable[[Connection], T], *, patience: float | None = None) -> T:
        """Call `work` outside a transaction; again from its start if the connection broke.

        `patience` is the number of seconds until a lost server is given up; one that was given up
        before and has not answered since is asked once only.

        Raises:
            DatabaseUnavailable: the patience is used up.
            CannotStore: the database can never take one of the values.
        """
        tries = _Tries(self._link, self.clock, lambda: self._seconds(patience))
        while True:
            try:
                return work(self._link.conn())
            except SQLAlchemyError as error:
                if tries.failed(error) is Retry.LOST:
                    self._link.drop()
            except (KeyboardInterrupt, SystemExit):
                self._link.drop()  # the wire may hold half an answer
                raise
            tries.pause()

    def transaction(
        self,
        work: Callable[[Unit], T],
        *,
        landed: Callable[[Connection], T | None] | None = None,
        patience: float | None = None,
    ) -> T:
        """Call `work` in a transaction and commit it; repeat both while that makes sense.

        Args:
            work: gets a fresh `Unit` at each attempt; only statements, no other effects.
            landed: asked before the next attempt when the connection broke during COMMIT: what
                `work` would have returned if the database holds its rows, else None. Without it
                the attempt is repeated, so its own guards must recognise that it was done.
            patience: seconds until a lost server is given up; the settings' by default, none for
                one that was given up before and has not answered since.

        Raises:
            DatabaseUnavailable: the tries or the patience are used up.
            CannotStore: the database can never take one of the values; nothing was changed.
            StateConflict: guards failed at each of several attempts.
        """
        attempts = _Attempts(self._link, self.kind, work, landed)
        tries = _Tries(self._link, self.clock, lambda: self._seconds(patience))
        while True:
            try:
                result, wakes = attempts.next()
                break
            except (SQLAlchemyError, StateConflict) as error:
                if tries.failed(attempts.judged(error)) is Retry.LOST:
                    self._link.drop()
            tries.pause()
        if wakes:
            self._on_wake(wakes)
        return result

    def _seconds(self, patience: float | None) -> float:
        """Return for how long a lost server is tried again: one that is away costs one attempt."""
        if patience is not None:
            return patience
        return 0.0 if self._link.away else self.patience

    def disconnect(self) -> None:
        """Drop the connection; the next use opens another."""
        self._link.drop()

    def close(self) -> None:
        """Close everything that is open."""
        self._link.close()


class _Attempts(Generic[T]):
    """One transaction over all its attempts."""

    def __init__(
        self,
        link: DatabaseLink,
        kind: DatabaseType,
        work: Callable[[Unit], T],
        landed: Callable[[Connection], T | None] | None,
    ) -> None:
        self._link = link
        self._kind = kind
        self._work = work
        self._landed = landed
        self._doubtful: Unit | None = None  #: the attempt whose COMMIT was not answered

    def next(self) -> tuple[T, list[Wake]]:
        """Attempt once, unless an earlier attempt turns out to have landed."""
        if self._doubtful is not None and self._landed is not None:
            found = self._landed(self._link.conn())
            if found is not None:
                return found, self._doubtful.wakes()
        try:
            unit = Unit(self._link.begin(), self._kind)
            result = self._work(unit)
        except BaseException as error:
            self._undo(error)
            raise
        self._commit(unit)
        return result, unit.wakes()

    def judged(self, error: SQLAlchemyError | StateConflict) -> SQLAlchemyError | StateConflict:
        """Return the error that counts: a key met twice may be the doubtful attempt's own."""
        if self._doubtful is not None and isinstance(error, IntegrityError):
            return StateConflict(one_line(error))
        return error

    def _commit(self, unit: Unit) -> None:
        try:
            self._link.commit()
        except BaseException as error:
            if retryable(error) is Retry.LOST:
                self._doubtful = unit
                self._link.drop()
            else:
                self._undo(error)
            raise

    def _undo(self, error: BaseException) -> None:
        """Roll back; after an interruption the wire may hold half an answer: drop it instead."""
        if isinstance(error, Exception):
            self._link.roll_back()
        else:
            self._link.drop()


class _Tries:
    """Counts failures by kind; raises when there were enough."""

    def __init__(self, link: DatabaseLink, clock: Clock, seconds: Callable[[], float]) -> None:
        self._link = link
        self._clock = clock
        self._seconds = seconds  #: for how long a lost server is tried again
        self._started: float | None = None  #: of the time without a server
        self._failures: dict[Retry, int] = {}
        self._pause = 0.0

    def failed(self, error: SQLAlchemyError | StateConflict) -> Retry:
        """Note a failure; return its kind, or raise if it is final."""
        kind = retryable(error)
        if kind is None:
            raise error
        count = self._failures[kind] = self._failures.get(kind, 0) + 1
        self._pause = kind.value.pause(count)
        if not self._used_up(kind, count):
            return kind
        if kind is Retry.CONFLICT:
            raise error
        if kind is Retry.LOST:
            self._link.give_up()
        where = self._link.settings.label()
        raise DatabaseUnavailable(f"{where}: {one_line(error)} ({count} attempts)") from error

    def pause(self) -> None:
        """Wait before the next attempt; no lock is held now."""
        if self._pause:
            self._clock.sleep(self._pause)

    def _used_up(self, kind: Retry, count: int) -> bool:
        if kind.value.tries is not None:
            return count >= kind.value.tries
        now = self._clock.monotonic()
        if self._started is None:
            self._started = now
        return now - self._started + self._pause > self._seconds()
