"""Which password will do, how long to wait, who is a minor: plain values in, answers out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from points.people.models import Role
from points.people.sign_in_rules import (
    PER_ADDRESS,
    PER_NAME,
    BadPin,
    CodeNotDigits,
    CodeTooLong,
    GuessablePin,
    TooLong,
    TooShort,
    WeakPassword,
    WrongCodeLength,
    check_password,
    life_of_sign_in,
    may_be_minor,
    sign_in_name,
    slip_code,
)

RESIDENT = {Role.RESIDENT}
CLERK = {Role.RESIDENT, Role.CLERK}


@pytest.mark.parametrize("pin", ["830514", "４０７１９２", "590273"])
def test_a_resident_may_use_six_digits(pin: str) -> None:
    assert check_password(pin, roles=RESIDENT) is False


@pytest.mark.parametrize("password", ["", "12345", "1234567", "abcdefg", "八个字都没有"])
def test_anything_shorter_is_refused(password: str) -> None:
    with pytest.raises(BadPin):
        check_password(password, roles=RESIDENT)


@pytest.mark.parametrize(
    "pin", ["888888", "123456", "654321", "890123", "210987", "121212", "520520", "111111", "５２０５２０"]
)
def test_a_pin_that_everybody_tries_first_is_refused(pin: str) -> None:
    with pytest.raises(GuessablePin):
        check_password(pin, roles=RESIDENT)


@pytest.mark.parametrize("pin", ["195203", "031952", "520317", "521231"])
def test_a_birthday_is_refused(pin: str) -> None:
    with pytest.raises(GuessablePin):
        check_password(pin, roles=RESIDENT, birth_year=1952)


def test_the_tail_of_ones_own_phone_or_number_is_refused() -> None:
    with pytest.raises(GuessablePin):
        check_password("475839", roles=RESIDENT, numbers=("13800475839",))
    with pytest.raises(WeakPassword):
        check_password("13800475839", roles=RESIDENT, numbers=("13800475839",))


@pytest.mark.parametrize("password", ["830514", "nine-char", "密码只有九个字啊吧"])
def test_staff_need_ten_characters(password: str) -> None:
    with pytest.raises(TooShort):
        check_password(password, roles=CLERK)


@pytest.mark.parametrize("password", ["Password123", "1234567890", "aaaaaaaaaa", "abcdefghij", "abcabcabcabc"])
def test_staff_cannot_take_what_everybody_takes(password: str) -> None:
    with pytest.raises(WeakPassword):
        check_password(password, roles=CLERK)


def test_a_long_password_meets_the_rule_for_staff() -> None:
    assert check_password("早上 浇花 下午 下棋 晚上", roles=CLERK) is True
    assert check_password("早上 浇花 下午 下棋 晚上", roles=RESIDENT) is True
    assert check_password("eight8ch", roles=RESIDENT) is False


def test_a_password_has_an_end() -> None:
    with pytest.raises(TooLong):
        check_password("长" * 201, roles=RESIDENT)


@pytest.mark.parametrize(
    "typed", ["5827 1946 3308", "582719463308", "５８２７ １９４６ ３３０８", "5827-1946-3308", "5827–1946—3308"]
)
def test_a_slips_code_is_read_however_it_is_typed(typed: str) -> None:
    assert slip_code(typed) == "582719463308"


def test_a_slips_code_says_how_many_digits_are_missing() -> None:
    with pytest.raises(WrongCodeLength) as refusal:
        slip_code("5827 1946 330")
    assert refusal.value.facts == {"missing": 1, "whole": 12}
    with pytest.raises(CodeTooLong) as refusal:
        slip_code("5827 1946 330812")
    assert refusal.value.facts["extra"] == 2
    with pytest.raises(CodeNotDigits):
        slip_code("五八二七 1946 3308")
    with pytest.raises(WrongCodeLength):
        slip_code("")


def test_names_are_compared_without_width_case_or_spaces() -> None:
    assert sign_in_name(" ｒ００１ 2 ") == "R0012"


def test_waits_grow_and_end() -> None:
    waits = [PER_NAME.wait_after(n) for n in range(1, 20)]
    assert waits[:4] == [None] * 4
    assert waits[4:7] == [timedelta(seconds=30), timedelta(minutes=1), timedelta(minutes=2)]
    assert waits[-1] == PER_NAME.longest == PER_NAME.wait_after(10**9)
    assert PER_ADDRESS.wait_after(59) is None  # a whole office mistypes once


def test_a_sign_in_lasts_a_working_day_for_staff_and_ninety_days_for_residents() -> None:
    assert life_of_sign_in(RESIDENT) == timedelta(days=90)
    assert life_of_sign_in({Role.RESIDENT, Role.GRID_WORKER}) == timedelta(days=90)
    for role in (Role.CLERK, Role.STAFF, Role.OFFICER, Role.AUDITOR, Role.ADMIN):
        assert life_of_sign_in({Role.RESIDENT, role}) == timedelta(hours=12)


def test_whoever_may_be_under_eighteen_counts_as_a_minor() -> None:
    assert may_be_minor(2010, 2026)
    assert may_be_minor(2008, 2026)  # turns 18 some day this year
    assert not may_be_minor(2007, 2026)
    assert not may_be_minor(None, 2026)
