"""Messages about the removal of what is over."""

from __future__ import annotations

from jobarranger.messages.declare import information, warning

JAPURGE000001 = information(
    "JAPURGE000001 counts seconds:int",
    "The housekeeper has removed what was over: {counts}, in {seconds} s.",
)
JAPURGE300001 = warning(
    "JAPURGE300001 parameter_name value minutes:int",
    "{parameter_name} in ja_parameter_table is not a number of minutes: '{value}'. "
    "{minutes} is used instead until it is corrected.",
)
