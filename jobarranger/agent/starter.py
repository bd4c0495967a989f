"""The starter: a tiny process that forks one wrapper for each job.

It is run as a plain file (`python -I -S starter.py`) with nothing but the standard library, so a
fork of it costs half a millisecond and a waiting wrapper 1.6 MB. The next wrapper
is forked before it is needed and waits for the request itself. Wrappers go on when the agent or
the starter ends; each

1. claims its job: `claim` (its process id and start time) is made by an exclusive link, and
   whoever comes second leaves at once, so a job can be started any number of times and runs once;
2. writes the script and starts it in a session of its own; while the machine has no room for that
   (disk, processes, memory, descriptors) it tries again, and SIGTERM makes it give up;
3. waits for it, writes `status` (wait status, or the error that kept it from starting) by an
   atomic rename, and ends. A directory that was removed under it is made again for that.

Being the parent it knows for certain whether a signal ended the job; a shell as wrapper could
only guess from 128+n. The agent asks through the first descriptor (frames of four bytes length,
JSON) and hears of starts through the second (one JSON datagram each; one that is lost is made up
for by the agent's own looking). End of file on the first ends the starter, not the wrappers.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import pwd
import resource
import select
import signal
import socket
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress

SHELL = "/bin/sh"
EXEC_FAILED = 127
FRAME_PREFIX_BYTES = 4
JOB_UMASK = 0o002
STAT_BYTES = 1024
FORK_PAUSE = 0.2  #: seconds
START_PAUSE = 1.0  #: seconds between two tries to start a job
RECORD_PAUSE = 1.0  #: seconds
RECORD_TRIES = 86_400  #: a day
RESTORE_TRIES = 60  #: without a place to record; a living agent makes it again within a second
PLACE_ARGUMENT = 4  #: where setproctitle is installed
#: Bytes of each output stream that a result carries.
OUTPUT_BYTES = 64_000

#: What the machine does not have now and may have in a while: none of it is the job's fault.
PASSING = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EIO,
        errno.EROFS,
        errno.ESTALE,
        errno.EAGAIN,
        errno.ENOMEM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ETXTBSY,
    }
)

#: Python ignores these; a job must not.
_DEFAULT_SIGNALS = [signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGHUP]

Spawn = Callable[[list[str], dict[bytes, bytes], tuple[tuple[int, int], ...]], int]


class StartError(Exception):
    """The job cannot be started; the text is for the result's message."""


class Removed(Exception):
    """The job's directory was removed before anything of the job was started."""


def passes(error: BaseException) -> bool:
    """Return whether an error may be gone in a while."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in PASSING)


def reason(error: BaseException) -> str:
    """Return an error as a text for people."""
    text = error.strerror if isinstance(error, OSError) else str(error)
    return text or type(error).__name__


def process_start(pid: int) -> int:
    """Return the start time of a process in clock ticks since boot; 0 if it does not exist."""
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return 0
    try:
        return int(os.read(descriptor, STAT_BYTES).rpartition(b")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return 0
    finally:
        os.close(descriptor)


def main() -> None:
    """Serve until the agent closes its end."""
    requests = socket.socket(fileno=int(sys.argv[1]))
    announce = socket.socket(fileno=int(sys.argv[2]))
    for each in (requests, announce):
        os.set_inheritable(each.fileno(), False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # its life is tied to the agent's, not to a terminal
    soft = int(sys.argv[3])  # the agent raises its own limit; jobs get the one it began with
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (soft, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # wrappers are reaped by the kernel
    os.chdir("/")
    set_title = _title_setter()
    set_title("jobarg_agentd: starter")
    gc.freeze()
    gc.disable()
    while _hand_out(requests, announce, set_title):
        pass


def _hand_out(
    requests: socket.socket, announce: socket.socket, set_title: Callable[[str], object]
) -> bool:
    """Fork a wrapper that waits for the next request; True when it has taken one.

    So the fork is over before the request comes. What has not been taken stays in the socket.
    """
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError as error:  # no processes left: others may end
        os.close(reading)
        os.close(writing)
        _report(announce, {"directory": "", "event": "held", "message": reason(error)})
        select.select([], [], [], FORK_PAUSE)
        return True
    if pid == 0:
        mine = _get_ready(set_title)
        body = _receive(requests)
        if body is None:
            os._exit(0)
        os.write(writing, b"T")
        os.close(writing)
        os.close(reading)
        requests.close()
        _wrapper(announce, json.loads(body), set_title, mine)
    os.close(writing)
    taken = os.read(reading, 1)
    os.close(reading)
    return taken == b"T"


def _get_ready(set_title: Callable[[str], object]) -> int:
    """Do what needs no request while nobody waits for it; return our own start time.

    The first touch of a page after the fork costs a copy; the title and a bit of JSON touch most
    of those that a request would.
    """
    os.setsid()
    os.umask(0o077)
    set_title("jobarg_agentd: starter, next wrapper")
    json.loads(json.dumps({"directory": "", "name": "", "env": {"": ""}}))
    return process_start(os.getpid())


def _receive(requests: socket.socket) -> bytes | None:
    """Return the next request; None at the end."""
    prefix = requests.recv(FRAME_PREFIX_BYTES, socket.MSG_WAITALL)
    if len(prefix) < FRAME_PREFIX_BYTES:
        return None
    length = int.from_bytes(prefix, "big")
    body = requests.recv(length, socket.MSG_WAITALL)
    while 0 < len(body) < length:
        more = requests.recv(length - len(body), socket.MSG_WAITALL)
        if not more:
            return None
        body += more
    return body if len(body) == length else None


def _title_setter() -> Callable[[str], object]:
    """Return setproctitle's function if the agent gave us the place of the package."""
    if len(sys.argv) > PLACE_ARGUMENT:
        sys.path.append(sys.argv[PLACE_ARGUMENT])
        try:
            from setproctitle import setproctitle
        except ImportError:
            pass
        else:
            return setproctitle
    return lambda _title: None


