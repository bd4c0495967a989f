"""jobarg_def and jobarg_ctl as real processes on a real database."""

import json
import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select

from jobarranger.clock import SystemClock
from jobarranger.db import tables as t
from jobarranger.db.definitions import valid_header
from jobarranger.db.ids import IdPool
from jobarranger.directory import EmbeddedDirectory
from jobarranger.loading.load import load_requests
from jobarranger.loading.requests import StartRequest, register
from jobarranger.states import RunType
from tests.shell import Shell

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "conf" / "demo" / "hello.yaml"


@pytest.fixture
def shell(database, tmp_path):
    """Give a shell on a fresh database."""
    return Shell(database, tmp_path)


def test_import_makes_the_first_version_valid_only(shell):
    """The first version is put in force, a second one is not unless asked for."""
    assert "in force" in shell("jobarg_def import", DEMO)
    first = shell.db.read(lambda conn: valid_header(conn, "HELLO"))["update_date"]
    assert "not in force" in shell("jobarg_def import", DEMO)
    assert shell.db.read(lambda conn: valid_header(conn, "HELLO"))["update_date"] == first
    shell("jobarg_def import", DEMO, "--enable")
    third = shell.db.read(lambda conn: valid_header(conn, "HELLO"))["update_date"]
    assert third > first
    shell(f"jobarg_def enable HELLO {first}")
    assert shell.db.read(lambda conn: valid_header(conn, "HELLO"))["update_date"] == first
    listing = shell("jobarg_def list").splitlines()
    assert [line[0] for line in listing] == ["*", " ", " "]
    audit = shell.db.read(lambda conn: conn.execute(select(t.ext_audit)).all())
    assert [(row.actor_source, row.target) for row in audit] == [("jobarg_def", "HELLO")] * 4


def test_pause_and_resume(shell):
    """What is paused is listed with its reason, and resumed by the same words."""
    assert shell("jobarg_ctl pauses") == "nothing is paused\n"
    shell("jobarg_ctl pause --reason", "new disks", "--minutes", "5")
    shell("jobarg_ctl pause --host web01 --reason kernel")
    assert "paused already" in shell("jobarg_ctl pause --reason x", code=1)
    assert "no version in force" in shell("jobarg_ctl pause --jobnet NIX --reason x", code=1)
    listing = shell("jobarg_ctl pauses")
    assert re.search(r"^all starts +20\S+ \S+ +20\S+ \S+ +\S+ +new disks$", listing, re.MULTILINE)
    assert re.search(r"^host web01 .* - +\S+ +kernel *$", listing, re.MULTILINE)
    first, second = json.loads(shell("jobarg_ctl pauses --json"))["pauses"]
    assert (first["scope"], first["name"], first["reason"]) == ("all", None, "new disks")
    assert (second["scope"], second["name"], second["until"]) == ("host", "web01", None)
    assert shell("jobarg_ctl resume") == "all starts: resumed\n"
    assert "jobnet A is not paused" in shell("jobarg_ctl resume --jobnet A", code=1)
    assert shell("jobarg_ctl resume --everything") == "host web01: resumed\n"
    shell("jobarg_ctl pause", code=2)
    shell("jobarg_ctl pause --reason x --minutes 0", code=2)


def test_a_host_that_cannot_be_meant_is_reported(shell):
    """A slip in its name would pause nothing; no name is no host."""
    unknown = "jobarg_ctl: warning: nobody knows host wbe01"
    assert unknown in shell("jobarg_ctl pause --host wbe01 --reason kernel")
    shell("jobarg_ctl host add web01 127.0.0.1")
    assert shell("jobarg_ctl pause --host web01 --reason kernel") == "host web01: paused\n"
    for name in ("", "x" * 129):
        for action in ("pause --reason x", "resume"):
            out = shell(f"jobarg_ctl {action} --host", name, code=2)
            assert f"'{name}' has not from 1 to 128 characters" in out


