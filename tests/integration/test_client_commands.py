"""The four commands as processes: every byte of both outputs and the exit code.

The server is a scripted one, so that all its answers can be had, also those that no server gives.
`PID` in an expected text stands for the process id of the command, the only thing that varies.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ipc.frames import encode
from jobarranger import __version__
from tests.integration.client_process import (
    ALL,
    EXEC,
    GET,
    LOG,
    NEEDED,
    RELEASE,
    SECONDS,
    Done,
    call,
    failure,
    run,
)
from tests.integration.scripted_server import CLOSE, RESET, SILENCE, Step, reply, scripted

USAGE = {
    EXEC: (
        "usage: jobarg_exec [-hV] -z <server> [-p <port>] -U <user-name> -P <password>"
        " -j <jobnet-id> [-t <YYYYMMDDHHMM>] [-E <environment-variables>,...] [-D]\n"
    ),
    GET: (
        "usage: jobarg_get [-hV] -z <server> [-p <port>] -U <user-name> -P <password>"
        " -r <registry-number> [-e]\n"
    ),
    RELEASE: (
        "usage: jobarg_release [-hV] -z <server> [-p <port>] -U <user-name> -P <password>"
        " -j <jobnet-id/job-id> [-t <YYYYMMDD>|<YYYYMMDDHHMM>] [-r <registry-number>]\n"
    ),
    LOG: (
        "usage: jobarg_joblogput [-hV] -z <server> [-p <port>] -U <user-name> -P <password>"
        " [-s <YYYYMMDD>|<YYYYMMDDHHMM>] [-e <YYYYMMDD>|<YYYYMMDDHHMM>] [-n <jobnet-id>]"
        " [-j <job-id>] [-u <target-user>] [-r <registry-number>]\n"
    ),
}


def answer(command: str, *arguments: str, step: Step, **options: Any) -> Done:
    """Run a command against a server that answers with `step`."""
    with scripted(step) as server:
        done = run(command, *NEEDED[command], *arguments, port=server.port, **options)
        here = f"127.0.0.1:{server.port}"
    return Done(done.code, done.out, done.err.replace(here, "SERVER"))


# -- what all have in common ---------------------------------------------------------------------

HELP = {
    EXEC: """\
  -j, --jobnet-id <jobnet-id>                which jobnet
  -t, --start-time <YYYYMMDDHHMM>            start it then, in the server's time; at least a minute ahead
  -E, --environment-variables <name,...>     variables of this environment to hand to the jobnet
  -D, --deterrence                           with -t: refuse a second registration for the same time
""",  # noqa: E501
    GET: """\
  -r, --registry-number <registry-number>    number that jobarg_exec printed
  -e, --variable-format                      print shell variables on standard output
""",
    RELEASE: """\
  -j, --job-id <jobnet-id/job-id>            path of the held icon
  -t, --start-time <YYYYMMDD[HHMM]>          only in runs that started then
  -r, --registry-number <registry-number>    only in this run
""",
    LOG: """\
  -s, --from-time <YYYYMMDD[HHMM]>           first moment
  -e, --to-time <YYYYMMDD[HHMM]>             last moment
  -n, --jobnet-id <jobnet-id>                expression for the jobnet id
  -j, --job-id <job-id>                      expression for the job id
  -u, --target-user <target-user>            expression for the owner
  -r, --registry-number <registry-number>    one run
""",
}  # fmt: skip
COMMON_HELP = """\
  -z, --jobarranger-server <server>          host name or address of the job server
  -p, --port <port>                          its port (default 10061)
  -U, --user-name <user-name>                user name
  -P, --password <password>                  password; safer: --password-file, or the variable JOBARG_PASSWORD
      --password-file <file>                 file whose first line it is
"""  # noqa: E501
LAST_HELP = """\
  -h, --help                                 show this help
  -V, --version                              show the version