def _report(announce: socket.socket, word: Mapping[str, object]) -> None:
    """Send a word to the agent if it listens; never wait for it."""
    with suppress(OSError):
        announce.send(json.dumps(word).encode(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)


def _wrapper(
    announce: socket.socket,
    request: dict[str, object],
    set_title: Callable[[str], object],
    mine: int,
) -> None:
    """Be the wrapper of one job; never returns."""
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        directory = str(request["directory"])
        me = {"directory": directory, "wrapper": os.getpid(), "start": mine}
        try:
            _claim(directory, mine)
        except FileExistsError:
            _report(announce, {"directory": directory, "event": "claimed"})
            return
        except OSError as error:
            _report(announce, {**me, "event": "failed", "message": reason(error)})
            return
        set_title(f"jobarg_agentd: job {request['name']}")
        try:
            status, outputs = _run(
                directory, request, lambda word: _report(announce, {**me, **word})
            )
        except Removed as error:  # nothing was started, and the claim went with the directory
            _report(announce, {**me, "event": "failed", "message": str(error)})
            return
        _record(directory, status, lambda: _restore(directory, mine, outputs))
    finally:
        os._exit(0)


def _claim(directory: str, mine: int) -> None:
    """Make the claim file; there must be none, and its directory must still exist."""
    draft = f"{directory}/claim.{os.getpid()}"
    try:
        _write(draft, f"{os.getpid()} {mine}\n".encode(), 0o600)
        os.link(draft, f"{directory}/claim")
    finally:
        with suppress(OSError):
            os.unlink(draft)


def _write(path: str, data: bytes, mode: int) -> None:
    """Make a file; plain calls, because this runs once for every job."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
    finally:
        os.close(descriptor)


def _record(
    directory: str, status: dict[str, object], restore: Callable[[], object] = lambda: None
) -> None:
    """Make the file `status`, all at once; whatever is in the way is waited for.

    `restore` is called before each try; it makes the directory again if that is gone.
    """
    path, tries, placeless = f"{directory}/status", 0, 0
    while tries < RECORD_TRIES and placeless < RESTORE_TRIES:
        try:
            restore()
            _write(f"{path}.new", json.dumps(status).encode(), 0o600)
            os.rename(f"{path}.new", path)
        except (OSError, MemoryError) as error:
            tries += 1
            placeless += isinstance(error, FileNotFoundError | PermissionError)
            select.select([], [], [], RECORD_PAUSE)
        else:
            return


def _restore(directory: str, mine: int, outputs: tuple[int, ...]) -> None:
    """Make the directory of a job that has run again, with its claim and its output.

    Only where the agent has made the directory above it: that one belongs to us.
    """
    if os.path.isdir(directory):
        return
    above = os.lstat(os.path.dirname(directory))
    if not stat.S_ISDIR(above.st_mode) or above.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "the directory of all jobs is not ours")
    os.mkdir(directory, 0o700)
    _write(f"{directory}/claim", f"{os.getpid()} {mine}\n".encode(), 0o600)
    for name, descriptor in zip(("stdout", "stderr"), outputs, strict=False):
        _write(f"{directory}/{name}", os.pread(descriptor, OUTPUT_BYTES + 1, 0), 0o600)


def _run(
    directory: str, request: dict[str, object], report: Callable[[dict[str, object]], None]
) -> tuple[dict[str, object], tuple[int, ...]]:
    """Start the job and wait for its end; return the content of `status` and its open outputs.

    Raises:
        Removed: the directory is gone, and nothing was started.
    """
    try:
        started = _start_patiently(directory, request, report)
    except (StartError, OSError, ValueError, UnicodeError, MemoryError) as error:
        report({"event": "started"})
        return {"error": reason(error) if passes(error) else str(error) or reason(error)}, ()
    if started is None:
        return {"wait_status": int(signal.SIGKILL)}, ()
    pid, *outputs = started
    with suppress(OSError):  # the disk may be full; a kill then looks for our child
        _write(f"{directory}/job", f"{pid} {process_start(pid)}\n".encode(), 0o600)
    report({"event": "started"})
    _, status = os.waitpid(pid, 0)
    return {"wait_status": status}, tuple(outputs)


def _start_patiently(
    directory: str, request: dict[str, object], report: Callable[[dict[str, object]], None]
) -> tuple[int, int, int] | None:
    """Start the job, again and again while the machine has no room for it; None if it is killed.

    Raises:
        Removed: the directory is gone, and nothing was started.
        OSError, StartError, ValueError: it cannot be started, or not within its patience.
    """
    tries_left = int(float(str(request["patience"])) / START_PAUSE)
    given_up: list[int] = []
    reported = False
    while not given_up:
        try:
            return _start(directory, request)
        except (OSError, MemoryError) as error:
            if not os.path.isdir(directory):
                raise Removed(reason(error)) from error
            if not passes(error) or tries_left <= 0:
                raise
            tries_left -= 1
            if not reported:
                signal.signal(signal.SIGTERM, lambda number, _frame: given_up.append(number))
                report({"event": "delayed", "message": reason(error)})
                reported = True
        select.select([], [], [], START_PAUSE)
    return None


def _start(directory: str, request: dict[str, object]) -> tuple[int, int, int]:
    """Start the job; return its process id and its open outputs."""
    user = _user(str(request["run_user"]))
    script = f"{directory}/script"
    text = str(request["script"]).encode("utf-8", "replace")
    _write_script(script, text, user)
    env = dict(os.environ)
    env.update(request["env"])  # type: ignore[call-overload]
    raw = {key.encode("utf-8", "surrogateescape"): _raw(value) for key, value in env.items()}
    opened: list[int] = []
    try:
        opened.append(os.open(f"{directory}/stdout", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        opened.append(os.open(f"{directory}/stderr", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        opened.append(os.open(os.devnull, os.O_RDONLY))
        out, err, null = opened
        pid = _spawn_script(script, text, raw, user, ((null, 0), (out, 1), (err, 2)))
        os.close(opened.pop())
    except BaseException:
        for descriptor in opened:
            os.close(descriptor)
        raise
    return pid, out, err


def _spawn_script(
    script: str,
    text: bytes,
    env: dict[bytes, bytes],
    user: pwd.struct_passwd | None,
    files: tuple[tuple[int, int], ...],
) -> int:
    """Start the script under its own interpreter or the shell; return its process id."""
    spawn = _spawn if user is None else _fork_as(user)
    os.umask(JOB_UMASK)
    try:
        if text.startswith(b"#!"):
            try:
                return spawn([script], env, files)
            except FileNotFoundError:
                pass  # no such interpreter: the shell says so on stderr and exits with 127
            except PermissionError:
                pass
            return spawn([SHELL, "-c", _quoted(script)], env, files)
        return spawn([SHELL, script], env, files)
    finally:
        os.umask(0o077)


def _raw(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _quoted(path: str) -> str:
    return "'" + path.replace("'", "'\\''") + "'"


def _write_script(path: str, text: bytes, user: pwd.struct_passwd | None) -> None:
    _write(path, text, 0o700)
    os.chmod(path, 0o755 if user is None else 0o700)
    if user is not None:
        os.chown(path, user.pw_uid, user.pw_gid)


def _user(name: str) -> pwd.struct_passwd | None:
    """Return the account to run under; None for our own."""
    if not name:
        return None
    if os.getuid() != 0:
        raise StartError(f"only an agent that runs as root can run a job as {name!r}")
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise StartError(f"the user {name!r} does not exist on this host") from None


def _spawn(words: list[str], env: dict[bytes, bytes], files: tuple[tuple[int, int], ...]) -> int:
    """Start a program as ourselves, without copying this process."""
    actions = [(os.POSIX_SPAWN_DUP2, old, new) for old, new in files]
    return os.posix_spawn(
        words[0],
        words,
        env,
        file_actions=actions,
        setsid=True,
        setsigmask=[],
        setsigdef=[*_DEFAULT_SIGNALS, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT],
    )


def _fork_as(user: pwd.struct_passwd) -> Spawn:
    """Return a function like `_spawn` that starts the program as another user."""

    def spawn(words: list[str], env: dict[bytes, bytes], files: tuple[tuple[int, int], ...]) -> int:
        reading, writing = os.pipe()
        try:
            pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            raise
        if pid == 0:
            _become_and_exec(user, words, env, files, writing)
        os.close(writing)
        failure = os.read(reading, 16)
        os.close(reading)
        if failure:
            os.waitpid(pid, 0)
            raise OSError(int(failure), os.strerror(int(failure)))
        return pid

    return spawn


def _become_and_exec(
    user: pwd.struct_passwd,
    words: list[str],
    env: dict[bytes, bytes],
    files: tuple[tuple[int, int], ...],
    failure: int,
) -> None:
    try:
        os.setsid()
        for number in (*_DEFAULT_SIGNALS, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        for old, new in files:
            os.dup2(old, new)
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        os.execve(words[0], words, env)  # noqa: S606 - that is its task
    except OSError as error:
        os.write(failure, str(error.errno).encode())
    except ValueError:  # a name or value that no environment can hold
        os.write(failure, str(errno.EINVAL).encode())
    finally:
        os._exit(EXEC_FAILED)


if __name__ == "__main__":
    main()