def test_purge_counts_and_removes_nothing(shell):
    """Every kind has a line; without --dry-run the call is refused."""
    version = {"request_id": "old", "inner_jobnet_id": 7, "at": 0}
    shell.db.transaction(lambda unit: unit.execute(t.ext_request.insert().values(**version)))
    lines = dict(line.split("\t") for line in shell("jobarg_ctl purge --dry-run").splitlines())
    assert lines["start requests"] == "1"
    assert {number for kind, number in lines.items() if kind != "start requests"} == {"0"}
    shell("jobarg_ctl purge", code=2)
    assert "start requests\t1" in shell("jobarg_ctl purge --dry-run")


def test_import_is_all_or_nothing(shell, tmp_path):
    """One bad file in a directory: one line, exit code 1, nothing is stored."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.yaml").write_text(DEMO.read_text())
    (tmp_path / "in" / "b.yaml").write_text("jobnet: X\nowner: o\nicons: {}\nflows: []\n")
    output = shell("jobarg_def import", tmp_path / "in", code=1)
    assert output.count("\n") == 1
    assert "b.yaml" in output
    assert "start icon" in output
    assert shell("jobarg_def list") == ""


def nested(directory, **inner):
    """Write a file for each jobnet, with an icon for each jobnet inside; return the directory."""
    directory.mkdir(exist_ok=True)
    for name, links in inner.items():
        icons = {f"SUB-{number}": link for number, link in enumerate(links)}
        lines = ["  START: {type: start}", "  END: {type: end}"]
        lines += [f"  {icon}: {{type: jobnet, jobnet: {link}}}" for icon, link in icons.items()]
        flow = " -> ".join(["START", *icons, "END"])
        text = f"jobnet: {name}\nowner: o\nicons:\n" + "\n".join(lines) + f"\nflows: [{flow}]\n"
        (directory / f"{name}.yaml").write_text(text)
    return directory


def test_inner_jobnets_must_be_in_force(shell, tmp_path):
    """A jobnet is put in force when those inside are: come together, came before, or by force."""
    outer = nested(tmp_path / "outer", OUTER=["INNER"])
    output = shell("jobarg_def import", outer, code=1)
    assert "jobnet OUTER: icon SUB-0 names the jobnet INNER, which has no version" in output
    assert shell("jobarg_def list") == ""
    shell("jobarg_def import --no-enable", outer)
    assert "INNER" in shell("jobarg_def enable OUTER", code=1)
    shell("jobarg_def enable OUTER --force")
    shell("jobarg_def import", nested(tmp_path / "both", OUTER=["INNER"], INNER=[]))
    shell("jobarg_def enable OUTER")


def test_jobnets_that_contain_each_other_are_refused(shell, tmp_path):
    """The chain is named, also when a new version of an inner jobnet closes the circle."""
    both = nested(tmp_path / "both", A=["B"], B=["A"])
    assert "contain each other: A -> B -> A" in shell("jobarg_def import", both, code=1)
    shell("jobarg_def import", nested(tmp_path / "good", A=["B"], B=["C"], C=[]))
    bad = nested(tmp_path / "bad", C=["A"])
    for option in (" --enable", " --no-enable"):
        output = shell(f"jobarg_def import{option}", bad, code=1)
        assert output == "jobarg_def: jobnets contain each other: C -> A -> B -> C\n"
    assert "A -> A" in shell("jobarg_def import", nested(tmp_path / "own", A=["A"]), code=1)
    shell("jobarg_def import --enable", nested(tmp_path / "turned", A=[], B=["A"], C=["B"]))


def test_what_is_enabled_is_checked(shell):
    """A version that others have drawn is put in force if it can run, or by force."""
    shell("jobarg_def import", DEMO)
    cut = delete(t.flow_control).where(t.flow_control.c.start_job_id == "JOB-1")
    shell.db.transaction(lambda unit: unit.execute(cut))
    output = shell("jobarg_def enable HELLO", code=1)
    assert output.startswith("jobarg_def: jobnet HELLO (version ")
    assert "0 flows lead out of JOB-1" in output
    assert "in force" in shell("jobarg_def enable HELLO --force")


def test_what_is_exported_can_be_imported(shell, tmp_path):
    """An export is the version in force, or any other; imported it gives the same export."""
    shell("jobarg_def import", DEMO, nested(tmp_path / "more", A=["B"], B=[]))
    text = shell("jobarg_def export HELLO A")
    assert text.count("---") == 1
    (tmp_path / "again.yaml").write_text(text.replace("Greet", "Salute"))
    shell("jobarg_def import", tmp_path / "again.yaml")
    assert shell("jobarg_def export HELLO A") == text
    newest = [line.split() for line in shell("jobarg_def list").splitlines() if "HELLO" in line][-1]
    assert "Salute" in shell(f"jobarg_def export HELLO --version {newest[1]}")
    assert "no version 7; existing" in shell("jobarg_def export HELLO --version 7", code=1)
    assert "jobnet NONE does not exist; for other kinds write calendar:NAME" in shell(
        "jobarg_def export NONE", code=1
    )


def test_the_examples_of_the_docs_can_be_put_in_force(shell, tmp_path):
    """What docs/definitions.md shows is imported together, with the jobnets inside others."""
    text = (ROOT / "docs" / "definitions.md").read_text()
    examples = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "docs.yaml").write_text("---\n".join(examples))
    output = shell("jobarg_def import", tmp_path / "docs.yaml")
    assert output.count(", in force\n") == len(examples) == output.count("\n")


def test_odd_drawings_are_reported(shell, tmp_path):
    """What may be meant passes with a warning."""
    file = tmp_path / "odd.yaml"
    file.write_text(
        "jobnet: ODD\nowner: o\nicons: {START: {type: start}, M: {type: parallel-start},"
        " E1: {type: end}, E2: {type: end}}\nflows: [START -> M -> E1, M -> E2]\n"
    )
    output = shell("jobarg_def import", file)
    assert "warning: jobnet ODD.flows: E1 and E2 can both be reached in one run" in output
    assert "in force" in output


def test_hosts(shell):
    """Hosts are added, seen, disabled and removed."""
    shell("jobarg_ctl host add web1 192.0.2.1 --port 10055")
    assert shell("jobarg_ctl host list") == "web1\t192.0.2.1\t10055\t-\t1\n"
    assert "exists already" in shell("jobarg_ctl host add web1 192.0.2.2", code=1)
    shell("jobarg_ctl host disable web1")
    found = shell.db.read(lambda conn: EmbeddedDirectory().hosts(conn, ["web1", "web2", "WEB1"]))
    assert set(found) == {"web1"}
    assert (found["web1"].port, found["web1"].ssh_port, found["web1"].enabled) == (
        10055,
        None,
        False,
    )
    shell("jobarg_ctl host remove web1")
    assert "does not exist" in shell("jobarg_ctl host remove web1", code=1)


def test_users_and_groups(shell, tmp_path):
    """A user with a password and a group may work, and use what his group owns."""
    shell("jobarg_ctl group add ops")
    (tmp_path / "secret").write_text("correct horse\n")
    shell("jobarg_ctl user add ann --group ops --password-file", tmp_path / "secret")
    shell("jobarg_ctl user add bob --type super", JOBARG_PASSWORD="from environment")
    shell("jobarg_ctl user add cyd", given="from input\n")
    directory = EmbeddedDirectory()

    def known(conn, name):
        user = directory.user(conn, name)
        assert user is not None
        return user

    def check(conn):
        ann, bob, cyd = (known(conn, name) for name in ("ann", "bob", "cyd"))
        assert directory.user(conn, "nobody") is None
        assert directory.verify(ann, "correct horse")
        assert not directory.verify(ann, "wrong horse")
        assert directory.verify(bob, "from environment")
        assert directory.verify(cyd, "from input")
        assert [directory.is_enabled(user) for user in (ann, bob, cyd)] == [True, False, False]
        assert directory.may_use(conn, ann, "ann", 0)
        assert not directory.may_use(conn, cyd, "ann", 0)
        assert directory.may_use(conn, bob, "ann", 0)

    shell.db.read(check)
    shell("jobarg_ctl user passwd ann", given="another one\n")
    shell("jobarg_ctl group join ops cyd")

    def check_again(conn):
        assert directory.verify(known(conn, "ann"), "another one")
        assert directory.may_use(conn, known(conn, "cyd"), "ann", 0)

    shell.db.read(check_again)
    lines = shell("jobarg_ctl user list").splitlines()
    assert [line.split("\t")[-1] for line in lines] == ["ops", "-", "ops"]
    assert "$2b$" not in "".join(lines)
    assert "at least" in shell("jobarg_ctl user passwd ann", given="abc\n", code=1)
    assert "does not exist" in shell("jobarg_ctl group join ops eve", code=1)


def test_runs_are_shown(shell):
    """A registered, then loaded run is listed and shown with its icons."""
    shell("jobarg_def import", DEMO)
    request = StartRequest(jobnet_id="HELLO", execution_user_name="ann")
    (number,) = register(shell.db, IdPool(shell.db), [request], SystemClock())
    (row,) = json.loads(shell("jobarg_ctl jobnet list --json"))["runs"]
    assert (row["registry"], row["status"]) == (number, "registered")
    load_requests(shell.db, IdPool(shell.db), SystemClock(), ZoneInfo("UTC"))
    run = json.loads(shell(f"jobarg_ctl jobnet show {number} --json"))
    assert (run["status"], run["ended"], run["in_error"]) == ("scheduled", False, False)
    assert {icon["path"] for icon in run["icons"]} >= {"HELLO/START", "HELLO/JOB-1"}
    assert "HELLO" in shell("jobarg_ctl jobnet list --active")
    assert "JOB-3" in shell(f"jobarg_ctl jobnet show {number}")
    assert "no run" in shell("jobarg_ctl jobnet show 5", code=1)


def test_a_missing_database_is_one_line(shell, tmp_path):
    """A SQLite file that does not exist is not created by looking at it."""
    shell.config.write_text(f"DBType=sqlite\nDBFile={tmp_path / 'none.db'}\n")
    output = shell("jobarg_ctl host list", code=1)
    assert output.count("\n") == 1
    assert "jobarg_db init" in output
    assert not (tmp_path / "none.db").exists()


def test_nothing_to_resolve(shell):
    """Without an unknown outcome there is nothing to list and nothing to decide."""
    assert shell("jobarg_ctl icon unknown") == ""
    assert "unknown" in shell("jobarg_ctl icon resolve 5 --ended 0", code=1)


def test_runs_and_icons_are_operated(shell):
    """Icons are named by run and path; the trail names the system's user; refusals are one line."""
    shell("jobarg_def import", DEMO)
    clock, zone = SystemClock(), ZoneInfo("UTC")
    request = StartRequest(
        jobnet_id="HELLO", run_type=RunType.IMMEDIATE, execution_user_name="demo"
    )
    (run,) = register(shell.db, IdPool(shell.db), [request], clock, zone)
    load_requests(shell.db, IdPool(shell.db), clock, zone)
    shell(f"jobarg_ctl icon hold {run}/JOB-1")
    assert "that has been done already" in shell(f"jobarg_ctl icon hold {run}/JOB-1", code=1)
    shell(f"jobarg_ctl icon release {run}/JOB-1")
    shell(f"jobarg_ctl icon skip {run}/JOB-2")
    refused = shell(f"jobarg_ctl icon rerun {run}/JOB-3", code=1)
    assert refused.count("\n") == 1
    assert "it is BEGIN, not RUNERR" in refused
    assert "is cancelled" in shell(f"jobarg_ctl jobnet abort {run}")
    assert "is over" in shell(f"jobarg_ctl jobnet abort {run}", code=1)
    rows = shell.db.read(lambda conn: conn.execute(select(t.ext_audit)).all())
    done = [row.action for row in rows if row.action.partition(" ")[0] in {"icon", "jobnet"}]
    assert done == ["icon hold", "icon release", "icon skip", "jobnet abort"]
    assert all(row.actor_user for row in rows)
