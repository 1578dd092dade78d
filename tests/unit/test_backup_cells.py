"""Cells of a backup's tables: what goes out comes back, and what a column cannot hold is refused on either way."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from points import create_app
from points.backup.cells import Kind, Unfit, kind_of, line_of, row_of
from points.db import db

GOOD: list[tuple[Kind, Any, str]] = [
    (Kind.WHOLE, -(2**53), "-9007199254740992"),
    (Kind.REAL, 0.1, "0.1"),
    (Kind.TEXT, "a\tb\nc\\d\r\x0b\b\f", "a\\tb\\nc\\\\d\\r\\v\\b\\f"),
    (Kind.TEXT, "\\N", "\\\\N"),
    (Kind.TEXT, "", ""),
    (Kind.TRUTH, 1, "t"),
    (Kind.TRUTH, 0, "f"),
    (Kind.DAY, "2026-11-20", "2026-11-20"),
    (Kind.MOMENT, "2026-11-20 01:02:03.000400", "2026-11-20 01:02:03.000400+00"),
    (Kind.JSON, '{"a": "\\u738b"}', '{"a": "\\\\u738b"}'),
    (Kind.BYTES, b"\x00\\x\n", "\\\\x005c780a"),
    (Kind.TEXT, None, "\\N"),
]


@pytest.mark.parametrize(("kind", "value", "text"), GOOD)
def test_a_cell_comes_back_as_it_went(kind: Kind, value: Any, text: str) -> None:
    assert line_of([kind])([value]) == f"{text}\n"
    assert row_of([kind])(f"{text}\n") == [value]


def test_postgresqls_moments_become_sqlites() -> None:
    read = row_of([Kind.MOMENT])
    assert read("2026-11-20 01:02:03+00\n") == ["2026-11-20 01:02:03.000000"]
    assert read("2026-11-20 01:02:03.05+00\n") == ["2026-11-20 01:02:03.050000"]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((Kind.WHOLE, value) for value in (1.0, 1e19, "1", b"1")),
        *((Kind.TEXT, value) for value in (1, b"x", "a\x00b")),
        *((Kind.TRUTH, value) for value in (2, "t")),
        *((Kind.DAY, value) for value in ("2026-1-1", 20260101, "")),
        *((Kind.MOMENT, value) for value in ("2026-01-01", "2026-01-01 00:00:00+00", 0)),
    ],
)
def test_what_sqlite_let_in_by_mistake_does_not_go_out(kind: Kind, value: Any) -> None:
    with pytest.raises(Unfit):
        line_of([kind])([value])


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Kind.WHOLE, "1.5"),
        (Kind.WHOLE, ""),
        (Kind.TRUTH, "true"),
        (Kind.MOMENT, "2026-01-01 00:00:00"),
        (Kind.MOMENT, "2026-01-01 00:00:00+08"),
        (Kind.BYTES, "\\\\xzz"),
        (Kind.WHOLE, "1\t2"),
    ],
)
def test_what_is_no_such_cell_does_not_come_in(kind: Kind, text: str) -> None:
    with pytest.raises(Unfit):
        row_of([kind])(f"{text}\n")


def test_every_type_of_the_models_has_a_kind_and_an_unknown_one_is_refused() -> None:
    create_app(SQLALCHEMY_DATABASE_URI="sqlite://")  # which knows all of them
    for table in db.Model.metadata.sorted_tables:
        for column in table.columns:
            assert kind_of(getattr(column.type, "impl", column.type)) in Kind
    with pytest.raises(Unfit):
        kind_of(sa.Interval())
