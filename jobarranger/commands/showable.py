"""Variables that are shown to people: values that are secrets by their names are not."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: What is shown in place of a secret.
HIDDEN = "(hidden)"

_SECRET = re.compile(
    r"PASS(WORD|WD|PHRASE)|(^|_)(PASS|PW|PWD)$|SECRET|TOKEN|CREDENTIAL|(API|PRIVATE|ACCESS)_?KEY",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Return whether a variable holds a secret, going by its name."""
    return _SECRET.search(name) is not None


def without_secrets(values: Mapping[str, str]) -> dict[str, str]:
    """Return variables for showing."""
    return {name: HIDDEN if is_secret(name) else value for name, value in values.items()}
