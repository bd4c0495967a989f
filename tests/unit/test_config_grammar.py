"""The grammar of configuration files."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.config.grammar import MAX_LEVELS, ConfigLine, entries, parse, read
from jobarranger.errors import ConfigError

FILE = Path("/etc/x.conf")
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_.]*", fullmatch=True).filter(lambda n: n != "Include")
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r\t ")).map(str)
BLANKS = st.text(" \t", max_size=3)


def write(path: Path, text: str | bytes) -> Path:
    """Write a configuration file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@given(st.lists(st.tuples(NAMES, VALUES, BLANKS, BLANKS, BLANKS, BLANKS)))
def test_blanks_around_names_and_values_do_not_count(lines: list[tuple[str, ...]]) -> None:
    """Every value comes back as written, with its line, whatever blanks stand around it."""
    text = "".join(f"{a}{n}{b}={c}{v}{d}\r\n" for n, v, a, b, c, d in lines)
    found = list(parse(text.encode(), FILE))
    wanted = [ConfigLine(n, v, FILE, i) for i, (n, v, *_) in enumerate(lines, start=1)]
    assert found == wanted


@given(st.binary())
def test_any_content_is_read_or_refused_with_its_line(content: bytes) -> None:
    """Nothing but a ConfigError naming file and line comes of nonsense."""
    try:
        list(parse(content, FILE))
    except ConfigError as error:
        assert str(error).startswith(f"{FILE}:")
        assert "\n" not in str(error)
        str(error).encode()


@given(st.lists(st.tuples(st.sampled_from("ABC"), VALUES), min_size=1))
def test_the_last_of_several_values_wins(pairs: list[tuple[str, str]]) -> None:
    """A parameter given again replaces the earlier value."""
    text = "".join(f"{name}={value}\n" for name, value in pairs)
    found = {entry.name: entry.value for entry in parse(text.encode(), FILE)}
    assert found == dict(pairs)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A=x # y", "x # y"),
        ("A=b=c", "b=c"),
        ('A="x"', '"x"'),
        ("A=", ""),
        ("\ufeffA=x", "x"),
        ("A=" + "x" * 5000, "x" * 5000),
    ],
)
def test_a_value_is_taken_as_it_stands(text: str, value: str) -> None:
    """No quoting, no comment behind a value, no limit of length; a byte order mark is passed."""
    assert [entry.value for entry in parse(text.encode(), FILE)] == [value]


def test_comments_and_empty_lines_are_skipped() -> None:
    """They still count as lines."""
    (entry,) = parse(b"# A=1\n\n \t\n  # B=2\nC=3\n", FILE)
    assert entry.place == "/etc/x.conf:5"


def test_other_encodings_are_only_refused_in_lines_that_count() -> None:
    """An old comment may be in any encoding, a value must be UTF-8."""
    assert list(parse(b"# \xe9\n", FILE)) == []
    with pytest.raises(ConfigError, match="x.conf:1: A: the line is not UTF-8"):
        list(parse(b"A=\xe9\n", FILE))


def test_a_line_without_equals_sign_is_not_repeated_in_the_error() -> None:
    """It may be a password line gone wrong."""
    with pytest.raises(ConfigError) as caught:
        list(parse(b"DBPassword s3cret\n", FILE))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("line", [b"JaLogFile=/var/a\0b", b"Include=/tmp/a\0b", b"A\0=1"])
def test_a_zero_byte_is_refused(line: bytes) -> None:
    """No path, name or password of the system can hold one."""
    with pytest.raises(ConfigError, match=r"x\.conf:1: .*zero byte"):
        list(parse(line, FILE))


def test_an_include_takes_effect_where_it_stands(tmp_path: Path) -> None:
    """What follows it overrides it, what stands before it is overridden."""
    other = write(tmp_path / "other.conf", "A=other\nB=other\n")
    main = write(tmp_path / "main.conf", f"A=main\nInclude={other}\nB=main\n")
    found = read(main)
    assert (found["A"].value, found["A"].place) == ("other", f"{other}:1")
    assert (found["B"].value, found["B"].place) == ("main", f"{main}:3")


def test_a_directory_is_read_by_name_without_hidden_and_backup_files(tmp_path: Path) -> None:
    """Sub-directories are passed over too."""
    parts = tmp_path / "parts"
    for name in ("b.conf", "a.conf", ".a.conf.swp", "a.conf~", "c.bak", "d.rpmsave", "#e#"):
        write(parts / name, f"From={name}\n")
    write(parts / "sub" / "z.conf", "From=sub\n")
    main = write(tmp_path / "main.conf", f"Include={parts}\n")
    assert [entry.value for entry in entries(main)] == ["a.conf", "b.conf"]


def test_includes_may_nest_to_the_tenth_level(tmp_path: Path) -> None:
    """The eleventh is an error that names the Include."""
    for level in range(2, MAX_LEVELS + 2):
        write(tmp_path / f"{level}", f"Include={tmp_path / str(level + 1)}\n")
    write(tmp_path / f"{MAX_LEVELS + 2}", "A=1\n")
    assert read(tmp_path / "3")["A"].value == "1"
    with pytest.raises(ConfigError, match="more than 10 levels"):
        read(tmp_path / "2")


@pytest.mark.parametrize("path", ["/no/such/file", "relative.conf", ""])
def test_an_include_that_cannot_be_followed_is_an_error(tmp_path: Path, path: str) -> None:
    """It must not leave half of the file unread in silence."""
    main = write(tmp_path / "main.conf", f"A=1\nInclude={path}\nB=2\n")
    with pytest.raises(ConfigError, match="main.conf:2: Include = "):
        read(main)


def test_a_missing_file_is_reported_in_one_line(tmp_path: Path) -> None:
    """The main file itself."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read(tmp_path / "none.conf")
