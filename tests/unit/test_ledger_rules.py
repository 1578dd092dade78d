"""The laws of the ledger as plain values: no database needed to know them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from points.db import MAX_AMOUNT, MAX_BALANCE
from points.errors import LedgerFault
from points.ledger import AccountClass, Draft, Leg, UnitKind, request_hash
from points.ledger.rules import (
    FLOOR,
    LOCK_ORDER,
    MAY,
    RANK,
    UNDOES,
    check_balance,
    check_shape,
    expires_on,
    has_passed,
    is_mark,
    may_touch,
    merged,
    month_end,
    spending_order,
    wallet_mark,
)

C, U = AccountClass, UnitKind
RICE, POINTS = 11, 12


def draft(*legs: Leg, kind: str = "award", **changes: Any) -> Draft:
    facts: dict[str, Any] = {
        "kind": kind,
        "key": "k",
        "actor_id": 1,
        "request_hash": request_hash(a=1),
        "source_kind": "test",
        "source_id": None,
        "occurred_at": datetime(2026, 11, 1, tzinfo=UTC),
        "legs": legs,
    }
    return Draft(**facts | changes)


def leg(klass: AccountClass, amount: Any, mark: str | None = None, holder: int = 1, unit: int = POINTS) -> Leg:
    return Leg(holder, unit, klass, amount, mark)


GOOD = (leg(C.ISSUANCE, -5), leg(C.WALLET, 5))


def test_every_class_has_its_place_in_the_lock_order_and_the_shared_ones_come_last() -> None:
    assert set(LOCK_ORDER) == set(C)
    assert RANK[C.WALLET] < RANK[C.SHELF] < RANK[C.TAKINGS] < RANK[C.GIVEN_OUT] < RANK[C.ISSUANCE]


def test_only_wallets_and_shelves_have_a_floor_by_nature() -> None:
    assert FLOOR == {C.WALLET: 0, C.SHELF: 0}


def test_every_move_in_the_table_has_its_counterpart_in_the_same_unit() -> None:
    for kind, touches in MAY.items():
        for _, sign, unit in touches:
            assert any(s == -sign and u == unit for _, s, u in touches), (kind, unit)


def test_what_undoes_is_known_and_undoes_each_kind_once() -> None:
    undone = [kind for kinds in UNDOES.values() for kind in kinds]
    assert sorted(undone) == sorted(
        set(MAY) - {"expiry", "waiver", "carry"}
    )  # what has expired is fetched back by reversing its award


@pytest.mark.parametrize(
    ("kind", "undone", "klass", "amount", "unit", "may"),
    [
        ("award", None, C.WALLET, 5, U.POINTS, True),
        ("award", None, C.WALLET, 5, U.HONOUR, True),
        ("award", None, C.WALLET, -5, U.POINTS, False),
        ("award", None, C.WALLET, 5, U.GOODS, False),
        ("award", None, C.SHELF, 5, U.GOODS, False),
        ("redemption", None, C.WALLET, -5, U.POINTS, True),
        ("redemption", None, C.WALLET, -5, U.HONOUR, False),
        ("redemption", None, C.SHELF, 1, U.GOODS, False),
        ("donation", None, C.SHELF, 1, U.GOODS, True),
        ("stock_count", None, C.SHELF, 1, U.GOODS, True),
        ("stock_count", None, C.SHELF, -1, U.GOODS, True),
        ("return", "redemption", C.WALLET, 5, U.POINTS, True),
        ("return", "redemption", C.WALLET, -5, U.POINTS, False),
        ("return", "award", C.WALLET, -5, U.POINTS, False),
        ("reversal", "award", C.WALLET, -5, U.POINTS, True),
        ("reversal", "reversal", C.WALLET, 5, U.POINTS, False),
        ("award", None, C.DEBT, 5, U.POINTS, True),
        ("reversal", "award", C.DEBT, -5, U.POINTS, True),
        ("reversal", "award", C.EXPIRED, -5, U.POINTS, True),
        ("reversal", "opening", C.DEBT, -5, U.POINTS, False),
        ("return", "redemption", C.EXPIRED, -5, U.POINTS, False),
        ("expiry", None, C.WALLET, -5, U.HONOUR, True),
        ("expiry", None, C.WALLET, 5, U.POINTS, False),
        ("carry", None, C.WALLET, 5, U.HONOUR, True),
        ("carry", None, C.EXPIRED, -5, U.POINTS, True),
        ("carry", None, C.TAKINGS, 5, U.POINTS, False),
        ("reversal", "carry", C.WALLET, 5, U.POINTS, False),
        ("present", None, C.WALLET, 5, U.POINTS, False),
    ],
)
def test_a_kind_touches_what_the_table_allows(
    kind: str, undone: str | None, klass: AccountClass, amount: int, unit: UnitKind, may: bool
) -> None:
    assert may_touch(kind, undone, klass, amount, unit) is may


def test_a_sound_draft_passes() -> None:
    check_shape(draft(*GOOD))
    check_shape(draft(leg(C.WALLET, -5, "2026-12-31"), leg(C.ISSUANCE, 5), kind="reversal"), undone="award")


@pytest.mark.parametrize(
    "broken",
    [
        draft(),
        draft(leg(C.WALLET, 5)),
        draft(leg(C.ISSUANCE, -5), leg(C.WALLET, 4)),
        draft(leg(C.ISSUANCE, -5), leg(C.WALLET, 5, unit=RICE)),  # zero in all, but not in every unit
        draft(leg(C.ISSUANCE, 0), leg(C.WALLET, 0)),
        draft(leg(C.ISSUANCE, -1.0), leg(C.WALLET, 1.0)),
        draft(leg(C.ISSUANCE, -1), leg(C.WALLET, True)),
        draft(leg(C.ISSUANCE, -MAX_AMOUNT - 1), leg(C.WALLET, MAX_AMOUNT + 1)),
        draft(leg(C.ISSUANCE, -5), leg(C.WALLET, 5, "2026-12-30")),
        draft(leg(C.ISSUANCE, -5), leg(C.WALLET, 5, "soon")),
        draft(leg(C.ISSUANCE, -5, "b" * 41), leg(C.WALLET, 5)),
        draft(leg(C.TAKINGS, -5, "0"), leg(C.WALLET, 5)),
        draft(leg(C.SUPPLY, -5), leg(C.SHELF, 5, ""), kind="donation"),
        draft(*GOOD, kind="present"),
        draft(*GOOD, kind="reversal"),
        draft(*GOOD, key=""),
        draft(*GOOD, key="k" * 81),
        draft(*GOOD, request_hash="short"),
    ],
)
def test_a_broken_law_is_a_fault(broken: Draft) -> None:
    with pytest.raises(LedgerFault):
        check_shape(broken)


def test_a_kind_undoes_only_its_own() -> None:
    with pytest.raises(LedgerFault):
        check_shape(draft(*GOOD, kind="return"), undone="award")


def test_the_same_item_on_two_lines_is_one_taking() -> None:
    lines = [leg(C.SHELF, -2, unit=RICE), leg(C.SHELF, -3, unit=RICE), leg(C.GIVEN_OUT, 5, unit=RICE)]
    assert merged(lines) == [leg(C.SHELF, -5, unit=RICE), leg(C.GIVEN_OUT, 5, "", unit=RICE)]


def test_lines_together_are_bounded_like_one() -> None:
    with pytest.raises(LedgerFault):
        merged([leg(C.WALLET, MAX_AMOUNT), leg(C.WALLET, 1)])


def test_a_gift_without_a_mark_goes_where_it_never_expires_or_to_batch_0() -> None:
    assert [one.mark for one in merged([leg(C.WALLET, 5), leg(C.SHELF, 1, unit=RICE), leg(C.TAKINGS, 5)])] == [
        "never",
        "0",
        "",
    ]


def test_the_soonest_date_is_spent_first_and_never_last_and_what_has_passed_not_at_all() -> None:
    marks = ["never", "2027-01-31", "2026-12-31", "2026-10-31"]
    assert spending_order(C.WALLET, marks, date(2026, 11, 1)) == ["2026-12-31", "2027-01-31", "never"]
    assert spending_order(C.SHELF, ["1", "0"], date(2026, 11, 1)) == ["0", "1"]


@pytest.mark.parametrize(
    ("day", "end"),
    [
        (date(2026, 11, 1), date(2026, 11, 30)),
        (date(2026, 12, 31), date(2026, 12, 31)),
        (date(2028, 2, 10), date(2028, 2, 29)),
        (date(2026, 2, 28), date(2026, 2, 28)),
    ],
)
def test_a_wallets_date_is_rounded_up_to_the_months_end(day: date, end: date) -> None:
    assert month_end(day) == end
    assert wallet_mark(day) == end.isoformat()
    assert is_mark(C.WALLET, wallet_mark(day))


def test_points_without_a_date_never_expire() -> None:
    assert wallet_mark(None) == "never"
    assert not has_passed("never", date(9999, 12, 31))


def test_the_date_itself_still_counts() -> None:
    assert not has_passed("2026-11-30", date(2026, 11, 30))
    assert has_passed("2026-11-30", date(2026, 12, 1))


def test_a_mark_is_what_its_class_says() -> None:
    assert is_mark(C.WALLET, "never") and is_mark(C.SHELF, "B7") and is_mark(C.TAKINGS, "")
    assert not any(
        [is_mark(C.WALLET, "20261231"), is_mark(C.SHELF, ""), is_mark(C.SHELF, "x" * 41), is_mark(C.WASTE, "0")]
    )


def test_a_balance_stays_where_every_engine_counts_exactly() -> None:
    check_balance(MAX_BALANCE)
    check_balance(-MAX_BALANCE)
    with pytest.raises(LedgerFault):
        check_balance(MAX_BALANCE + 1)


def test_how_long_points_live() -> None:
    earned = date(2027, 12, 31)
    lives = (("days", 30), ("months", 2), ("months", 0), ("month_end", 0), ("month_end", 2), ("calendar_year", 1))
    assert [str(expires_on(life, earned, number)) for life, number in lives] == [
        *("2028-01-30", "2028-02-29", "2027-12-31", "2027-12-31", "2028-02-29", "2028-12-31")
    ]
    assert expires_on("never", earned) is None
    assert expires_on("calendar_year", date(2026, 1, 1)) == date(2026, 12, 31)
    with pytest.raises(ValueError, match="no such life"):
        expires_on("forever", earned)
