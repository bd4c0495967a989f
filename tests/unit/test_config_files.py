"""The server's and the agent's configuration as a whole."""

from pathlib import Path

import pytest

from jobarranger.config import DirectoryKind, load_agent, load_monitor, load_server
from jobarranger.errors import ConfigError
from jobarranger.states import DatabaseType

ROOT = Path(__file__).parents[2]


def file(tmp_path: Path, *lines: str) -> Path:
    """Write a configuration file."""
    path = tmp_path / "x.conf"
    path.write_text("\n".join(lines))
    return path


def refused(path: Path) -> str:
    """Return why a server's file is refused."""
    with pytest.raises(ConfigError) as caught:
        load_server(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_empty_file_is_enough_for_a_server(tmp_path: Path) -> None:
    """The embedded database needs nothing to be set."""
    config, warnings = load_server(file(tmp_path))
    assert warnings == []
    assert config.db_type is DatabaseType.SQLITE
    assert config.ja_directory is DirectoryKind.EMBEDDED
    assert (config.listen_ip, config.ja_trapper_listen_port) == ((), 10061)


@pytest.mark.parametrize("line", ["DBUser=zabbix", "DBHost=db", "DBSocket=/run/x"])
def test_an_originals_file_means_mysql(tmp_path: Path, line: str) -> None:
    """User, host or socket without DBType: the database of the original."""
    config, _ = load_server(file(tmp_path, "DBName=zabbix", "DBUser=zabbix", line))
    assert config.db_type is DatabaseType.MYSQL


def test_an_originals_unedited_file_means_sqlite(tmp_path: Path) -> None:
    """Empty database parameters, as shipped, name no database."""
    config, _ = load_server(file(tmp_path, "DBName=", "DBUser=", "DBPassword="))
    assert config.db_type is DatabaseType.SQLITE


@pytest.mark.parametrize("kind", ["mysql", "postgresql"])
def test_a_database_server_needs_name_and_user(tmp_path: Path, kind: str) -> None:
    """Absent and empty are both refused."""
    assert "DBName is not set" in refused(file(tmp_path, f"DBType={kind}", "DBUser=u"))
    assert 'x.conf:2: DBUser = "": needed' in refused(
        file(tmp_path, f"DBType={kind}", "DBUser=", "DBName=n")
    )


@pytest.mark.parametrize("kind", ["database", "api"])
def test_other_directories_are_refused_clearly(tmp_path: Path, kind: str) -> None:
    """They are planned, not available."""
    assert "not available yet" in refused(file(tmp_path, f"JaDirectory={kind}"))


def test_a_runtime_directory_must_leave_room_for_socket_names(tmp_path: Path) -> None:
    """The system's limit would show only when the first queue is bound."""
    assert "bytes at most" in refused(file(tmp_path, f"JaRuntimeDir=/{'x' * 90}"))
    config, _ = load_server(file(tmp_path, f"JaRuntimeDir=/{'x' * 80}"))
    assert len(str(config.ja_runtime_dir)) == 81


@pytest.mark.parametrize("name", ["TmpDir", "JaLogFile", "JaPidFile", "DBFile", "JaStateDir"])
def test_relative_paths_are_refused(tmp_path: Path, name: str) -> None:
    """A daemon's working directory is /."""
    assert f'x.conf:1: {name} = "var/x": must be an absolute path' in refused(
        file(tmp_path, f"{name}=var/x")
    )


def test_an_unknown_parameter_is_warned_about_with_the_nearest_name(tmp_path: Path) -> None:
    """Wrong case and slips of the finger are recognised; the value is not shown."""
    path = file(tmp_path, "JaRunIntervall=3", "jaruninterval=3", "DBPasword=s3cret", "Qqq=1")
    config, warnings = load_server(path)
    assert config.ja_run_interval == 1
    assert [warning.partition(", ")[2] for warning in warnings] == [
        "did you mean JaRunInterval?",
        "did you mean JaRunInterval?",
        "did you mean DBPassword?",
        "",
    ]
    assert warnings[0].startswith(f"{path}:1: ")
    assert "s3cret" not in "".join(warnings)


def test_parameters_of_other_daemons_are_passed_over_silently(tmp_path: Path) -> None:
    """Files are shared through Include."""
    path = file(tmp_path, "JaSenderScript=/x", "JaSesDebugLevel=4", "JaListenPort=10055")
    assert load_server(path)[1] == []


def test_the_password_is_not_in_the_records_text(tmp_path: Path) -> None:
    """A traceback or debug line shows records."""
    config, _ = load_server(file(tmp_path, "DBPassword=s3cret"))
    assert config.db_password == "s3cret"
    assert "s3cret" not in repr(config)
    agent, _ = load_agent(file(tmp_path, "Server=a", "JaCommandPassword=s3cret"))
    assert "s3cret" not in repr(agent)


def test_an_agent_needs_its_server(tmp_path: Path) -> None:
    """Who may give orders is never assumed."""
    with pytest.raises(ConfigError, match="Server is not set"):
        load_agent(file(tmp_path))
    with pytest.raises(ConfigError, match="x.conf:1: Server = "):
        load_agent(file(tmp_path, "Server="))


def test_an_agent_is_called_like_its_system(tmp_path: Path) -> None:
    """Unless Hostname says otherwise."""
    config, _ = load_agent(file(tmp_path, "Server=10.0.0.1,10.0.0.2"))
    assert config.hostname
    assert config.server == ("10.0.0.1", "10.0.0.2")
    assert load_agent(file(tmp_path, "Server=a", "Hostname=web01"))[0].hostname == "web01"


def test_the_sample_files_are_accepted() -> None:
    """As shipped, without a warning."""
    server, warnings = load_server(ROOT / "conf/jobarg_server.conf")
    assert (server.db_type, warnings) == (DatabaseType.SQLITE, [])
    agent, warnings = load_agent(ROOT / "conf/jobarg_agentd.conf")
    assert (agent.server, warnings) == (("127.0.0.1",), [])


def monitors_file(tmp_path: Path, *lines: str) -> Path:
    """Write the monitor's sample, with the server's beside it, and more lines below."""
    server = tmp_path / "jobarg_server.conf"
    server.write_text((ROOT / "conf/jobarg_server.conf").read_text() + "DBFile=/x/y.db\n")
    shipped = (ROOT / "conf/jobarg_monitor.conf").read_text()
    text = shipped.replace("/etc/jobarranger/jobarg_server.conf", str(server))
    path = tmp_path / "jobarg_monitor.conf"
    path.write_text("\n".join([text, *lines]))
    return path


def test_a_monitor_takes_the_database_from_the_servers_file(tmp_path: Path) -> None:
    """The sample includes it, and sets what is the monitor's own."""
    config, warnings = load_monitor(monitors_file(tmp_path))
    assert warnings == []
    assert (config.db_type, str(config.db_file)) == (DatabaseType.SQLITE, "/x/y.db")
    assert config.ja_log_file == "/var/log/jobarranger/jobarg_monitor.log"
    assert config.ja_pid_file.name == "jobarg_monitor.pid"
    assert (config.ja_monitor_interval, config.ja_load_shift_time) == (60, 0)
    assert config.sender == ["/etc/jobarranger/monitor/jasender_monitor.sh"]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("JaMonitorInterval=61", "must be a whole number from 1 to 60 (seconds)"),
        ("JaServerSilence=14", "must be 0, or 15 and more"),
        ("JaLoadShiftTime=1441", "must be a whole number from 0 to 1440 (minutes)"),
        ("JaSenderScript=send.sh", "must be an absolute path"),
        ("JaSenderScript=/x 'y", "a quote is not closed"),
        ("DBType=mysql", "DBName is not set: needed for DBType mysql"),
        ("JaLogFile=x", "must be an absolute path"),
    ],
)
def test_what_is_wrong_for_a_monitor_is_reported_in_one_line(
    tmp_path: Path, line: str, text: str
) -> None:
    """With the value and the rule."""
    with pytest.raises(ConfigError) as caught:
        load_monitor(monitors_file(tmp_path, line))
    assert text in str(caught.value)


def test_a_sender_program_may_have_arguments_of_its_own(tmp_path: Path) -> None:
    """They are split as a shell would, and no shell ever sees them."""
    config, _ = load_monitor(monitors_file(tmp_path, "JaSenderScript=/bin/tell 'two words' x"))
    assert config.sender == ["/bin/tell", "two words", "x"]