"""
TITLES = {
    EXEC: "Job Arranger Jobnet execution",
    GET: "Job Arranger Jobnet status get",
    RELEASE: "Job Arranger Job hold release",
    LOG: "Job Arranger Job log output",
}


@pytest.mark.parametrize("command", ALL)
def test_help_version_and_wrong_usage(command: str) -> None:
    """Help and version go to the standard output; the code is 255 as for errors."""
    pages = f"{USAGE[command]}\n{COMMON_HELP}{HELP[command]}{LAST_HELP}"
    assert run(command, "-hV") == run(command, "--help", "-x") == Done(255, pages, "")
    python = ".".join(map(str, sys.version_info[:3]))
    assert run(command, "-V") == Done(
        255, f"{TITLES[command]} v{__version__}\nPython {python}\n", ""
    )
    reported = f"jobarg_{command} [PID]: Error: option '-x' is not known\n"
    assert run(command, "-x", "-h") == Done(255, USAGE[command], reported)
    reported = f"jobarg_{command} [PID]: Error: option '-U' needs a value\n"
    assert run(command, "-U") == Done(255, USAGE[command], reported)


@pytest.mark.parametrize("command", ALL)
def test_mandatory_options(command: str) -> None:
    """One that is missing gives the usage and no word; an empty value is a value."""
    whole = ["-z", "h", "-U", "u", "-P", "p", *([] if command == LOG else NEEDED[command])]
    for place in range(0, len(whole), 2):
        rest = whole[:place] + whole[place + 2 :]
        assert run(command, *rest) == Done(255, USAGE[command], "")
    reported = "Error: cannot connect to :10061: the address is empty"
    assert run(command, "-z", "", "-U", "", "-P", "", *NEEDED[command]) == failure(
        command, reported
    )


def test_forms_of_options() -> None:
    """Long, short, joined, shortened and repeated ones, among words that are no options."""
    with scripted([REGISTERED]) as server:
        done = run(
            EXEC,
            *["word", "--jobarranger-server#127.0.0.1", "-p1", f"--po={server.port}", "-"],
            *["--user", "nobody", "-U", "op=er", "-Psec#ret", "--jobnet-id=OLD", "-Dj", "NET"],
            *["--start#203001312359", "--", "-jOTHER", "--nothing"],
        )
        assert server.data() == {
            "username": "op=er",
            "password": "sec#ret",
            "jobnetid": "NET",
            "start_time": "203001312359",
            "deterrence": "1",
        }
    assert done.code == 0


@pytest.mark.parametrize("command", ALL)
def test_ports(command: str) -> None:
    """Ports of the system are an error in all, 0 in two of them."""
    whole = ["-z", "127.0.0.1", "-U", "u", "-P", "p", *NEEDED[command]]
    wrong = ["1", "1023", "66000"] + ["0", "x"] * (command in {RELEASE, LOG})
    for port in wrong:
        reported = f"Error: port [{port}] is out of range (1024-65535)"
        assert run(command, *whole, "-p", port) == failure(command, reported)


@pytest.mark.parametrize("command", [EXEC, GET])
def test_port_0_is_the_default(command: str) -> None:
    """Then the name of nobody is looked for at 10061."""
    done = run(command, "-z", "127.0.0.1 x", "-U", "u", "-P", "p", "-p", "text", *NEEDED[command])
    assert done.err.startswith(
        f"jobarg_{command} [PID]: Error: cannot connect to 127.0.0.1 x:10061: [Errno -"
    )
    assert (done.code, done.out) == (255, "")


@pytest.mark.parametrize("command", ALL)
def test_nobody_listens(command: str) -> None:
    """A refused connection is an error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = run(command, *NEEDED[command], port=port)
    reported = f"Error: cannot connect to 127.0.0.1:{port}: [Errno 111] Connection refused"
    assert done == failure(command, reported)


@pytest.mark.parametrize("command", ALL)
def test_silence_is_a_warning(command: str) -> None:
    """When the time is over, whatever has been received."""
    steps: list[Step] = [[SILENCE], [b"ZBXD\x01\x50", SILENCE]]
    for step in steps:
        reported = "Warning: no reply from SERVER within 0.5 s"
        assert answer(command, step=step, limit=0.5) == failure(command, reported)


