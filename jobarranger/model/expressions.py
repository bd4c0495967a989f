r"""POSIX extended regular expressions, as IF icons know them (docs/flow.md, IF).

They are the C library's own: Python's expressions differ in classes like `[[:digit:]]`, in `\d`
and in what a line's end is, and definitions that work must go on to work.
"""

from __future__ import annotations

import ctypes
import re
import weakref
from functools import lru_cache

#: Flags of `regcomp`: extended syntax; `.` and line ends respect newlines; only yes or no.
_EXTENDED, _NEWLINE, _NOSUB = 1, 4, 8
#: Bytes for a compiled expression: more than `regex_t` takes with any C library for Linux.
_REGEX_T = 512
#: Longest pattern (bytes), and largest product of its repetitions `{n}`: beyond that compiling
#: takes memory without end.
_LONGEST, _MOST_REPEATS = 65_535, 1_000

_REPEAT = re.compile(r"\{(\d*),?(\d*)\}")

_libc = ctypes.CDLL(None)
_libc.regcomp.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
_libc.regexec.argtypes = [
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_void_p,
    ctypes.c_int,
]
_libc.regfree.argtypes = [ctypes.c_void_p]
_libc.regfree.restype = None


class _Compiled:
    """A compiled expression; frees the C library's memory when it goes."""

    def __init__(self, pattern: bytes) -> None:
        self._memory = ctypes.create_string_buffer(_REGEX_T)
        flags = _EXTENDED | _NEWLINE | _NOSUB
        self.usable = bool(_libc.regcomp(self._memory, pattern, flags) == 0)
        if self.usable:
            weakref.finalize(self, _libc.regfree, self._memory)

    def found(self, text: bytes) -> bool:
        return self.usable and bool(_libc.regexec(self._memory, text, 0, None, 0) == 0)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> _Compiled | None:
    """Compile a pattern; None for one that would take too much."""
    raw = _raw(pattern)
    product = 1
    for low, high in _REPEAT.findall(pattern):
        product *= max(1, *(int(number or 0) for number in (low, high)))
    if len(raw) > _LONGEST or product > _MOST_REPEATS:
        return None
    return _Compiled(raw)


def _raw(text: str) -> bytes:
    """Return text as the C library takes it."""
    return text.partition("\0")[0].encode("utf-8", "replace")


def is_usable(pattern: str) -> bool:
    """Tell whether a pattern is a POSIX extended regular expression within the limits."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.usable


def found(pattern: str, text: str) -> bool:
    """Tell whether the pattern is found anywhere in the text; an unusable pattern never is."""
    compiled = _compiled(pattern)
    return compiled is not None and compiled.found(_raw(text))
