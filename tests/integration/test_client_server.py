"""The four commands against a real trapper and database: what people see of its answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.states import IconStatus, JobType, UserType
from tests import trapper_rig as rigs
from tests.integration.client_process import EXEC, GET, LOG, NEEDED, RELEASE, Done, failure, run
from tests.trapper_rig import Rig, trapper

NUMBER = 1600000000000000042
REFUSED = "Error: the server refuses the request: message [{}]"
PLAIN = "Error: response message: {}"
NOT_AUTHENTICATED = "authentication failure"

Ask = Callable[..., Done]


def against_server(
    database: Database, tmp_path: Path, check: Callable[[Rig, Ask], None], extra: str = ""
) -> None:
    """Run a check in a thread while a trapper serves; `ask` runs a command as a user."""

    async def main() -> None:
        async with trapper(database, tmp_path, extra=extra) as rig:

            def ask(
                command: str, *arguments: str, user: str = "oper", password: str = "pw"
            ) -> Done:
                common = ["-z", "127.0.0.1", "-p", str(rig.port), "-U", user, "-P", password]
                return run(command, *common, *arguments)

            def work() -> None:
                people(rig)
                check(rig, ask)

            await asyncio.to_thread(work)

    asyncio.run(main())


def people(rig: Rig) -> None:
    """Add users of every kind, and jobnets."""
    rigs.add_user(rig, "oper", "pw", "operators")
    rigs.add_user(rig, "colleague", "pw", "operators")
    rigs.add_user(rig, "stranger", "pw", "others")
    rigs.add_user(rig, "super", "pw", "admins", user_type=UserType.SUPER)
    rigs.add_user(rig, "disabled", "pw", "operators", enabled=False)
    rigs.add_user(rig, "alone", "pw", None)
    rigs.add_jobnet(rig, "NET", "oper")
    rigs.add_jobnet(rig, "OPEN", "oper", public=True)
    rigs.add_jobnet(rig, "OLD", "oper", valid=False)


def test_exec(database: Database, tmp_path: Path) -> None:
    """The number, the rows behind it, and every refusal in the server's words."""

    def check(rig: Rig, ask: Ask) -> None:
        done = ask(EXEC, "-jNET", "-t203001312359", "-D")
        found = re.fullmatch(r"jobarg_exec \[PID\]: Registry number :  \[(\d{19})\]\n", done.err)
        assert found, done
        assert (done.code, done.out) == (0, "")
        row = rig.rows(select(t.run_jobnet))[0]
        assert row.inner_jobnet_id == row.inner_jobnet_main_id == int(found[1])
        assert (row.scheduled_time, row.initial_scheduled_time) == (203001312359, 203001312359)
        assert (row.run_type, row.status, row.main_flag) == (4, 0, 0)
        assert (row.execution_user_name, row.user_name) == ("oper", "oper")

        for user in ("colleague", "super"):
            assert ask(EXEC, "-jNET", user=user).code == 0
        assert ask(EXEC, "-jOPEN", user="stranger").code == 0
        assert ask(EXEC, "-jNET", "-t203001312359").code == 0  # without -D

        def refused(words: str, *arguments: str, **who: str) -> None:
            assert ask(EXEC, *arguments, **who) == failure(EXEC, REFUSED.format(words))

        refused(NOT_AUTHENTICATED, "-jNET", password="wrong")
        refused(NOT_AUTHENTICATED, "-jNET", user="nobody")
        refused(NOT_AUTHENTICATED, "-jNET", user="disabled")
        refused(NOT_AUTHENTICATED, "-jNET", user="alone")
        refused(NOT_AUTHENTICATED, "-jNET", user="stranger")
        refused(NOT_AUTHENTICATED, "-jOLD", user="super")
        refused(NOT_AUTHENTICATED, "-jNONE", user="super")
        refused("jobnet [NET] is already registered for [203001312359]", "-jNET", "-Dt203001312359")
        refused(
            "the start time [200001010000] is not 60 s in the future", "-jNET", "-t200001010000"
        )
        refused("the start time [189912312359] is not a valid time", "-jNET", "-t189912312359")
        assert len(rig.rows(select(t.run_jobnet))) == 5

    against_server(database, tmp_path, check)


