"""Declarations of parameters and the check of single values."""

from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobarranger.config import AgentConfig, Parameter, ParameterKind, ServerConfig
from jobarranger.config.agent_parameters import PARAMETERS as AGENT
from jobarranger.config.grammar import ConfigLine
from jobarranger.config.parameters import value_of
from jobarranger.config.server_parameters import PARAMETERS as SERVER
from jobarranger.errors import ConfigError


def entry(name: str, value: str) -> ConfigLine:
    """Return an entry as read from a file."""
    return ConfigLine(name, value, Path("/etc/x.conf"), 7)


def parameter(kind: ParameterKind, **more: object) -> Parameter:
    """Return a declaration of a kind."""
    return Parameter(name="P", kind=kind, help="", group="", **more)  # type: ignore[arg-type]


NUMBER = parameter(ParameterKind.NUMBER, low=1, high=1 << 21, unit="seconds", default="5")


@given(st.integers(1, 1 << 21))
def test_numbers_within_the_range_are_taken(number: int) -> None:
    """Both ends belong to the range."""
    assert value_of(NUMBER, entry("P", str(number))) == number


@pytest.mark.parametrize(("text", "value"), [("1K", 1024), ("2M", 2 << 20), ("007", 7)])
def test_a_suffix_multiplies(text: str, value: int) -> None:
    """K and M are powers of 1024; the range is checked afterwards."""
    assert value_of(NUMBER, entry("P", text)) == value


@pytest.mark.parametrize(
    "text", ["0", "3M", "1G", "1T", "-1", "+1", "1 K", "1k", "1.5", "x", "0x10", "", "1_0", "٣"]
)
def test_anything_else_is_refused_with_place_value_and_rule(text: str) -> None:
    """The line shows where, what and what would be right."""
    with pytest.raises(ConfigError) as caught:
        value_of(NUMBER, entry("P", text))
    assert str(caught.value).startswith(f'/etc/x.conf:7: P = "{text}": ')
    assert "a whole number from 1 to 2097152 (seconds)" in str(caught.value)


def test_an_absent_parameter_has_its_default() -> None:
    """Or None where there is none."""
    assert value_of(NUMBER, None) == 5
    assert value_of(parameter(ParameterKind.TEXT), None) is None
    assert value_of(parameter(ParameterKind.ADDRESSES), None) == ()


def test_an_empty_value_is_none_or_an_error() -> None:
    """None where there is no default, an error where there is, text where that is allowed."""
    assert value_of(parameter(ParameterKind.TEXT), entry("P", "")) is None
    assert (
        value_of(parameter(ParameterKind.TEXT, default="x", may_be_empty=True), entry("P", ""))
        == ""
    )
    with pytest.raises(ConfigError, match="may not be empty"):
        value_of(parameter(ParameterKind.TEXT, mandatory=True), entry("P", ""))


@pytest.mark.parametrize(
    ("kind", "good", "value", "bad"),
    [
        (ParameterKind.SWITCH, "1", True, "yes"),
        (ParameterKind.PATH, "/a b/c", Path("/a b/c"), "a/b"),
        (ParameterKind.ADDRESS, "::1", "::1", "localhost"),
        (ParameterKind.ADDRESSES, "127.0.0.1, ::1", ("127.0.0.1", "::1"), "127.0.0.1,,::1"),
        (ParameterKind.NAMES, "a, 10.0.0.1", ("a", "10.0.0.1"), "a b"),
        (ParameterKind.ZONE, "Asia/Tokyo", "Asia/Tokyo", "Mars/Olympus"),
        (ParameterKind.ZONE, "UTC", "UTC", "../../etc/passwd"),
        (ParameterKind.TEXT, 'it\'s, "q" #1', 'it\'s, "q" #1', None),
    ],
)
def test_each_kind_takes_and_refuses(
    kind: ParameterKind, good: str, value: object, bad: str | None
) -> None:
    """Commas and quotes have no meaning but that of the kind."""
    assert value_of(parameter(kind), entry("P", good)) == value
    if bad is not None:
        with pytest.raises(ConfigError):
            value_of(parameter(kind), entry("P", bad))


def test_a_secret_is_not_shown() -> None:
    """Not even when it breaks a rule."""
    with pytest.raises(ConfigError) as caught:
        value_of(parameter(ParameterKind.PATH, secret=True), entry("P", "hunter2"))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("declared", [SERVER, AGENT], ids=["server", "agent"])
def test_every_default_and_shipped_value_obeys_its_own_rule(
    declared: tuple[Parameter, ...],
) -> None:
    """A declaration cannot contradict itself."""
    for one in declared:
        value_of(one, None)
        if one.shipped is not None:
            value_of(one, entry(one.name, one.shipped))
        assert one.help.endswith("."), one.name


@pytest.mark.parametrize(("declared", "record"), [(SERVER, ServerConfig), (AGENT, AgentConfig)])
def test_records_and_declarations_name_the_same(
    declared: tuple[Parameter, ...], record: type[ServerConfig | AgentConfig]
) -> None:
    """No field without a parameter, no parameter without a field, none twice."""
    names = [one.attribute for one in declared]
    assert len(names) == len(set(names))
    assert {field.name for field in fields(record)} == {"config_file", *names}


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("JaTrapperListenPort", "ja_trapper_listen_port"),
        ("DBHost", "db_host"),
        ("ListenIP", "listen_ip"),
        ("SourceIP", "source_ip"),
        ("TmpDir", "tmp_dir"),
    ],
)
def test_fields_are_named_after_parameters(name: str, attribute: str) -> None:
    """Snake case, abbreviations in one piece."""
    assert Parameter(name=name, kind=ParameterKind.TEXT, help="", group="").attribute == attribute
