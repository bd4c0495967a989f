"""The rows a new database begins with; an existing row is never touched."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, insert, select

from jobarranger.db import tables as t
from jobarranger.db.catalogue import EXTENDED_JOBS, LANGUAGES, RUN_LOG

#: ja_parameter_table: name -> value (units in docs/database.md).
PARAMETERS = {
    "JOBLOG_KEEP_SPAN": "43200",
    "JOBNET_KEEP_SPAN": "60",
    "JOBNET_LOAD_SPAN": "60",
    "JOBNET_VIEW_SPAN": "60",
    "JOBNET_DUMMY_START_X": "117",
    "JOBNET_DUMMY_START_Y": "39",
    "JOBNET_DUMMY_JOB_X": "117",
    "JOBNET_DUMMY_JOB_Y": "93",
    "JOBNET_DUMMY_END_X": "117",
    "JOBNET_DUMMY_END_Y": "146",
    "MANAGER_TIME_SYNC": "0",
    "SNDMSG_KEEP_SPAN": "1440",
    "AUDIT_KEEP_SPAN": "525600",
    "FILTER_MISSING_DAY": "next-first",
    "ZBXSND_ON": "1",
    "ZBXSND_ZABBIX_IP": "127.0.0.1",
    "ZBXSND_ZABBIX_PORT": "10051",
    "ZBXSND_ZABBIX_HOST": "Zabbix server",
    "ZBXSND_ITEM_KEY": "jasender",
    "ZBXSND_SENDER": "zabbix_sender",
    "ZBXSND_RETRY": "0",
    "ZBXSND_RETRY_COUNT": "3",
    "ZBXSND_RETRY_INTERVAL": "5",
}

#: ja_index_table: counter -> first id (jobarranger/db/ids.py; 100 to 103 are the Manager's).
COUNTERS = {
    1: 1,
    2: 1_500_000_000_000_000_000,
    3: 1_600_000_000_000_000_000,
    20: 1,
    30: 1,
    40: 1,
    100: 1,
    101: 1,
    102: 1,
    103: 1,
}

#: ja_define_value_jobcon_table: variables the server fills.
VARIABLES = (
    "CURRENT_TIME",
    "ICON_STATUS",
    "JOBNET_BOOT_TIME",
    "JOBNET_ID",
    "JOBNET_NAME",
    "JOBNET_SCHEDULED_TIME",
    "JOB_EXIT_CD",
    "JOB_ID",
    "JOB_ID_FULL",
    "JOB_NAME",
    "LAST_STATUS",
    "MANAGEMENT_ID",
    "STD_ERR",
    "STD_OUT",
    "USER_NAME",
    "ZBX_DATA_TYPE",
    "ZBX_LAST_STATUS",
    "ZBX_LATEST_DATA",
)

#: The row of ja_host_lock_table that is locked while hosts are added or removed.
HOST_LOCK_RECORD = "HOST_LOCK_RECORD"

Row = dict[str, Any]


def rows() -> dict[Table, list[Row]]:
    """Return every seed row by its table."""
    return {
        t.parameter: [
            {"parameter_name": name, "value": value} for name, value in PARAMETERS.items()
        ],
        t.index: [{"count_id": number, "nextid": first} for number, first in COUNTERS.items()],
        t.host_lock: [{"lock_host_name": HOST_LOCK_RECORD}],
        t.define_value_jobcon: [{"value_name": name} for name in VARIABLES],
        t.define_extjob: [
            {"command_id": command, "lang": lang, "command_name": name, "memo": memo}
            for command, texts in EXTENDED_JOBS.items()
            for lang in LANGUAGES
            for name, memo in [texts[LANGUAGES[lang]]]
        ],
        t.define_run_log_message: [
            {"message_id": message, "lang": lang, "message": texts[key], "log_type": log_type}
            for message, (log_type, texts) in RUN_LOG.items()
            for lang, key in LANGUAGES.items()
        ],
    }


def plant(conn: Connection) -> int:
    """Insert the seed rows that are missing; return how many were."""
    planted = 0
    for table, wanted in rows().items():
        keys = list(table.primary_key.columns)
        present = {tuple(row) for row in conn.execute(select(*keys))}
        missing = [row for row in wanted if tuple(row[key.name] for key in keys) not in present]
        if missing:
            conn.execute(insert(table), missing)
            planted += len(missing)
    return planted
