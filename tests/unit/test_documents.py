"""Files that are made from declarations, and files that must agree with each other."""

import configparser
import importlib
import re
import subprocess
from pathlib import Path

import pytest

import jobarranger
from jobarranger import messages
from jobarranger.config.document import documents

ROOT = Path(__file__).parents[2]

#: Every page that people read.
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "tests/**/*.md", "benchmarks/*.md")
    for page in ROOT.glob(pattern)
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
#: Columns of a line of prose.
_WIDTH = 120
#: Blocks of code, between fences or indented; the blank line before them belongs to prose.
_BLOCK = re.compile(r"^ *```.*?^ *```$|(?<=\n\n)(?: {4,}(?![*-] ).*\n)+", re.MULTILINE | re.DOTALL)
#: Words that readers would have to learn first, and what pages say instead.
_PLAIN = {
    "worked in": "processed",
    "lack": "is missing, does not have",
    "lacks": "is missing, does not have",
    "lacking": "without",
    "in hand": "in progress",
    "told": "reported, shown, described",
    "tells": "says, shows",
}


@pytest.mark.parametrize(("name", "content"), list(documents().items()), ids=list(documents()))
def test_generated_files_are_current(name: str, content: str) -> None:
    """`make docs` would change nothing."""
    assert (ROOT / name).read_text() == content


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as they are made by the usual viewers."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """To a file that exists, and to a heading that it has."""
    for target in _LINK.findall(_CODE.sub("", page.read_text())):
        name, _, anchor = target.partition("#")
        if "://" in target:
            continue
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_pages_name_exist(page: Path) -> None:
    """A page that sends its reader to a source file must not send him to one that has moved."""
    for name in re.findall(
        r"`((?:jobarranger|processes|ipc|tests|conf)/[\w./-]+)`", page.read_text()
    ):
        assert (ROOT / name).exists(), name


def too_long(text: str) -> list[str]:
    """Return the lines of prose that are too long; rows of tables, code and bare links may be."""
    prose = _BLOCK.sub("", text).splitlines()
    return [
        line
        for line in prose
        if len(line) > _WIDTH and not line.lstrip().startswith("|") and " " in line.strip(" *")
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_prose_is_wrapped(page: Path) -> None:
    """So that it can be read in any terminal, and a change shows the line it changes."""
    assert too_long(page.read_text()) == []


def test_only_prose_must_be_wrapped() -> None:
    """A long line is found in a paragraph and in a list; code and tables stay as they are."""
    words = "word " * 30
    page = f"{words}\n\n* {words}\n\n    {words}\n\n```\n{words}\n```\n\n| {words} |\n"
    assert too_long(page) == [words, f"* {words}"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_use_common_words(page: Path) -> None:
    """Names in code, such as that of the table `ja_ext_told`, are not words."""
    words = " ".join(_CODE.sub("", page.read_text()).split())
    found = [word for word in _PLAIN if re.search(rf"\b{word}\b", words)]
    assert {word: _PLAIN[word] for word in found} == {}


def test_the_index_lists_every_page() -> None:
    """What is not listed is not found."""
    listed = set(_LINK.findall((ROOT / "docs/index.md").read_text()))
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert pages - {"index.md"} <= listed


def test_messages_that_pages_speak_of_are_raised() -> None:
    """A page must not send people to look for a message that does not exist."""
    known = set(messages.declared())
    for page in PAGES:
        assert set(re.findall(r"\bJA[A-Z]+[0-3]\d{5}\b", page.read_text())) <= known, page


def test_every_declared_message_is_raised_somewhere() -> None:
    """The list of messages promises nothing that never happens."""
    sources = [
        path.read_text()
        for top in ("jobarranger", "processes")
        for path in (ROOT / top).rglob("*.py")
        if path.parent.name != "messages"
    ]
    used = set(re.findall(r"\bJA[A-Z]+\d{6}\b", "\n".join(sources)))
    assert set(messages.declared()) <= used


def test_the_changelog_describes_this_version() -> None:
    """It is the newest one in it."""
    headings = [x for x in (ROOT / "CHANGELOG.md").read_text().splitlines() if x[:3] == "## "]
    assert headings[0].startswith(f"## [{jobarranger.__version__}]")


@pytest.mark.parametrize(
    "script",
    [
        *sorted((ROOT / "conf").glob("init.d/*")),
        ROOT / "conf/alert/jasender.sh",
        ROOT / "conf/monitor/jasender_monitor.sh",
    ],
    ids=lambda path: path.name,
)
def test_shell_scripts_are_executable_and_well_formed(script: Path) -> None:
    """As far as the shell itself can know."""
    assert script.stat().st_mode & 0o111
    subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.parametrize(
    ("unit", "mode"),
    [("jobarg-server", "mixed"), ("jobarg-agentd", "process"), ("jobarg-monitor", "process")],
)
def test_units_notify_and_stop_as_they_must(unit: str, mode: str) -> None:
    """Running jobs outlive the agent; the server's children do not outlive the server."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(ROOT / f"conf/systemd/{unit}.service")
    assert (parser["Service"]["Type"], parser["Service"]["KillMode"]) == ("notify", mode)


