"""What a process holds in JaRuntimeDir, made again when a cleaner has removed it meanwhile.

Queues and locks go on working for those who have them open, but nobody new finds them: hints
would not arrive any more, and a second server could start beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from jobarranger import messages as m


class RuntimeFiles:
    """Files of one process in the runtime directory."""

    def __init__(self, directory: Path, *mend: Callable[[], bool]) -> None:
        """Watch over what the functions `mend`: each shows whether something was missing."""
        self._directory = directory
        self._mend = mend
        self._failed = False  #: the last time; said once

    def look(self) -> None:
        """Make again what is missing; say so, or say once that it cannot be done."""
        try:
            made = [mend() for mend in self._mend]
        except OSError as error:
            if not self._failed:
                m.log_message(m.JASERVER200007, path=self._directory, error_text=str(error))
            self._failed = True
            return
        self._failed = False
        if any(made):
            m.log_message(m.JASERVER300009, path=self._directory)