KINDS = {EXEC: "jobnetrun-res", GET: "jobnetstatusrq-res", RELEASE: "response", LOG: "response"}


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize(
    ("step", "text"),
    [
        ([CLOSE], "connection closed without a complete reply"),
        ([b"ZBXD\x01\x50\0\0\0\0\0\0\0{", CLOSE], "connection closed without a complete reply"),
        ([RESET], "[Errno 104] Connection reset by peer"),
        (
            [encode(b"nonsense")],
            "the server's answer cannot be understood: 8 bytes that are not JSON",
        ),
        ([encode(b"[]")], "the server's answer is not a JSON object"),
        ([encode(b"{}")], "the server's answer is of kind [] instead of [KIND]"),
        (
            [reply("jobrun-res", {"result": 0})],
            "the server's answer is of kind [jobrun-res] instead of [KIND]",
        ),
        (
            [reply("KIND", None)],
            "the server's answer cannot be understood: key [data] is missing or not usable",
        ),
    ],
)
def test_answers_without_sense(command: str, step: list[bytes | str], text: str) -> None:
    """Each is reported in one line."""
    kind = KINDS[command]
    mended: Step = [
        encode(part[13:].replace(b"KIND", kind.encode()))
        if isinstance(part, bytes) and b"KIND" in part
        else part
        for part in step
    ]
    reported = failure(command, f"Error: {text.replace('KIND', kind)}")
    assert answer(command, step=mended) == reported


@pytest.mark.parametrize("command", ALL)
def test_another_version_of_the_protocol(command: str) -> None:
    """It is not guessed at."""
    step = [reply(KINDS[command], {"result": 1, "message": "m", "joblog": []}, version=2)]
    reported = "Error: the server speaks version 2 of the protocol"
    assert answer(command, step=step) == failure(command, reported)


REFUSED = {
    EXEC: "Error: the server refuses the request: message [no, 日本]",
    GET: "Error: the server refuses the request: message [no, 日本]",
    RELEASE: "Error: response message: no, 日本",
    LOG: "Error: response message: no, 日本",
}


@pytest.mark.parametrize("command", ALL)
def test_refusals(command: str) -> None:
    """The server's words stand at the end of the line, as UTF-8 in any locale."""
    code = 1 if command in {EXEC, GET} else -1
    step = [reply(KINDS[command], {"result": code, "message": "no, 日本", "joblog": []})]
    assert answer(command, step=step) == failure(command, REFUSED[command])
    step = [reply("jobresult-res", {"result": 1, "message": "no, 日本"})]
    assert answer(command, step=step) == failure(command, REFUSED[command])


