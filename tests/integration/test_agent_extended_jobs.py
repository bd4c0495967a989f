"""The programs behind the file wait icon."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[2] / "conf" / "extendedjob"


def run(name: str, *arguments: str) -> int:
    """Return the exit code of a program."""
    done = subprocess.run(
        [str(PROGRAMS / f"{name}.sh"), *arguments], check=False, timeout=20, capture_output=True
    )
    return done.returncode


@pytest.mark.parametrize(("name", "found"), [("jafwait", 0), ("jafcheck", 1)])
@pytest.mark.parametrize("delete", ["0", "1"])
def test_a_file_is_found(tmp_path: Path, name: str, found: int, delete: str) -> None:
    """Names with blanks are fine; the file goes if that is asked for."""
    directory = tmp_path / "a b"
    directory.mkdir()
    file = directory / "the file"
    file.touch()
    assert run(name, str(file), delete, "0") == found
    assert file.exists() is (delete == "0")


@pytest.mark.parametrize(("name", "absent"), [("jafwait", 255), ("jafcheck", 0)])
def test_a_file_is_absent(tmp_path: Path, name: str, absent: int) -> None:
    """Waiting gives up after its time, a check is just answered."""
    assert run(name, str(tmp_path / "none"), "0", "1") == absent


@pytest.mark.parametrize("name", ["jafwait", "jafcheck"])
def test_what_is_wrong_is_255(tmp_path: Path, name: str) -> None:
    """Wrong number of arguments, no such directory, not a regular file."""
    assert run(name) == 255
    assert run(name, str(tmp_path / "no" / "file"), "0", "0") == 255
    assert run(name, str(tmp_path), "0", "1") == 255


def test_waiting_ends_when_the_file_comes(tmp_path: Path) -> None:
    """It is looked for every second."""
    file = tmp_path / "late"
    words = [str(PROGRAMS / "jafwait.sh"), str(file), "1", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as waiting:
        file.touch()
        assert waiting.wait(20) == 0
    assert not file.exists()