@pytest.mark.parametrize(("kind", "word"), list(enumerate(["INFO", "CRIT", "ERROR", "WARN"])))
def test_the_alert_program_takes_eight_arguments(kind: int, word: str, tmp_path: Path) -> None:
    """With a mail program in place it sends one line that says everything."""
    mail = tmp_path / "mail"
    mail.write_text(f'#!/bin/sh\necho "$2" > {tmp_path}/subject; cat > {tmp_path}/body\n')
    mail.chmod(0o755)
    script = tmp_path / "jasender.sh"
    shipped = (ROOT / "conf/alert/jasender.sh").read_text()
    script.write_text(shipped.replace("MAIL_TO=\n", "MAIL_TO=root\n"))
    arguments = ["u", "NET", "2026/11/22 00:00:00", "JA1", str(kind), "it's", "", "/NET/J"]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["sh", script, *arguments], check=True, env=environment)
    assert (tmp_path / "subject").read_text() == f"Job Arranger: {word} JA1\n"
    wanted = f"[2026/11/22 00:00:00] [{word}] [JA1] it's (user=u jobnet=NET job=/NET/J)\n"
    assert (tmp_path / "body").read_text() == wanted
    assert subprocess.run(["sh", script, *arguments[:7]], check=False).returncode == 1


@pytest.mark.parametrize(("kind", "word"), [(1, "ERROR"), (2, "ERROR"), (3, "CRIT"), (4, "CRIT")])
def test_the_monitors_sender_program_passes_its_line_on(
    kind: int, word: str, tmp_path: Path
) -> None:
    """Whatever the kind; without anything set up it does nothing, and well."""
    mail = tmp_path / "mail"
    mail.write_text(f'#!/bin/sh\necho "$2" > {tmp_path}/subject; cat > {tmp_path}/body\n')
    mail.chmod(0o755)
    script = tmp_path / "jasender_monitor.sh"
    shipped = (ROOT / "conf/monitor/jasender_monitor.sh").read_text()
    script.write_text(shipped.replace("MAIL_TO=\n", "MAIL_TO=root\n"))
    arguments = [str(kind), "C", "S", "NET", "u", "2026/11/22 00:00", "", "[JA1] it's"]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["sh", script, *arguments], check=True, env=environment)
    assert (tmp_path / "subject").read_text() == f"Job Arranger: {word}\n"
    assert (tmp_path / "body").read_text() == "[JA1] it's\n"
    subprocess.run([ROOT / "conf/monitor/jasender_monitor.sh", *arguments], check=True)
    assert subprocess.run(["sh", script, "9", *arguments[1:]], check=False).returncode == 1


def test_every_command_has_a_main_and_a_link() -> None:
    """Entry points name functions that exist, and `make install` links what people call."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    makefile = (ROOT / "Makefile").read_text()
    for line in parser["options.entry_points"]["console_scripts"].split("\n"):
        if line:
            command, _, target = line.partition(" = ")
            module, _, function = target.partition(":")
            assert callable(getattr(importlib.import_module(module), function))
            assert command.removeprefix("jobarg_") in makefile