def show(state: str, job_state: str, *, run_type: str = "IMMEDIATE", last: str = "") -> str:
    """Return what jobarg_get shows to people."""
    return (
        "\n\n"
        "jobnetid                 : NET\n"
        "jobnetname               : NET\n"
        "Time of a schedule       : 203001312359\n"
        "Time of a start          : 20240105101504\n"
        "Time of a end            : 0\n"
        f"The run type of a jobnet : {run_type}\n"
        f"Status of a jobnet       : {state}\n"
        f"Status of a job          : {job_state}\n"
        f"Last job return value    : {last and '3'}\n"
        f"Last job standard output : {last}\n"
        f"Last job standard error  : {last and 'err'}\n"
    )


def test_get(database: Database, tmp_path: Path) -> None:
    """Every state with its words and exit code, the last job's values, and the refusals."""
    states = [
        (0, 0, 0, "BEGIN", "NORMAL"),
        (1, 0, 1, "READY", "NORMAL"),
        (2, 0, 2, "RUN", "NORMAL"),
        (2, 1, 21, "RUN", "TIMEOUT"),
        (2, 2, 22, "RUN", "ERROR"),
        (3, 0, 3, "END", "NORMAL"),
        (4, 2, 4, "RUNERR", "ERROR"),
        (5, 2, 5, "ENDERR", "ERROR"),
    ]

    def check(rig: Rig, ask: Ask) -> None:
        times = {"scheduled_time": 203001312359, "start_time": 20240105101504}
        for number, (status, job, *_) in enumerate(states, start=NUMBER):
            rigs.add_run(rig, number, "NET", "oper", status=status, job_status=job, **times)
        for number, (*_, code, word, job_word) in enumerate(states, start=NUMBER):
            assert ask(GET, "-r", str(number)) == Done(code, "", show(word, job_word))
        for kind, name in enumerate(["NORMAL", "IMMEDIATE", "WAIT", "TEST", "TIME", "JOB"]):
            rigs.add_run(rig, 100 + kind, "NET", "oper", run_type=kind, job_status=0, **times)
            reported = show("RUN", "NORMAL", run_type=name)
            assert ask(GET, "-r", str(100 + kind)) == Done(2, "", reported)
        rigs.add_icon(rig, 7, NUMBER + 5, "END-1", JobType.END, status=int(IconStatus.END))
        values = {"JOB_EXIT_CD": "3", "STD_OUT": "out\nü日😀", "STD_ERR": "err", "OTHER": "x"}
        rig.add(
            t.run_value_before,
            *(
                {
                    "inner_job_id": 7,
                    "inner_jobnet_id": NUMBER + 5,
                    "value_name": name,
                    "before_value": value,
                }
                for name, value in values.items()
            ),
        )
        reported = show("END", "NORMAL", last="out\nü日😀")
        assert ask(GET, "-r", str(NUMBER + 5)) == Done(3, "", reported)

        def refused(words: str, *arguments: str, **who: str) -> None:
            assert ask(GET, *arguments, **who) == failure(GET, REFUSED.format(words))

        for wrong in ("99", "", "0", "9" * 30):
            refused("there is no run with this registry number", "-r", wrong)
        refused(NOT_AUTHENTICATED, "-r", "99", password="wrong")
        # who may not see a run is not told whether there is one
        for unseen in (str(NUMBER), "99"):
            refused("there is no run with this registry number", "-r", unseen, user="stranger")

    against_server(database, tmp_path, check)


def test_get_of_a_run_that_is_not_loaded(database: Database, tmp_path: Path) -> None:
    """It has not begun; nobody has to wait for the loader."""

    def check(rig: Rig, ask: Ask) -> None:
        started = ask(EXEC, "-jNET", "-t203001312359")
        number = re.findall(r"\[(\d+)\]", started.err)[0]
        text = show("BEGIN", "NORMAL", run_type="TIME").replace("20240105101504", "0")
        assert ask(GET, "-r", number) == Done(0, "", text)

    against_server(database, tmp_path, check)


def held(rig: Rig, number: int, jobnet_id: str = "NET", owner: str = "oper", **values: int) -> None:
    """Add a running jobnet with a held icon J and a free one F."""
    rigs.add_run(rig, number, jobnet_id, owner, **values)
    for icon, name, method in ((number * 10, "J", 1), (number * 10 + 1, "F", 0)):
        rigs.add_icon(
            rig, icon, number, name, JobType.JOB, status=int(IconStatus.READY), method_flag=method
        )


