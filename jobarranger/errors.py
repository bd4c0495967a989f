"""The errors that the product expects.

Every expected failure descends from `JobArrangerError` and is shown to people as one line.
Anything else that is raised is a bug and gets a traceback.
"""

from __future__ import annotations


class JobArrangerError(Exception):
    """Root of all expected errors; its text is one line for people."""


class ConfigError(JobArrangerError):
    """A configuration file is wrong: names file, line, parameter, value and rule."""


class DefinitionError(JobArrangerError):
    """A jobnet definition breaks a rule: names the object, the value and the rule."""


class DirectoryError(JobArrangerError):
    """A host, user or group cannot be found or changed as asked."""


class SchemaError(JobArrangerError):
    """The database's tables are missing or of another version."""


class DatabaseUnavailable(JobArrangerError):
    """The database could not be reached or did not commit within its limits."""


class DatabaseBusy(DatabaseUnavailable):
    """So many others wait for the database that the work was not even begun."""


class CannotStore(JobArrangerError):
    """The database cannot take a value, whoever tries and however often; nothing was changed."""


class StateConflict(JobArrangerError):
    """A guarded update met other rows than expected: someone else was faster; decide anew."""


class TryAgain(JobArrangerError):
    """Nothing may be committed now; roll back and come again later."""


def in_short(error: BaseException) -> str:
    """Return the first line of an error's text; those of SQLAlchemy go on with the statement."""
    return str(error).partition("\n")[0]
