"""The program that compiles and matches expressions for `jobarranger.expressions.matcher`.

It is started by its path, with nothing of ours imported, so that it is small and starts quickly.
Its kernel limits are what no expression can pass: memory by `RLIMIT_AS`, and processor time by a
timer that ends the program. Arguments: bytes of memory, seconds of processor time.
"""

import ctypes
import os
import resource
import signal
import struct
import sys

#: Lengths of an expression, of the form of it that is searched for, and of the text.
HEAD = struct.Struct("<III")
#: Said once, when the program can take questions.
READY = b"R"
#: Answers. The last one is given for too much memory; for too much time the program just ends.
#: In capitals: memory has not come back, so that the program should be replaced.
YES, NO, INVALID, TOO_MUCH = b"y", b"n", b"i", b"m"
#: Bytes by which the program may have grown for good.
_GROWN = 8 << 20

#: Flags of `regcomp`: extended syntax; `.` and line ends respect newlines; only yes or no.
_FLAGS = 1 | 4 | 8
#: What `regcomp` and `regexec` return: found, not found; no memory, or too large.
_OK, _NO_MATCH, _TOO_LARGE = 0, 1, {12, 15}
#: Bytes for a compiled expression: more than `regex_t` takes with any C library for Linux.
_REGEX_T = 512

_libc = ctypes.CDLL(None)
_compiled = ctypes.create_string_buffer(_REGEX_T)


def size() -> int:
    """Return the bytes of this program's address space, which is what its limit counts."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def confine(memory: int) -> None:
    """Let this program grow by `memory` bytes and no more, and leave no core behind."""
    limit = size() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read(length: int) -> ctypes.Array[ctypes.c_char]:
    """Return the next bytes with a zero byte behind them; end where the asker has gone."""
    buffer = ctypes.create_string_buffer(length + 1)
    rest = memoryview(buffer).cast("B")[:length]
    while rest:
        count = os.readv(0, [rest])
        if not count:
            sys.exit(0)
        rest = rest[count:]
    return buffer


def answer(pattern: object, form: object, text: object) -> bytes:
    """Return whether the expression, searched for in its `form`, is found in the text."""
    code = _libc.regcomp(_compiled, pattern, _FLAGS)
    if code != _OK:
        return TOO_MUCH if code in _TOO_LARGE else INVALID
    _libc.regfree(_compiled)
    if _libc.regcomp(_compiled, form, _FLAGS) != _OK:
        return TOO_MUCH
    code = _libc.regexec(_compiled, text, 0, None, 0)
    _libc.regfree(_compiled)
    return {_OK: YES, _NO_MATCH: NO}.get(code, TOO_MUCH)


def main() -> None:
    """Answer questions until nobody asks any more."""
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    confine(memory)
    small = size() + _GROWN
    os.write(1, READY)
    while True:
        lengths = HEAD.unpack(bytes(read(HEAD.size))[: HEAD.size])
        pattern, form, text = (read(length) for length in lengths)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        said = answer(pattern, form, text)
        signal.setitimer(signal.ITIMER_PROF, 0)
        del pattern, form, text
        _libc.malloc_trim(0)
        os.write(1, said if size() <= small else said.upper())


if __name__ == "__main__":
    main()