def test_release(database: Database, tmp_path: Path) -> None:
    """One run, all runs, those of a day; and every refusal in the server's words."""

    def check(rig: Rig, ask: Ask) -> None:
        def methods() -> list[int]:
            query = select(t.run_job.c.method_flag).where(t.run_job.c.job_id == "J")
            return [row[0] for row in rig.rows(query.order_by(t.run_job.c.inner_job_id))]

        for number, day in ((11, 20240105), (12, 20240105), (13, 20240106)):
            held(rig, number, start_time=day * 1_000_000 + 101504)
        held(rig, 21, "THEIRS", "super")

        def refused(words: str, *arguments: str, **who: str) -> None:
            assert ask(RELEASE, *arguments, **who) == failure(RELEASE, PLAIN.format(words))

        refused(NOT_AUTHENTICATED, "-jNET/J", password="wrong")
        refused(NOT_AUTHENTICATED, "-jNET/J", user="disabled")
        for path in ("NET", "/J", "NET/", ""):
            refused("the path must have the form <jobnet id>/<job id>", "-j", path)
        for wrong in ("0", "x", ""):
            refused("the registry number must be greater than 0", "-jNET/J", "-r", wrong)
        for time in ("2024", "", "20240105101504"):
            refused("the start time must have 8 or 12 digits", "-jNET/J", "-t", time)
        refused("[NET/NO] does not exist in run 11", "-jNET/NO", "-r11")
        refused("[NET/F] is not on hold in run 11", "-jNET/F")
        refused("there is no running jobnet [NONE] that fits", "-jNONE/J")
        refused("there is no running jobnet [NET] that fits", "-jNET/J", "-t20240104")
        refused("there is no running jobnet [NET] that fits", "-jNET/J", "-r21")
        refused("there is no running jobnet [THEIRS] that fits", "-jTHEIRS/J")
        # who may not use a run is not told whether there is one
        refused("there is no running jobnet [THEIRS] that fits", "-jTHEIRS/J", "-r21")
        assert methods() == [1, 1, 1, 1]

        def done(listed: str) -> Done:
            return Done(0, "", f"jobarg_release [PID]: inner_jobnet_id: {listed}\n")

        assert ask(RELEASE, "-jNET/J", "-r12", "-t", "x") == done('[ "12" ]')
        assert methods() == [1, 0, 1, 1]
        refused("[NET/J] is not on hold in run 12", "-jNET/J")
        assert ask(RELEASE, "-jNET/J", "-t202401061015") == done('[ "13" ]')
        held(rig, 14, start_time=20240105101504)
        again = t.run_job.update().where(t.run_job.c.inner_job_id.in_([120, 130]))
        rig.db.transaction(lambda unit: unit.execute(again.values(method_flag=1)))
        listed = '[ "11", "12", "13", "14" ]'
        assert ask(RELEASE, "-jNET/J", user="colleague") == done(listed)
        assert methods() == [0, 0, 0, 0, 1]
        assert ask(RELEASE, "--job-id=THEIRS/J", user="super") == done('[ "21" ]')

    against_server(database, tmp_path, check)


HEADER = (
    '"log date","inner jobnet main id","inner jobnet id","run type","public flag","jobnet id",'
    '"job id","message id","message","jobnet name","job name","user name","update date",'
    '"return code"\n'
)
BEGUN = (
    '"2024/01/05 10:15:04.120","1600000000000000042","1600000000000000042","1","0","NET","",'
    '"JC00000001","Jobnet has begun.","the ""net""","","oper","2024/01/01 00:00:00",""\n'
)
ENDED = (
    '"2024/01/05 10:15:04.999","1600000000000000042","43","1","0","SUB","JOB-1","JC00000004",'
    '"Job has ended.","sub, net","job 日本","oper","2024/01/01 00:00:00","3"\n'
)
THEIRS = (
    '"2024/01/06 00:00:00.000","1600000000000000050","1600000000000000050","0","1","OPEN","",'
    '"JC00000001","Jobnet has begun.","OPEN","","super","2024/01/01 00:00:00",""\n'
)
SECRET = (
    '"2024/01/06 00:00:00.001","1600000000000000060","1600000000000000060","0","0","SECRET","",'
    '"JC00000001","Jobnet has begun.","SECRET","","super","2024/01/01 00:00:00",""\n'
)


