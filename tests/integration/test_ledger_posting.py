"""The one writer: what it records, what it refuses, and that a key means one thing for ever."""

from __future__ import annotations

from tests.factories import Books


def test_an_award_lands_in_the_wallet(books: Books) -> None:
    person = books.person()
    books.award(person, 50)
    assert books.wallet(person) == 50


def test_a_redemption_moves_points_and_goods_together(books: Books) -> None:
    person, rice, oil = books.person(), books.goods(10), books.goods(4)
    books.award(person, 50)
    made = books.redeem(person, 30, {rice: 2, oil: 1})
    assert books.wallet(person) == 20
    assert (books.shelf(rice), books.shelf(oil)) == (8, 3)
    books.undo(made, "return")
    assert books.wallet(person) == 50
    assert (books.shelf(rice), books.shelf(oil)) == (10, 4)
