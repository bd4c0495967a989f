"""The mask of `run_user_password`: readable by agents and existing data, not encrypted.

Form: the character `1`, then two lower-case hexadecimal digits per byte of the text XORed with
the repeating key.
"""

from __future__ import annotations

from itertools import cycle

_KEY = b"199907"


def obfuscate(text: str) -> str:
    """Return the masked form; an empty text stays empty."""
    if not text:
        return ""
    return "1" + bytes(a ^ b for a, b in zip(text.encode(), cycle(_KEY), strict=False)).hex()
