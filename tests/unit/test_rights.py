"""Who may work, who may use what, and how passwords are kept."""

import pytest

from jobarranger.directory import Group, User, rights
from jobarranger.directory.passwords import hash_password, verify_password
from jobarranger.states import UserType


def user(*groups, **changes):
    """Return a user in some groups."""
    return User(name="u", password_hash="", groups=groups, **changes)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (user(), False),
        (user(Group(name="a")), True),
        (user(Group(name="a"), Group(name="b", enabled=False)), False),
        (user(Group(name="a"), enabled=False), False),
    ],
)
def test_enabled_needs_a_group_and_no_disabled_one(who, expected):
    """A user without groups, or in a disabled one, may not work."""
    assert rights.is_enabled(who) is expected


@pytest.mark.parametrize(
    ("who", "owner_groups", "public", "expected"),
    [
        (user(Group(name="a")), {"a", "b"}, 0, True),
        (user(Group(name="a")), {"b"}, 0, False),
        (user(Group(name="a")), set(), 1, True),
        (user(user_type=UserType.SUPER), set(), 0, True),
        (user(user_type=UserType.ADMIN), set(), 0, False),
    ],
)
def test_use_needs_super_public_or_a_shared_group(who, owner_groups, public, expected):
    """One of the three reasons is enough, and nothing else is."""
    assert rights.may_use(who, owner_groups, public) is expected


def test_passwords_are_compared_whole():
    """No byte is ignored: neither beyond 72 bytes nor after a zero."""
    stored = hash_password("x" * 80 + "a", rounds=4)
    assert verify_password("x" * 80 + "a", stored)
    assert not verify_password("x" * 80 + "b", stored)
    assert not verify_password("x\0a", hash_password("x\0b", rounds=4))


@pytest.mark.parametrize("stored", [None, "", "ja1", "ja1$2b$04$short", "5f4dcc3b5aa765d61d83"])
def test_unusable_hashes_fit_no_password(stored):
    """A missing or foreign hash is answered False, never with an error."""
    assert not verify_password("password", stored)
