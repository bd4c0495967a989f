"""Who may use what: the pure rule.

* A user may work when his account is enabled, he is in at least one group and none of his groups
  is disabled. (The original looks at one arbitrary group only, docs/compatibility.md.)
* He may use an object when he is a super administrator, the object is public, or he shares a
  group with its owner. Reading and operating are not distinguished.
"""

from __future__ import annotations

from collections.abc import Collection

from jobarranger.directory.base import User
from jobarranger.states import UserType


def is_enabled(user: User) -> bool:
    """Return whether the user may work at all."""
    return user.enabled and bool(user.groups) and all(group.enabled for group in user.groups)


def may_use_without_groups(user: User, public: bool | int) -> bool:
    """Return whether the user may use an object whoever owns it; saves the look-up of the owner."""
    return user.user_type == UserType.SUPER or bool(public)


def may_use(user: User, owner_groups: Collection[str], public: bool | int) -> bool:
    """Return whether the user may use an object whose owner is in `owner_groups`."""
    if may_use_without_groups(user, public):
        return True
    return not {group.name for group in user.groups}.isdisjoint(owner_groups)
