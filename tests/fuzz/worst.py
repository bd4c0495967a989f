"""The grammar of worst cases: which there are, and how often each is taken. Pure.

Each case is a function of a random source, of what strangers know, and of how many inputs came
before. They are examples of kinds, with sizes and words at random. What plain protocol 1 cannot
keep out is not among them: orders to the agent from the server's address, results with the
right attempt from the agent's, and wrong passwords for the honest user from the honest user's.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.fuzz import crowds, forgeries, growing, hints
from tests.fuzz.inputs import Input, Known

Case = Callable[[Random, Known, int], Input]

#: Every case with its weight.
CASES: list[tuple[int, Case]] = [
    (4, growing.expression),
    (1, growing.empty_lists),
    (4, growing.deep_variable),
    (1, growing.many_variables),
    (1, growing.long_user_name),
    (1, growing.dropped_large_request),
    (1, growing.large_order),
    (2, growing.endless_frame),
    (3, crowds.dropped_starts),
    (2, crowds.idle_crowd),
    (2, crowds.dripping_crowd),
    (3, crowds.guessed_passwords),
    (2, crowds.nonsense_crowd),
    (5, forgeries.forged_result),
    (3, forgeries.strangers_order),
    (3, forgeries.strangers_kill),
    (2, forgeries.strangers_questions),
    (2, forgeries.curious_guest),
    (6, hints.queue),
]


def case(random: Random, known: Known, number: int) -> Input:
    """Return one of the cases; `number` inputs came before, from this process."""
    weights = [weight for weight, _ in CASES]
    make = random.choices([make for _, make in CASES], weights)[0]
    return make(random, known, number)