@pytest.mark.parametrize("command", ALL)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_signals(command: str, number: signal.Signals) -> None:
    """They end a waiting command with 255 and no word."""
    with scripted([SILENCE]) as server:
        process = subprocess.Popen(
            [*call(command), "-z127.0.0.1", f"-p{server.port}", "-Uu", "-Pp", *NEEDED[command]],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert server.asked.wait(SECONDS)
        process.send_signal(number)
        assert process.communicate(timeout=SECONDS) == (b"", b"")
        assert process.returncode == 255


def test_places_of_the_password(tmp_path: Path) -> None:
    """-P wins over the file, the file over the variable; process lists show none of them."""
    file = tmp_path / "secret"
    file.write_text("from file\r\nsecond line\n")
    variable = {"JOBARG_PASSWORD": "from variable"}
    good = [reply("jobnetrun-res", {"result": 0, "message": "Registry number :  [7]"})]
    given = [
        ["-P", ""],
        ["-P", "p", "--password-file", "/nowhere"],
        ["--password-file", str(file)],
        [],
    ]
    with scripted(*[good] * 4) as server:
        base = ["-z", "127.0.0.1", "-p", str(server.port), "-U", "oper", "-j", "NET"]
        for more in given:
            assert run(EXEC, *base, *more, environment=variable).code == 0
        found = [server.data(number)["password"] for number in range(4)]
    assert found == ["", "p", "from file", "from variable"]
    missing = tmp_path / "missing"
    done = run(EXEC, *base, "--password-file", str(missing))
    reported = f"Error: password file [{missing}] cannot be read: No such file or directory"
    assert done == failure(EXEC, reported)
    file.write_bytes(b"\xff")
    done = run(EXEC, *base, "--password-file", str(file))
    assert done == failure(EXEC, f"Error: password file [{file}] is not UTF-8 text")


def test_the_process_list_shows_no_password() -> None:
    """As soon as the command asks, its password is blanked in its own command line."""
    with scripted([SILENCE]) as server:
        arguments = ["-z127.0.0.1", f"-p{server.port}", "-Uoper", "-Phidden", "-rPQ", "-r42"]
        process = subprocess.Popen([*call(GET), *arguments[:4], *arguments[5:]])
        assert server.asked.wait(SECONDS)
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes().rstrip(b"\0").decode()
        process.terminate()
        assert process.wait(SECONDS) == 255
    assert line == (
        f"jobarg_get --jobarranger-server 127.0.0.1 --port {server.port} --user-name oper"
        " --password xxxxxxxx --registry-number 42"
    )


# -- jobarg_exec ---------------------------------------------------------------------------------

REGISTERED = reply(
    "jobnetrun-res", {"result": 0, "message": "Registry number :  [1600000000000000042]"}
)


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        ([], {}),
        (["-D"], {}),
        (["-t", "203001312359"], {"start_time": "203001312359", "deterrence": "0"}),
        (["-Dt203001312359"], {"start_time": "203001312359", "deterrence": "1"}),
        (["-E", "ONE,,TWO,"], {"env": {"ONE": "1 日本", "TWO": ""}}),
        (["-E", ""], {}),
        (["-E", ","], {}),
    ],
)
def test_exec(arguments: list[str], more: dict[str, object]) -> None:
    """The server's line goes to the standard error; only what was given is sent."""
    with scripted([REGISTERED]) as server:
        done = run(
            EXEC,
            "-jNET",
            *arguments,
            port=server.port,
            environment={"ONE": "1 日本", "TWO": ""},
        )
    reported = "jobarg_exec [PID]: Registry number :  [1600000000000000042]\n"
    assert done == Done(0, "", reported)
    assert server.data() == {"username": "oper", "password": "secret", "jobnetid": "NET"} | more


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ["-t", "2030013123"],
            "Error: start time [2030013123] is not a time of the form YYYYMMDDHHMM",
        ),
        (
            ["-t", "203001312360"],
            "Error: start time [203001312360] is not a time of the form YYYYMMDDHHMM",
        ),
        (["-E", "HOME,NONE"], "Error: environment variable [NONE] does not exist"),
        (["-E", "HOME, HOME"], "Error: environment variable [ HOME] does not exist"),
    ],
)
def test_exec_checks_before_it_asks(arguments: list[str], text: str) -> None:
    """Then nothing is sent."""
    done = run(EXEC, "-z", "nowhere.invalid", "-Uu", "-Pp", "-jN", *arguments)
    assert done == failure(EXEC, text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"result": 0}, "the server's answer has no [message]"),
        (
            {"message": "x"},
            "the server's answer cannot be understood: key [result] is missing or not usable",
        ),
        ({"result": 7, "message": "x"}, "the server refuses the request: message [x]"),
    ],
)
def test_exec_needs_a_whole_answer(data: object, text: str) -> None:
    """Without the number's line nothing counts as started."""
    step = [reply("jobnetrun-res", data)]
    assert answer(EXEC, step=step) == failure(EXEC, f"Error: {text}")


# -- jobarg_get ----------------------------------------------------------------------------------

