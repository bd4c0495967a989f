"""Which rows of the run log fit the expressions of a `job.logput` (docs/protocol.md, Commands)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Row

from ipc import telegrams
from jobarranger.errors import TryAgain
from jobarranger.expressions import Fit, fit
from processes.trapping.refusals import Refused

#: Characters of an expression; a longer one counts as invalid.
LONGEST = 255
#: Seconds that all comparisons of one request may take.
SECONDS = 2.0
#: Values whose answer is remembered, for each expression; ids and names of up to 100 characters.
_MOST_REMEMBERED = 10_000

#: The C library knows them though POSIX does not; they count as invalid.
_BACK_REFERENCE = re.compile(r"(?<!\\)(?:\\\\)*\\[1-9]")


class Filters:
    """The expressions of one request. Blocks while it compares: not for the event loop."""

    def __init__(self, wanted: Mapping[str, str], monotonic: Callable[[], float]) -> None:
        """Look for expressions by column; an invalid one fits nothing."""
        self._wanted = wanted
        self._monotonic = monotonic
        self._left = SECONDS
        self._known: dict[str, dict[str, bool]] = {column: {} for column in wanted}

    @classmethod
    def of(cls, telegram: telegrams.LogRequest, monotonic: Callable[[], float]) -> Filters:
        """Take the expressions from a request; nothing is compiled yet."""
        given = {
            "jobnet_id": telegram.jobnetid,
            "job_id": telegram.jobid,
            "user_name": telegram.target_user,
        }
        wanted = {column: text for column, text in given.items() if text is not None}
        return cls(wanted, monotonic)

    def check(self) -> None:
        """Complain about an expression that takes too much, whatever the rows are.

        Raises:
            Refused: the text of the reply.
        """
        for column in self._wanted:
            self._found(column, "")

    def fits(self, row: Row[Any]) -> bool:
        """Return whether a row fits all expressions; an empty column fits none.

        Raises:
            Refused: the expressions take too much.
        """
        for column, known in self._known.items():
            value = getattr(row, column)
            if not value:
                return False
            if value not in known:
                if len(known) >= _MOST_REMEMBERED:
                    known.clear()
                known[value] = self._found(column, value)
            if not known[value]:
                return False
        return True

    def _found(self, column: str, value: str) -> bool:
        pattern = self._wanted[column]
        if len(pattern) > LONGEST or _BACK_REFERENCE.search(pattern):
            return False
        began = self._monotonic()
        try:
            answer = fit(pattern, value)
        except TryAgain as error:
            raise Refused("expressions cannot be compared now; try again later") from error
        self._left -= self._monotonic() - began
        if answer is Fit.TOO_MUCH or self._left < 0:
            raise Refused("the expressions take more memory or time than they may")
        return answer is Fit.YES
