"""Writes the pages and sample files that are made from declarations.

`python -m jobarranger.config.document [ROOT]` writes docs/parameters.md, docs/messages.md,
docs/files.md, the sample configurations and the message catalogue into the source tree; a test
compares them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from textwrap import wrap

from jobarranger import messages
from jobarranger.config import source_files
from jobarranger.config.agent_parameters import PARAMETERS as AGENT
from jobarranger.config.monitor_parameters import PARAMETERS as MONITOR
from jobarranger.config.parameters import Parameter
from jobarranger.config.server_parameters import PARAMETERS as SERVER
from jobarranger.messages import Kind, Message

#: The top of the source tree that this module stands in.
_SOURCES = Path(__file__).parents[2]
_NOTE = "<!-- Made by `make docs`; change the declarations, not this page. -->"
_IMPORTANCE = {
    Kind.INFORMATION: "information",
    Kind.CRITICAL: "critical",
    Kind.ERROR: "error",
    Kind.WARNING: "warning",
    Kind.DEBUG: "debug",
}


def documents() -> dict[str, str]:
    """Return the content of every generated file by its path in the source tree."""
    return {
        "docs/parameters.md": _parameters_page(),
        "docs/messages.md": _messages_page(),
        "docs/files.md": source_files.page(_SOURCES, _NOTE),
        "conf/jobarg_server.conf": _sample("the job server, jobarg_server", SERVER),
        "conf/jobarg_agentd.conf": _sample("the agent, jobarg_agentd", AGENT),
        "conf/jobarg_monitor.conf": _sample("the monitor, jobarg_monitor", MONITOR, _INCLUDE),
        "conf/locale/logmessage_64BIT.txt": _catalogue(),
    }


def main(arguments: Sequence[str] = ()) -> None:
    """Write all files below the given directory (the current one if none is given)."""
    root = Path(arguments[0]) if arguments else Path.cwd()
    for name, content in documents().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(path)


def _parameters_page() -> str:
    return "\n".join(
        [
            "# Parameters",
            "",
            _NOTE,
            "",
            _GRAMMAR,
            "## Server: `jobarg_server.conf`",
            "",
            *_tables(SERVER),
            "## Monitor: `jobarg_monitor.conf`",
            "",
            *_tables(MONITOR),
            "## Agent: `jobarg_agentd.conf`",
            "",
            *_tables(AGENT),
        ]
    )


_GRAMMAR = """\
The files have one `Parameter=value` a line. Blanks around name and value do not count. Empty lines
and lines that begin with `#` are skipped; a `#` further right belongs to the value. Names are
case-sensitive. There is no quoting. If a parameter is given more than once, the last value counts.
An empty value is the same as none where there is no default, and an error elsewhere.

`Include=PATH` takes in another file, or every file of a directory in the order of their names
(hidden files and backups like `x~`, `x.bak` or `x.rpmsave` excepted), at the place where it
stands, to ten levels. A path that cannot be read is an error.

Numbers are decimal digits; `K`, `M`, `G` or `T` behind them multiplies by 1024 once to four times.
All paths must be absolute. What is wrong is reported in one line with file, line, parameter, value
and rule, and the daemon does not start. A parameter that no daemon knows is ignored with a warning
that says which name was probably meant. Changes need a restart, except those of the message
catalogue.

"new" marks what the original 3.0.0 did not have.
"""


def _tables(parameters: Sequence[Parameter]) -> Iterator[str]:
    for group, members in groupby(parameters, key=lambda parameter: parameter.group):
        yield f"### {group}"
        yield ""
        yield "| parameter | value | default | effect |"
        yield "| --- | --- | --- | --- |"
        for parameter in members:
            name = f"`{parameter.name}`" + ("" if parameter.since == "original" else " (new)")
            rule = parameter.rule
            yield f"| {name} | {rule} | {_default(parameter)} | {parameter.help} |"
        yield ""


def _default(parameter: Parameter) -> str:
    if parameter.mandatory:
        return "must be set"
    if parameter.default is None:
        return "none"
    return f"`{parameter.default}`" if parameter.default else "empty"


_INCLUDE = """
# Where the database is, and whatever else both need, stands in the server's file. What is set
# below counts more.
Include=/etc/jobarranger/jobarg_server.conf"""


def _sample(what: str, parameters: Sequence[Parameter], before: str = "") -> str:
    lines = [
        f"# Configuration of {what}.",
        "#",
        "# Every parameter is shown with its default; docs/parameters.md has the rules.",
        "# A change takes effect at the next start.",
        *before.splitlines(),
    ]
    for group, members in groupby(parameters, key=lambda parameter: parameter.group):
        lines += ["", f"##### {group} #####"]
        for parameter in members:
            lines += ["", *_commented(parameter)]
    return "\n".join([*lines, ""])


def _commented(parameter: Parameter) -> Iterator[str]:
    """Yield a parameter of a sample file: its help, its rule, and its value."""
    yield from (f"# {line}" for line in wrap(parameter.help, 96))
    yield from (f"# {line}" for line in wrap(f"Must be {parameter.rule}.", 96))
    if parameter.shipped is not None:
        yield f"{parameter.name}={parameter.shipped}"
    else:
        yield f"# {parameter.name}={parameter.default or ''}"


_EDITING = """\
Every message for operators has an id. It stands in the log as `[id] text`; those marked *yes*
under *notified* are meant to reach people too: what concerns a run is queued in
`ja_send_message_table`, which this release does not send from yet. The file named by
`JaLogMessageFile` has one line `id,type,notify,text` for each (type 0 information, 1 critical, 2
error, 3 warning; notify 0 or 1): what is changed there counts from the next message on. In a text,
`{name}` stands for a value; `%s`, `%d` and `%lu` of older files are filled in turn. A line that
makes no sense is reported in the log, and the built-in message is used.
"""


def _messages_page() -> str:
    lines = [
        "# Messages",
        "",
        _NOTE,
        "",
        _EDITING,
        "| id | kind | notified | text |",
        "| --- | --- | --- | --- |",
    ]
    for message in messages.declared().values():
        notified = "yes" if message.notify else "no"
        text = message.text.replace("|", "\\|").replace("{", "*").replace("}", "*")
        lines.append(f"| {message.id} | {_IMPORTANCE[message.kind]} | {notified} | {text} |")
    return "\n".join([*lines, ""])


def _catalogue() -> str:
    lines = [
        "# Messages: id,type,notify,text",
        "# type: 0 information, 1 critical, 2 error, 3 warning; notify: 0 no, 1 yes.",
        "# Type, notify and text may be changed; a change takes effect at once. A message whose",
        "# line is missing or makes no sense is raised as built in. {name} stands for a value.",
    ]
    return "\n".join([*lines, *map(_catalogue_line, messages.declared().values()), ""])


def _catalogue_line(message: Message) -> str:
    return f"{message.id},{message.kind.value},{int(message.notify)},{message.text}"


if __name__ == "__main__":
    main(sys.argv[1:])
