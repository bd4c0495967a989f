"""What commands show of runs: what fits the terminal, durations, secrets, and the promised JSON."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from jobarranger.commands import picture, runjson
from jobarranger.commands.showable import HIDDEN, is_secret, without_secrets
from jobarranger.waiting import Need, Reason, Why
from jobarranger.waiting.view import IconView, RunView


def icon(number, status="END", **more):
    """Return an icon of a run."""
    base = {
        "inner_job_id": number, "path": f"NET/I-{number}", "depth": 0, "name": "", "type": "job",
        "status": status, "held": False, "skipped": False, "overdue": False, "start_time": 0,
        "end_time": 0,
    }  # fmt: skip
    return IconView(**{**base, **more})


def run(*icons, **more):
    """Return a run."""
    base = {
        "registry": 7, "jobnet_id": "NET", "jobnet_name": "a net", "status": "running",
        "ended": False, "in_error": False, "run_type": 1, "scheduled_time": 0, "start_time": 0,
        "end_time": 0, "user": "ann", "owner": "bob",
    }  # fmt: skip
    return RunView(**{**base, **more}, icons=icons)


def why(reason=Reason.HELD, number=1, **more):
    """Return a reason."""
    data = {"path": f"NET/I-{number}", "registry": 7, "since": "08:00:00", "at": f"7/I-{number}"}
    base = {"reason": reason, "subject": number, "path": f"NET/I-{number}", "need": Need.OPERATOR}
    return Why(**{**base, "data": data, **more})


def drawn(shown, width=100, height=24):
    """Return what a terminal of that size shows."""
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=False)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_time_limit_of_a_run_is_reported():
    """And that it is exceeded; a run without one says nothing of it."""
    assert "limit" not in drawn(picture.run_table(run()))
    assert "running (time limit 30 min)" in drawn(picture.run_table(run(time_limit=30)))
    over = run(time_limit=30, overrun=True)
    assert "running (over its time limit of 30 min)" in drawn(picture.run_table(over))


def test_a_picture_fits_its_terminal():
    """Troubles and icons at work stay, ended ones are left out first, and counted."""
    held = why(number=40)
    icons = [icon(n) for n in range(38)]
    icons += [
        icon(38, "RUN"),
        icon(39, "BEGIN"),
        icon(40, "READY", held=True, why=held, cause=held),
    ]
    console = Console(file=io.StringIO(), width=80, height=20, force_terminal=True)
    lines = drawn(picture.live_picture(run(*icons), console, 0), 80).splitlines()
    assert len(lines) < 20
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert all(name in text for name in ("I-38", "I-39", "I-40", "more", "icon release 7/I-40"))
    assert "I-37" not in text


def test_a_tree_is_indented():
    """Icons of sub-jobnets stand below their icon, to the right."""
    text = drawn(picture.run_table(run(icon(1), icon(2, depth=1), icon(3, depth=2))))
    assert re.findall(r"│( *)I-", text) == [" ", "   ", "     "]


def test_the_cause_stands_behind_the_reason():
    """Unless the reason says all, or the next icon is at work and has a row of its own."""
    held, blocked = why(), why(Reason.REGISTERED, 2, causes=(1,))
    far = icon(2, "BEGIN", why=blocked, cause=held)
    assert "<- NET/I-1: on hold since 08:00:00" in picture.icon_line(far)
    assert "<-" not in picture.icon_line(icon(1, "READY", why=held, cause=held))
    works = why(need=Need.TIME)
    assert "<-" not in picture.icon_line(icon(2, "BEGIN", why=blocked, cause=works))


@pytest.mark.parametrize(
    ("ms", "shown"),
    [(0, "0.0 s"), (59_940, "59.9 s"), (61_000, "1:01"), (3_661_000, "1:01:01")],
)
def test_durations(ms, shown):
    """Tenths of seconds below a minute; what goes on is shown in whole seconds."""
    assert shown in drawn(picture.run_table(run(icon(1, started_at=5, ended_at=5 + ms))))
    assert "7 s" in drawn(picture.run_table(run(icon(1, "RUN", started_at=0)), now=7_900))


@pytest.mark.parametrize(
    "name",
    ["PASSWORD", "DB_PASSWORD", "db_passwd", "PASSPHRASE", "SECRET", "client_secret", "API_TOKEN",
     "APIKEY", "PRIVATE_KEY", "AWS_ACCESS_KEY", "DB_PASS", "PW", "ROOT_PWD", "CREDENTIALS"],
)  # fmt: skip
def test_secrets_are_hidden(name):
    """A variable whose name shows that it is a secret shows no value."""
    assert without_secrets({name: "x", "PATH": "/bin"}) == {name: HIDDEN, "PATH": "/bin"}


@pytest.mark.parametrize("name", ["JOB_EXIT_CD", "STD_OUT", "COMPASS", "KEY", "PASSED", "OWNER"])
def test_other_variables_are_shown(name):
    """Words that only look alike are no secrets."""
    assert not is_secret(name)


def test_the_json_is_what_the_documentation_promises():
    """Every field stands in docs/commands.md, and nothing that stands there is missing."""
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    page = page[page.index("### JSON") : page.index("A password never stands")]
    held = why()
    shown = run(icon(1, "READY", held=True, why=held, cause=held), why=held)
    whole = runjson.one_icon(shown, shown.icons[0], {}, {})
    fields = {*whole, *whole["icon"], *whole["icon"]["why"], "icons"}
    assert fields <= set(re.findall(r"`\"?([a-z_]+)\"?[`:]", page)) | {"schema", "icon"}
    tables = page[page.index("| field of a RUN") :]
    reported = {
        name
        for line in tables.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])
    }
    assert reported <= fields
