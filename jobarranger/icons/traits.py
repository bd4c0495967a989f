"""What the rest of the server asks about an icon type: one record of facts for each type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Table

from jobarranger import messages as m
from jobarranger.messages import Message
from jobarranger.requests.steps import FailedStop


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The facts of one icon type. What a type does not say is that of most types."""

    word: str  #: what people call it, in YAML files and in what commands show

    # -- its place in a drawing ------------------------------------------------------------
    begins_jobnet: bool = False  #: a jobnet starts with it
    ends_jobnet: bool = False  #: its jobnet ends with it; none of its arrows fires
    contains_jobnet: bool = False  #: its work is a sub-jobnet, whose end it follows
    chooses: bool = False  #: only the arrows of its outcome, true or false, fire; none if it fails
    first_arrival: bool = False  #: starts at the first arrow, and again at each later one
    marks_loop: bool = False  #: a way back leads into it

    # -- its work --------------------------------------------------------------------------
    lasting: bool = False  #: its work goes on after its start; its arrows fire later
    asks_agent: bool = False  #: its work is a job on an agent, made again from its settings
    shows_outcome: bool = False  #: `ICON_STATUS` shows how it failed
    has_exit_code: bool = False  #: `JOB_EXIT_CD` is its own, not passed on
    has_output: bool = False  #: `STD_OUT` and `STD_ERR` are its own, not passed on

    # -- what people may do ----------------------------------------------------------------
    skippable: bool = True  #: it may be passed over
    rerunnable: bool = True  #: it may be run again after an error
    stoppable: bool = False  #: it may be stopped while it is at work

    # -- when a run is loaded --------------------------------------------------------------
    stop_id: bool = False  #: its stop command needs a number of its own for the agent
    hold_column: str = ""  #: its settings column that, at 1, puts it on hold
    session_column: str = ""  #: its settings column that, at 0, asks for a session number

    # -- requests to an agent --------------------------------------------------------------
    telegram: str = ""  #: `type` of its jobrun telegram, if it has one
    kill_telegram: str = ""  #: `type` of the telegram that kills it
    failed_stop: FailedStop = FailedStop.FAILS_ICON_UNSENT  #: what a stop that fails does to it
    refused: Message = m.JARUNICONJOB200012  #: the agent has refused its request


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsTable:
    """Where settings of a type stand: in definitions, and in runs."""

    definition: Table
    run: Table
    optional: bool = False  #: an icon may have no row there
    added: Mapping[str, object] = field(default_factory=dict)  #: columns that only runs have
    rerun: Mapping[str, object] = field(default_factory=dict)  #: set when people run it again
