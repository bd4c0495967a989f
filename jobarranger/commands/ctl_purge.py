"""`jobarg_ctl purge --dry-run`: how much the housekeeper would remove now."""

from __future__ import annotations

import argparse
from typing import Any

from jobarranger.commands.operate import Session
from jobarranger.purging.passing import Purger
from jobarranger.purging.rows.counting import counts


def add_parsers(objects: Any) -> None:
    """Add `purge` to the command line."""
    parser = objects.add_parser("purge", help="say what is due to be removed by the housekeeper")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        required=True,
        help="count, and remove nothing; must be given, since the server alone removes",
    )
    parser.set_defaults(work=_count)


def _count(session: Session, arguments: argparse.Namespace) -> int:
    grace_ms = session.config.ja_boot_grace * 1000
    limits = Purger(session.db, session.clock, session.zone, grace_ms).limits()
    for kind, number in session.db.read(lambda conn: counts(conn, limits)).items():
        print(f"{kind}\t{number}")
    return 0
