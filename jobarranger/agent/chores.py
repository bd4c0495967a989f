"""What the agent looks after every second, and what it does when that fails.

A chore that fails is reported with its traceback once, and again only when it fails in another way;
the others go on. An agent without memory cannot work at all: it says so once and ends, so that its
service manager can start it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from logging import getLogger

from jobarranger.agent.trouble import CannotWork
from jobarranger.errors import JobArrangerError

log = getLogger(__name__)

#: Rounds without memory, one after the other, that end the agent.
HOPELESS_ROUNDS = 5


class MemoryWatch:
    """Remembers whether there is memory for what is asked of the agent."""

    def __init__(self) -> None:
        """Begin well."""
        self._reported = False
        self._ran_short = (
            False  #: since the last check, and there was enough for nothing after that
        )

    def ran_short(self, what: str) -> None:
        """There was none for something; said once until there is some again."""
        self._ran_short = True
        if not self._reported:
            self._reported = True
            log.error("there is no memory for %s", what)

    def sufficed(self) -> None:
        """There was enough for something."""
        self._ran_short = self._reported = False

    def look(self) -> None:
        """Be a chore that fails while nothing that is asked can be done.

        Raises:
            MemoryError: there was none since the last check.
        """
        ran_short, self._ran_short = self._ran_short, False
        if ran_short:
            raise MemoryError


class Chores:
    """The chores and what was said about them."""

    def __init__(self, chores: Sequence[tuple[str, Callable[[], object]]]) -> None:
        """Take pairs of a name for people and what to do."""
        self._chores = chores
        self._failing: dict[str, tuple[type[Exception], str]] = {}
        self._hopeless = 0

    def round(self) -> None:
        """Do all of them once.

        Raises:
            CannotWork: there has been no memory for several rounds.
        """
        starved = [self._do(name, act) for name, act in self._chores]
        self._hopeless = self._hopeless + 1 if any(starved) else 0
        if self._hopeless >= HOPELESS_ROUNDS:
            raise CannotWork("there is no memory left for this process (see its limits)")

    def _do(self, name: str, act: Callable[[], object]) -> bool:
        """Do one; return whether it has failed because memory was missing."""
        try:
            act()
        except MemoryError:
            return True
        except Exception as error:  # noqa: BLE001 - one chore must not keep the others from it
            self._report(name, error)
            return False
        if self._failing.pop(name, None):
            log.info("%s: works again", name)
        return False

    def _report(self, name: str, error: Exception) -> None:
        reported = (type(error), str(error))
        if self._failing.get(name) == reported:
            return
        self._failing[name] = reported
        expected = isinstance(error, OSError | JobArrangerError)
        log.error("%s: %s", name, error, exc_info=None if expected else error)
