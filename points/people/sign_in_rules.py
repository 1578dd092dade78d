"""Pure decisions about signing in: which password will do, how long to wait, how long it lasts, who is a minor."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from ..errors import N_, DomainError
from .models import Role
from .permissions import SECOND_FACTOR_ROLES

CODE_DIGITS = 12
PASSWORD_LEAST = 8
STAFF_LEAST = 10
PASSWORD_MOST = 200

# Whoever holds one of these needs a password of ten characters; for the rest six digits will do.
PASSWORD_ROLES = SECOND_FACTOR_ROLES | {Role.CLERK}

RESIDENT_LIFE = timedelta(days=90)
STAFF_LIFE = timedelta(hours=12)
UNFINISHED_LIFE = timedelta(minutes=15)  # signed in, but the second factor is still to come
SLIP_LIFE = timedelta(days=7)

# The commonest of what people take when asked for more than six characters, in lower case.
COMMON = frozenset(Path(__file__).with_name("common_passwords.txt").read_text().split())


class WeakPassword(DomainError):
    """The new password will not do. The sentence says what would. Fact: ``least``."""

    code = "weak_password"
    sentence = N_("这个密码太好猜，请换一个。")


class BadPin(WeakPassword):
    """Neither six digits nor eight characters."""

    code = "bad_pin"
    sentence = N_("请定 6 个数，或者 8 位以上的密码。")


class GuessablePin(WeakPassword):
    """Six digits that are tried first: a birthday, a phone's tail, a run, a repetition."""

    code = "guessable_pin"
    sentence = N_("这个太好猜。不要用生日、电话，不要 6 个一样的数，也不要连着的数。")


class TooShort(WeakPassword):
    """A staff role needs more characters. Fact: ``least``."""

    code = "password_too_short"
    sentence = N_("您有社区的岗位，密码至少 {least} 位，几个词连起来就好记。")


class TooLong(WeakPassword):
    """Longer than anybody types. Fact: ``most``."""

    code = "password_too_long"
    sentence = N_("密码最多 {most} 位。")


class WrongCodeLength(DomainError):
    """Not twelve digits. Facts: ``missing`` or ``extra``, ``whole``."""

    code = "code_length"
    sentence = N_("少了 {missing} 个数，一共是 {whole} 个。")


class CodeTooLong(WrongCodeLength):
    """More than twelve digits. Facts: ``extra``, ``whole``."""

    code = "code_too_long"
    sentence = N_("多了 {extra} 个数，一共是 {whole} 个。")


class CodeNotDigits(WrongCodeLength):
    """Something else than digits. Fact: ``whole``."""

    code = "code_not_digits"
    sentence = N_("只打数字就行，一共是 {whole} 个。")


def sign_in_name(text: str) -> str:
    """A name as it is compared: full-width forms folded, no spaces, capitals."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).upper()[:40]


def same_text(password: str) -> str:
    """A password as it is compared: the same characters however the keyboard composed them. Nothing is cut off."""
    return unicodedata.normalize("NFKC", password)


def slip_code(text: str) -> str:
    """The twelve digits of a slip as typed or scanned. Raises WrongCodeLength and its kin."""
    digits = re.sub(r"[\s\-–—·.]+", "", unicodedata.normalize("NFKC", text))
    if not digits:
        raise WrongCodeLength(missing=CODE_DIGITS, whole=CODE_DIGITS)
    if not re.fullmatch(r"[0-9]+", digits, re.ASCII):
        raise CodeNotDigits(whole=CODE_DIGITS)
    if len(digits) < CODE_DIGITS:
        raise WrongCodeLength(missing=CODE_DIGITS - len(digits), whole=CODE_DIGITS)
    if len(digits) > CODE_DIGITS:
        raise CodeTooLong(extra=len(digits) - CODE_DIGITS, whole=CODE_DIGITS)
    return digits


def is_run(text: str) -> bool:
    """Whether the characters go up or down one by one: 123456, 210987, abcdef."""
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    return steps in ({1}, {-1}) or text in "0123456789" * 2 or text in "9876543210" * 2


def is_repeat(text: str) -> bool:
    """Whether a piece of up to three characters is repeated throughout: 888888, 121212, 520520."""
    return any(len(text) % n == 0 and text == text[:n] * (len(text) // n) for n in (1, 2, 3) if len(text) > n)


def check_password(
    password: str, *, roles: Collection[Role], numbers: Collection[str] = (), birth_year: int | None = None
) -> bool:
    """Refuse a new password that is too short or too easily guessed; True when it meets the rule for staff.

    numbers     the person's own number and phone, which make bad passwords
    Raises WeakPassword and its kin.
    """
    password = same_text(password)
    if len(password) > PASSWORD_MOST:
        raise TooLong(most=PASSWORD_MOST)
    is_pin = bool(re.fullmatch(r"[0-9]{6}", password, re.ASCII))
    if roles_need_password(roles):
        if len(password) < STAFF_LEAST:
            raise TooShort(least=STAFF_LEAST)
    elif not is_pin and len(password) < PASSWORD_LEAST:
        raise BadPin()
    own = {sign_in_name(n) for n in numbers if n}
    if is_pin:
        _check_pin(password, own, birth_year)
    elif password.lower() in COMMON or is_run(password) or is_repeat(password) or sign_in_name(password) in own:
        raise WeakPassword()
    return len(password) >= STAFF_LEAST


def _check_pin(pin: str, own: Collection[str], birth_year: int | None) -> None:
    guessable = is_run(pin) or is_repeat(pin) or any(number.endswith(pin) for number in own)
    if birth_year:
        year = str(birth_year)
        is_date = 1 <= int(pin[2:4]) <= 12 and 1 <= int(pin[4:]) <= 31
        guessable = guessable or year in pin or (pin.startswith(year[2:]) and is_date)
    if guessable:
        raise GuessablePin()


def roles_need_password(roles: Collection[Role]) -> bool:
    return bool(PASSWORD_ROLES.intersection(roles))


def life_of_sign_in(roles: Collection[Role]) -> timedelta:
    """How long a browser stays signed in: residents 90 days on their own phone, staff one working day."""
    return STAFF_LIFE if roles_need_password(roles) else RESIDENT_LIFE


def may_be_minor(birth_year: int | None, this_year: int) -> bool:
    """Whether somebody born that year can still be under 18: then a guardian agrees to the privacy notice.

    We store the year only, so whoever turns 18 this year counts as a minor until it ends (PIPL art. 31 asks for a
    guardian under 14; a scheme of points needs one for every contract of a minor, Civil Code art. 19).
    """
    return birth_year is not None and this_year - birth_year <= 18


@dataclass(frozen=True)
class Policy:
    """How many tries are free and how the wait grows: doubled at each further try, never longer than ``longest``."""

    free: int
    first: timedelta
    longest: timedelta
    window: timedelta  # after this they are counted from one again…
    sliding: bool = False  # …since the last try; otherwise since the first

    def wait_after(self, tries: int) -> timedelta | None:
        """The wait once so many tries have been made; None while they are free."""
        if tries < self.free:
            return None
        doublings: int = min(tries - self.free, 30)
        return min(self.first * (1 << doublings), self.longest)


# One name: five tries, then half a minute, doubling to half an hour: about fifty guesses a day at six digits.
PER_NAME = Policy(5, timedelta(seconds=30), timedelta(minutes=30), timedelta(hours=24), sliding=True)
# One address: a whole office stands behind it, and only tries that fail stay counted.
PER_ADDRESS = Policy(60, timedelta(minutes=1), timedelta(minutes=15), timedelta(minutes=15))