def logged(rig: Rig) -> None:
    """Write the log, not in the order in which it is shown, and texts of our own."""
    rig.db.transaction(lambda unit: unit.execute(t.define_run_log_message.delete()))
    for message_id, text in (("JC00000001", "Jobnet has begun."), ("JC00000004", "Job has ended.")):
        row = {"message_id": message_id, "lang": "en_gb", "message": text, "log_type": 1}
        rig.add(t.define_run_log_message, row)
    base = {
        "update_date": 20240101000000,
        "method_flag": 0,
        "jobnet_status": 2,
        "public_flag": 0,
        "run_type": 0,
        "job_id": None,
        "job_name": None,
        "return_code": None,
        "message_id": "JC00000001",
    }
    main = NUMBER
    rest: dict[str, object] = {"run_type": 1, "user_name": "oper"}
    rows: list[dict[str, object]] = [
        {"log_date": 20240106000000001, "inner_jobnet_id": 1600000000000000060}
        | {"jobnet_id": "SECRET", "jobnet_name": "SECRET", "user_name": "super"},
        {"log_date": 20240106000000000, "inner_jobnet_id": 1600000000000000050, "public_flag": 1}
        | {"jobnet_id": "OPEN", "jobnet_name": "OPEN", "user_name": "super"},
        {"log_date": 20240105101504999, "inner_jobnet_id": 43, "inner_jobnet_main_id": main}
        | {"jobnet_id": "SUB", "jobnet_name": "sub, net", "job_id": "JOB-1", "return_code": "3"}
        | {"job_name": "job 日本", "message_id": "JC00000004"}
        | rest,
        {"log_date": 20240105101504120, "inner_jobnet_id": main}
        | {"jobnet_id": "NET", "jobnet_name": 'the "net"'}
        | rest,
    ]
    for row in rows:
        rig.add(t.run_log, base | {"inner_jobnet_main_id": row["inner_jobnet_id"]} | row)


def test_joblogput(database: Database, tmp_path: Path) -> None:
    """Lines by number, range and expressions, of what the user may see; and every refusal."""

    def check(rig: Rig, ask: Ask) -> None:
        logged(rig)
        whole = ["-s20240105", "-e20240106"]

        def shown(lines: str, *arguments: str, **who: str) -> None:
            assert ask(LOG, *arguments, **who) == Done(0, HEADER + lines, "")

        shown(BEGUN + ENDED, "-r", str(NUMBER))
        shown(BEGUN + ENDED, "-r", str(NUMBER), "-s19990101", "-e19990101")
        shown(BEGUN + ENDED + THEIRS + SECRET, *whole, user="super")
        shown(BEGUN + ENDED + THEIRS, *whole)
        shown(THEIRS, *whole, user="stranger")
        shown(BEGUN + ENDED, "-s202401051015", "-e202401051015")
        shown("", "-s20240107", "-e20240108")
        shown("", "-r99")
        shown(ENDED, *whole, "-n^SUB$")
        shown(BEGUN, *whole, "-n", "^N[[:alpha:]]{2}$")
        shown("", *whole, "-nnet")
        shown(ENDED, *whole, "-j", "")  # an empty job id fits nothing
        shown(ENDED, *whole, "-jOB-[0-9]")
        shown(THEIRS, *whole, "-u", "^sup|none")
        shown("", *whole, "-u(")

        def refused(words: str, *arguments: str, **who: str) -> None:
            assert ask(LOG, *arguments, **who) == failure(LOG, PLAIN.format(words))

        refused("a range of times or a registry number is needed")
        refused("a range of times or a registry number is needed", "-s20240105", "-jJ")
        refused("[20241301] is not a valid time", "-s20241301")
        refused("[2024] is not a valid time", *whole, "-e2024", password="wrong")
        refused("[20240105 101] is not a valid time", "-s20240105 101", "-r1")
        refused("the beginning of the range is later than its end", "-s20240106", "-e20240105")
        for number in ("0", "x", ""):
            refused("the registry number must be greater than 0", "-r", number)
        refused(NOT_AUTHENTICATED, "-r1", password="wrong")
        refused(NOT_AUTHENTICATED, user="disabled")

    against_server(database, tmp_path, check)


def test_the_users_name_is_no_sql(database: Database, tmp_path: Path) -> None:
    """A crafted name is a name like any other."""
    crafted = "x' OR '1'='1"

    def check(rig: Rig, ask: Ask) -> None:
        for command, text in ((EXEC, REFUSED), (GET, REFUSED), (RELEASE, PLAIN), (LOG, PLAIN)):
            done = ask(command, *NEEDED[command], user=crafted)
            assert done == failure(command, text.format(NOT_AUTHENTICATED))

    against_server(database, tmp_path, check)
