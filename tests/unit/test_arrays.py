"""PostgreSQL's statements with arrays in place of lists of values."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import psycopg

from jobarranger.db import tables as t
from jobarranger.db.arrays import by_column, insert_of_arrays, lists_as_arrays

#: As SQLAlchemy writes it.
SELECT = "SELECT a FROM b WHERE b.a IN ({}) AND b.c = %(c)s::INTEGER"
ID = "%(ids_{})s::BIGINT"


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_list_of_any_length_is_one_statement(count: int) -> None:
    """The number of values shows in the array alone, so the server prepares one statement."""
    query = SELECT.format(", ".join(ID.format(number + 1) for number in range(count)))
    values = {f"ids_{number + 1}": 7 + number for number in range(count)} | {"c": 1}
    changed, given = lists_as_arrays(query, values)
    assert changed == (
        "SELECT a FROM b WHERE b.a = ANY (%(ids_all)s::BIGINT[]) AND b.c = %(c)s::INTEGER"
    )
    assert (given["ids_all"], given["c"]) == (list(range(7, 7 + count)), 1)


def test_several_lists_and_their_negation() -> None:
    """Each list is an array of its own; NOT IN is different from all."""
    query = (
        "WHERE (a NOT IN (%(a_1)s::VARCHAR, %(a_2)s::VARCHAR)) AND b IN (%(b_1_1)s::INTEGER) OR c"
    )
    changed, given = lists_as_arrays(query, {"a_1": "x", "a_2": "y", "b_1_1": 3})
    assert changed == (
        "WHERE (a != ALL (%(a_all)s::VARCHAR[])) AND b = ANY (%(b_1_all)s::INTEGER[]) OR c"
    )
    assert (given["a_all"], given["b_1_all"]) == (["x", "y"], [3])


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1",
        "WHERE a IN (SELECT 1 WHERE 1!=1)",
        "WHERE a IN (%(a_1)s::BIGINT, %(b_1)s::BIGINT)",
        "WHERE a IN (%(a_1)s::BIGINT, 7)",
    ],
)
def test_other_statements_stay_as_they_are(query: str) -> None:
    """Lists of something else are none of ours."""
    values = {"a_1": 1, "b_1": 2}
    assert lists_as_arrays(query, values) == (query, values)


def test_what_sqlalchemy_writes_is_known() -> None:
    """A list that SQLAlchemy has just written down is recognised, whatever its release does."""
    statement = select(t.run_job.c.job_id).where(t.run_job.c.inner_job_id.in_([4, 5]))
    options = {"render_postcompile": True}
    compiled = statement.compile(dialect=psycopg.dialect(), compile_kwargs=options)
    _, given = lists_as_arrays(str(compiled), compiled.params)
    assert [4, 5] in given.values()


def test_rows_are_arrays_of_columns() -> None:
    """All rows of an INSERT are one execution of one statement."""
    row = {"request_id": "a", "inner_jobnet_id": 1, "at": 2}
    compiled = insert(t.ext_request).values(row).compile(dialect=psycopg.dialect())
    found = insert_of_arrays(str(compiled))
    assert found is not None
    statement, names = found
    assert statement == (
        "INSERT INTO ja_ext_request (request_id, inner_jobnet_id, at) SELECT * FROM"
        " unnest(%(request_id)s::VARCHAR[], %(inner_jobnet_id)s::BIGINT[], %(at)s::BIGINT[])"
    )
    assert by_column(names, [row, {**row, "request_id": "b"}]) == {
        "request_id": ["a", "b"],
        "inner_jobnet_id": [1, 1],
        "at": [2, 2],
    }


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO a (b, c) VALUES (%(b)s::BIGINT, now())",
        "INSERT INTO a (b) VALUES (%(b)s::BIGINT) RETURNING a.b",
        "UPDATE a SET b = %(b)s::BIGINT",
    ],
)
def test_other_statements_for_many_rows_stay_as_they_are(query: str) -> None:
    """Whatever is more than plain values is left to the driver."""
    assert insert_of_arrays(query) is None
