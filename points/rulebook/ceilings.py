"""What a holder's balances allow: ceilings with overflow, and no more taken away than there is where debts stop."""

from __future__ import annotations

from fractions import Fraction

from ..errors import N_
from .assessment import Values
from .pricing import worth
from .reckoning import Reckoning, rounded
from .terms import Amount, Balance, Ceiling


def minutes_of(it: Reckoning) -> int:
    """Whole minutes of service for what counted."""
    each = it.rule.minutes
    if it.rule.minutes_amount is not None:
        exact = worth(it.rule.minutes_amount, it.quantity, it.facts) * it.percent_minutes / (100 * 1000)
        return rounded(exact, "down")
    if each is None:
        each = {"hour": 60_000, "minute": 1000}.get(it.rule.unit, 0)
    return rounded(Fraction(it.quantity * each * it.percent_minutes, 100 * 10**6), "down")


def honour_of(it: Reckoning) -> int:
    """Points of honour for what counted; "same" follows the points as capped."""
    rule = it.rule
    if rule.into == "honour":
        return 0
    if rule.honour is None:
        return it.points
    if rule.honour_amount is not None:
        return rounded(beside(it, rule.honour_amount, it.scale), rule.honour_amount.rounding)
    exact = Fraction(it.quantity * rule.honour * it.percent_honour * 10**it.scale, 100 * 10**6)
    return it.rounded(exact)


def beside(it: Reckoning, amount: Amount, decimals: int) -> Fraction:
    """What an amount beside the points comes to, in minor units of so many decimals."""
    return worth(amount, it.quantity, it.facts) * int(10**decimals) * it.percent_honour / (1000 * 100)


def others_of(it: Reckoning) -> dict[str, int]:
    """What goes to further balances, each in its own minor units."""
    found = {}
    for one in it.rule.beside:
        decimals = one.balance.decimals
        if one.amount is not None:
            amount = rounded(beside(it, one.amount, decimals), one.amount.rounding)
        elif one.each is None:
            amount = in_balance(it, one.balance)
        else:
            exact = Fraction(it.quantity * one.each * it.percent_honour * 10**decimals, 100 * 10**6)
            amount = it.rounded(exact)
        if amount:
            found[one.balance.code] = amount
    return found


def in_balance(it: Reckoning, balance: Balance) -> int:
    """The points as they stand, in a balance's own minor units."""
    return it.rounded(Fraction(it.points * 10**balance.decimals, 10**it.scale))


def place(it: Reckoning) -> None:
    """Let go into each balance what it takes, and move the points where the rule wants them."""
    if it.rule.into:
        move(it)
    limits = {ceiling.balance: ceiling for ceiling in it.rule.ceilings}
    for balance in ("points", "honour", "minutes", *sorted(it.others)):
        amount = amount_of(it, balance)
        if amount > 0 and balance in limits and balance in it.facts.balances:
            fill(it, limits[balance], amount)
        elif amount < 0 and it.rule.deductions is not None and it.rule.deductions.below_zero == "stop":
            drain(it, balance, amount)


def amount_of(it: Reckoning, balance: str) -> int:
    if balance in ("points", "honour", "minutes"):
        return int(getattr(it, balance))
    return it.others.get(balance, 0)


def put(it: Reckoning, balance: str, amount: int) -> None:
    """Set what a balance other than points gets."""
    if balance in ("honour", "minutes"):
        setattr(it, balance, amount)
    else:
        it.others[balance] = amount


def move(it: Reckoning) -> None:
    """The whole amount goes to another balance: no points are left."""
    balance = it.rule.into_balance
    if balance is not None:
        amount = in_balance(it, balance)
        if amount:
            it.others[balance.code] = it.others.get(balance.code, 0) + amount
        name = balance.title + (f"|{balance.title_en}" if balance.title_en else "")
        values: Values = {"balance": name, "moved_points": it.points}
    elif it.rule.into == "minutes":
        it.minutes += rounded(Fraction(it.points, 10**it.scale), it.rule.amount.rounding)
        values = {"balance": "minutes", "moved_points": it.points}
    else:
        it.honour += it.points
        values = {"balance": "honour", "moved_points": it.points}
    if it.points:
        it.say("into", N_("{moved_points} 分记入{balance}，不记积分"), values, -it.points)


def shown(it: Reckoning, balance: str, amount: int) -> int:
    """An amount of a balance in thousandths, to be shown."""
    decimals = {"minutes": 0}.get(balance, it.scale)
    for one in (*(beside.balance for beside in it.rule.beside), it.rule.into_balance):
        if one is not None and one.code == balance:
            decimals = one.decimals
    return amount * 1000 // int(10**decimals)


def limit_of(it: Reckoning, ceiling: Ceiling) -> int:
    """A ceiling in the balance's minor units."""
    for one in (*(beside.balance for beside in it.rule.beside), it.rule.into_balance):
        if one is not None and one.code == ceiling.balance:
            return ceiling.most * int(10**one.decimals) // 1000
    return ceiling.most // 1000 if ceiling.balance == "minutes" else it.minor(ceiling.most)


def fill(it: Reckoning, ceiling: Ceiling, amount: int) -> None:
    room = max(0, limit_of(it, ceiling) - it.facts.balances[ceiling.balance])
    over = amount - room
    if over <= 0:
        return
    values: Values = {"balance": name_of(it, ceiling.balance), "most_milli": ceiling.most, "pool": ceiling.pool}
    values["over_milli"] = shown(it, ceiling.balance, over)
    if ceiling.overflow == "refuse":
        it.refuse("ceiling_reached", N_("{balance}最多存 {most_milli}，现在放不下了。"), values)
        return
    it.overflow.append((ceiling.balance, over, ceiling.overflow, ceiling.pool))
    if ceiling.overflow == "lapse":
        sentence = N_("{balance}最多存 {most_milli}，多出的 {over_milli} 不记")
    elif ceiling.pool:
        sentence = N_("{balance}最多存 {most_milli}，多出的 {over_milli} 进“{pool}”")
    else:
        sentence = N_("{balance}最多存 {most_milli}，多出的 {over_milli} 进公益池")
    it.say("ceiling", sentence, values, -over if ceiling.balance == "points" else 0)
    if ceiling.balance != "points":
        put(it, ceiling.balance, room)


def drain(it: Reckoning, balance: str, amount: int) -> None:
    """Take away no more than there is; what is not known is not limited."""
    there = it.facts.balances.get(balance)
    if there is None or -amount <= max(0, there):
        return
    there = max(0, there)
    values: Values = {"balance": name_of(it, balance), "left_milli": shown(it, balance, there)}
    if gives_something(it):
        values["needed_milli"] = shown(it, balance, -amount)
        it.refuse("not_enough", N_("{balance}只有 {left_milli}，不够 {needed_milli}，换不了。"), values)
        return
    sentence = N_("{balance}只有 {left_milli}，扣完为止")
    it.say("floor", sentence, values, -there - amount if balance == "points" else 0)
    if balance != "points":
        put(it, balance, -there)


def gives_something(it: Reckoning) -> bool:
    """Whether the deed also gives: then what it takes is the price, and nothing is given for a part of it."""
    return max((it.points, it.honour, it.minutes, *it.others.values())) > 0


def name_of(it: Reckoning, balance: str) -> str:
    """A balance as a value of a sentence: a word that ``wording`` knows, or its title ("先锋指数|Pioneer index")."""
    for one in (*(beside.balance for beside in it.rule.beside), it.rule.into_balance):
        if one is not None and one.code == balance:
            return one.title + (f"|{one.title_en}" if one.title_en else "")
    return balance