STATUS = {
    "result": 0,
    "jobnetid": "NIGHTLY",
    "jobnetname": "nächtlicher Lauf 日本",
    "scheduled_time": 0,
    "start_time": 20240105101504,
    "end_time": 20240105101604,
    "jobnetruntype": 1,
    "jobentstatus": 3,
    "jobstatus": 0,
    "lastexitcd": "0",
    "laststdout": "line 1\r\nline 2\n",
    "laststderr": 'quoted "text" \\ $HOME `id`',
}
READABLE = (
    "\n\n"
    "jobnetid                 : NIGHTLY\n"
    "jobnetname               : nächtlicher Lauf 日本\n"
    "Time of a schedule       : 0\n"
    "Time of a start          : 20240105101504\n"
    "Time of a end            : 20240105101604\n"
    "The run type of a jobnet : IMMEDIATE\n"
    "Status of a jobnet       : END\n"
    "Status of a job          : NORMAL\n"
    "Last job return value    : 0\n"
    "Last job standard output : line 1\r\nline 2\n\n"
    'Last job standard error  : quoted "text" \\ $HOME `id`\n'
)
ASSIGNMENTS = (
    'export JA_JOBNETID="NIGHTLY"\n'
    'export JA_JOBNETNAME="nächtlicher Lauf 日本"\n'
    'export JA_SCHEDULEDTIME="0"\n'
    'export JA_STARTTIME="20240105101504"\n'
    'export JA_ENDTIME="20240105101604"\n'
    'export JA_JOBNETRUNTYPE="IMMEDIATE"\n'
    'export JA_JOBNETSTATUS="END"\n'
    'export JA_JOBSTATUS="NORMAL"\n'
    'export JA_LASTEXITCD="0"\n'
    'export JA_LASTSTDOUT="line 1\r\nline 2\n"\n'
    'export JA_LASTSTDERR="quoted \\"text\\" \\\\ \\$HOME \\`id\\`"\n'
)


def status(**changes: object) -> Step:
    """Return the answer with a state."""
    return [reply("jobnetstatusrq-res", STATUS | changes)]


def test_get_formats() -> None:
    """For people on the standard error, for the shell on the standard output."""
    with scripted(status(), status()) as server:
        assert run(GET, "-r42", port=server.port) == Done(3, "", READABLE)
        assert run(GET, "-er", "42", port=server.port) == Done(3, ASSIGNMENTS, "")
        asked = {"username": "oper", "password": "secret", "registrynumber": "42"}
        assert [server.data(0), server.data(1)] == [asked, asked]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_shell_reads_back_what_a_job_wrote(shell: str, tmp_path: Path) -> None:
    """`eval` gives every value as it is and runs nothing of it."""
    evil = f"$(touch {tmp_path}/run) `touch {tmp_path}/run` \"; touch {tmp_path}/run; \\\n'!\\\\"
    printed = answer(GET, "-e", step=status(laststdout=evil, laststderr="ü\t*")).out
    script = f'{printed}\nprintf "%s|%s" "$JA_LASTSTDOUT" "$JA_LASTSTDERR"'
    done = subprocess.run([shell, "-c", script], capture_output=True, check=True, timeout=SECONDS)
    assert done.stdout.decode() == f"{evil}|ü\t*"
    assert not (tmp_path / "run").exists()


RUN_TYPES = ["NORMAL", "IMMEDIATE", "WAIT", "TEST", "TIME", "JOB"]
STATES = ["BEGIN", "READY", "RUN", "END", "RUNERR", "ENDERR", "ABORT"]
JOB_STATES = ["NORMAL", "TIMEOUT", "ERROR"]


def test_get_words_and_exit_codes() -> None:
    """Every value of the three codes has its word; the exit code is the state of the run."""
    steps, expected = [], []
    for number in range(len(STATES) * len(JOB_STATES)):
        state, job = divmod(number, len(JOB_STATES))
        kind = number % len(RUN_TYPES)
        steps.append(status(jobentstatus=state, jobstatus=job, jobnetruntype=kind))
        words = (
            f'export JA_JOBNETRUNTYPE="{RUN_TYPES[kind]}"\n'
            f'export JA_JOBNETSTATUS="{STATES[state]}"\n'
            f'export JA_JOBSTATUS="{JOB_STATES[job]}"\n'
        )
        head, tail = ASSIGNMENTS.partition('export JA_JOBNETRUNTYPE="IMMEDIATE"\n')[::2]
        text = head + words + tail.partition('export JA_JOBSTATUS="NORMAL"\n')[2]
        expected.append(Done({(2, 1): 21, (2, 2): 22}.get((state, job), state), text, ""))
    with scripted(*steps) as server:
        assert [run(GET, "-er42", port=server.port) for _ in steps] == expected


