"""Passwords of the embedded directory: bcrypt over SHA-384, so that no byte is ignored.

bcrypt reads 72 bytes and stops at a zero byte; the digest in base64 (64 bytes, no zero) avoids
both. A stored hash begins with `ja1` to show the form.
"""

from __future__ import annotations

import base64
import hashlib

import bcrypt

from jobarranger.errors import DirectoryError

#: Work factor: about 0.1-0.2 s on a server of 2024.
ROUNDS = 11
#: Characters of a password; a longer one is refused before it is worked on.
LONGEST = 1_024
_FORM = "ja1"
#: What an unknown user's password is compared with, so that both answers take equally long.
_NOBODY = _FORM + "$2b$11$" + "C6UzMDM.H6dfI/f/IKcEe." + "0" * 31


def _digest(password: str) -> bytes:
    """Return the 64 bytes that bcrypt works on."""
    return base64.b64encode(hashlib.sha384(password.encode("utf-8", "surrogatepass")).digest())


def hash_password(password: str, rounds: int = ROUNDS) -> str:
    """Return what is stored for a password.

    Raises:
        DirectoryError: it is longer than anybody may log in with.
    """
    if len(password) > LONGEST:
        raise DirectoryError(f"a password has at most {LONGEST} characters")
    return _FORM + bcrypt.hashpw(_digest(password), bcrypt.gensalt(rounds)).decode()


def verify_password(password: str, stored: str | None) -> bool:
    """Return whether `password` belongs to the stored hash; None (no such user) is always False.

    A hash that cannot be used takes as long as one that can.
    """
    text = stored if stored and stored.startswith(_FORM) else _NOBODY
    try:
        return _compare(password, text) and text is stored
    except ValueError:
        _compare(password, _NOBODY)
        return False


def _compare(password: str, stored: str) -> bool:
    return bcrypt.checkpw(_digest(password), stored.removeprefix(_FORM).encode())