@pytest.mark.parametrize("key", ["jobnetruntype", "jobentstatus", "jobstatus"])
@pytest.mark.parametrize("value", [-1, 7])
def test_get_of_an_unknown_code(key: str, value: int) -> None:
    """It is named; the exit code is 255."""
    reported = failure(GET, f"Error: the server sent a value of [{key}] that is not known: {value}")
    assert answer(GET, "-e", step=status(**{key: value})) == reported


@pytest.mark.parametrize("key", [key for key in STATUS if not key.startswith("last")])
def test_get_needs_a_whole_answer(key: str) -> None:
    """A key that is missing is named."""
    data = {name: value for name, value in STATUS.items() if name != key}
    text = f"the server's answer cannot be understood: key [{key}] is missing or not usable"
    done = answer(GET, step=[reply("jobnetstatusrq-res", data)])
    assert done == failure(GET, f"Error: {text}")


def test_get_takes_texts_for_numbers() -> None:
    """And the last job's values may be missing."""
    changes: dict[str, object] = {
        "start_time": "20240105101504",
        "jobentstatus": "2",
        "version": "1",
    }
    data = {key: value for key, value in STATUS.items() if not key.startswith("last")} | changes
    done = answer(GET, "-e", step=[reply("jobnetstatusrq-res", data)])
    assert done.code == 2
    assert 'JA_STARTTIME="20240105101504"\n' in done.out
    assert done.out.endswith('JA_LASTEXITCD=""\nexport JA_LASTSTDOUT=""\nexport JA_LASTSTDERR=""\n')


def test_get_checks_the_number_while_it_reads() -> None:
    """Digits only, found wrong before anything else is missed; an empty one goes to the server."""
    reported = failure(GET, "Error: registry number [12x] is not a number")
    assert run(GET, "-r", "12x") == run(GET, "-r12x", "-h") == reported
    with scripted([reply("jobnetstatusrq-res", {"result": 1, "message": "none"})]) as server:
        done = run(GET, "-r", "", port=server.port)
        assert server.data()["registrynumber"] == ""
    assert done == failure(GET, "Error: the server refuses the request: message [none]")


# -- jobarg_release ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "listed"),
    [
        (["1600000000000000042"], '[ "1600000000000000042" ]'),
        (["1", "2"], '[ "1", "2" ]'),
        ([], "[ ]"),
    ],
)
def test_release(ids: list[str], listed: str) -> None:
    """The list goes to the standard error as it came."""
    done = answer(RELEASE, step=[reply("response", {"inner_jobnet_id": ids, "result": 0})])
    assert done == Done(0, "", f"jobarg_release [PID]: inner_jobnet_id: {listed}\n")


def test_release_sends_what_was_given() -> None:
    """Nothing is checked here."""
    good = [reply("response", {"inner_jobnet_id": [], "result": 0})]
    with scripted(good, good) as server:
        run(RELEASE, "-jNET/J", port=server.port)
        run(RELEASE, "-jNET", "-t", "x", "-r", "y", port=server.port)
        who = {"username": "oper", "password": "secret"}
        assert server.data(0) == who | {"jobid": "NET/J"}
        assert server.data(1) == who | {"jobid": "NET", "start_time": "x", "inner_jobnet_id": "y"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"inner_jobnet_id": ["1"]}, "the server's answer has no [result]"),
        (
            {"inner_jobnet_id": ["1"], "result": 1},
            "the server's answer has the unknown [result] 1",
        ),
        (
            {"inner_jobnet_id": ["x"], "result": 0},
            "the server's list of runs holds something else than numbers",
        ),
        ({"inner_jobnet_id": ["1"], "result": -1, "message": "m"}, "response message: m"),
        ({"result": -1}, "response message: "),
    ],
)
def test_release_that_is_none(data: object, text: str) -> None:
    """Only `result` 0 is success."""
    step = [reply("response", data)]
    assert answer(RELEASE, step=step) == failure(RELEASE, f"Error: {text}")


# -- jobarg_joblogput ----------------------------------------------------------------------------


def test_joblogput() -> None:
    """The lines go to the standard output as they came; the header alone is success, too."""
    lines = ['"log date","message"', '"2024/01/05 10:15:04.120","日本 ""x""\nsecond"']
    with scripted(
        [reply("response", {"joblog": lines})],
        [reply("response", {"joblog": lines[:1], "result": 0})],
        [reply("response", {"joblog": []})],
    ) as server:
        text = '"log date","message"\n"2024/01/05 10:15:04.120","日本 ""x""\nsecond"\n'
        assert run(LOG, "-r1", port=server.port) == Done(0, text, "")
        assert run(LOG, port=server.port) == Done(0, '"log date","message"\n', "")
        long = ["--from=20240101", "--to-time", "202401022359", "--jobnet#N", "--job-id=J"]
        assert run(LOG, *long, "-uU", "-r", "x", port=server.port) == Done(0, "", "")
        who = {"username": "oper", "password": "secret"}
        assert server.data(0) == who | {"registry_number": "1"}
        assert server.data(1) == who
        times = {"from_time": "20240101", "to_time": "202401022359"}
        rest = {"jobnetid": "N", "jobid": "J", "target_user": "U", "registry_number": "x"}
        assert server.data(2) == who | times | rest


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, "the server's answer has no [joblog]"),
        ({"joblog": [], "result": 5}, "the server's answer has the unknown [result] 5"),
        ({"joblog": ["x"], "result": -1, "message": "m"}, "response message: m"),
    ],
)
def test_joblogput_that_is_none(data: object, text: str) -> None:
    """A refusal prints no lines."""
    step = [reply("response", data)]
    assert answer(LOG, step=step) == failure(LOG, f"Error: {text}")


def test_output_that_cannot_be_written() -> None:
    """A full disk, or a reader that has gone, is one line and 255."""
    for target, text in (("/dev/full", "No space left on device"), (None, "Broken pipe")):
        with scripted([reply("response", {"joblog": ["x" * 100_000]})]) as server:
            reader, writer = os.pipe() if target is None else (-1, os.open(target, os.O_WRONLY))
            if target is None:
                os.close(reader)
            process = subprocess.Popen(
                [*call(LOG), "-z127.0.0.1", f"-p{server.port}", "-Uu", "-Pp", "-r1"],
                stdout=writer,
                stderr=subprocess.PIPE,
                text=True,
            )
            os.close(writer)
            _, err = process.communicate(timeout=SECONDS)
        reported = (
            f"jobarg_joblogput [{process.pid}]: Error: the output cannot be written: {text}\n"
        )
        assert (process.returncode, err) == (255, reported)


def test_closed_outputs() -> None:
    """Without a standard error there is still the exit code; lines that go nowhere are an error."""
    answers = [status(jobentstatus=2), [reply("response", {"joblog": ["x"]})]]
    with scripted(*answers) as server:
        arguments = ["-z127.0.0.1", f"-p{server.port}", "-Uu", "-Pp", "-r1"]
        shell = 'exec "$@" 2>&-'
        asked = subprocess.run(
            ["sh", "-c", shell, "sh", *call(GET), *arguments], timeout=SECONDS, check=False
        )
        assert asked.returncode == 2
        shell = 'exec "$@" >&-'
        lost = subprocess.run(
            ["sh", "-c", shell, "sh", *call(LOG), *arguments],
            timeout=SECONDS,
            capture_output=True,
            check=False,
        )
    assert lost.returncode == 255
    assert lost.stderr.endswith(b"Error: the output cannot be written: Bad file descriptor\n")
    with scripted(status(jobentstatus=2)) as server, Path("/dev/full").open("wb") as full:
        arguments[1] = f"-p{server.port}"
        asked = subprocess.run([*call(GET), *arguments], timeout=SECONDS, stderr=full, check=False)
    assert asked.returncode == 255
