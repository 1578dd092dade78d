"""Caps: which usage rows a rule needs, how much they leave, and what a deed takes of them.

What is taken away is counted apart from what is given, in rows whose name ends with "-".
"""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from hashlib import blake2b

from ..clock import period_of
from ..errors import N_
from .assessment import CapKey, CapTake, Values
from .reckoning import Reckoning
from .terms import CAP_PERIODS, Cap, Rule

SUFFIX = {"person": "", "household": ".h", "team": ".t", "area": ".a", "all": ".all"}


def cap_name(rule: Rule, cap: Cap, less: bool = False) -> str:
    """The cap's name in usage rows: the same for every version, so that a new version does not start from nothing."""
    owner = f"@{cap.group}" if cap.group else rule.code
    return f"{owner}.{cap.what}{SUFFIX[cap.who]}" + (".s" if cap.same else "") + ("-" if less else "")


def span_of(cap: Cap, done_on: date, subject: str = "", act: str = "") -> tuple[str, date | None] | None:
    """The key of the cap's period and the day on which the next begins; None: it limits one claim, without a row."""
    if cap.per in ("subject", "act"):
        name = subject if cap.per == "subject" else act
        return (f"{cap.per[0]}:{short(name)}", None) if name else None
    if cap.per == "activity":
        return None
    key, following = calendar_of(cap, done_on)
    if cap.same:
        return (f"p:{short(f'{key}|{subject}')}", following) if subject else None
    return key, following


def calendar_of(cap: Cap, done_on: date) -> tuple[str, date | None]:
    """The calendar period of a cap that has one, by its key; and the day on which the next begins."""
    if cap.starts:
        month, day = int(cap.starts[:2]), int(cap.starts[3:])
        year = done_on.year - (done_on < date(done_on.year, month, day))
        return f"{year}~{cap.starts}", date(year + 1, month, day)
    key, _, following = period_of(done_on, cap.per)
    return key, following


def short(name: str) -> str:
    """Sixteen letters that stand for a name of any length."""
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def rows_by(rule: Rule, per: str) -> bool:
    return any(cap.per == per for cap in rule.caps)


def cap_keys(rule: Rule, done_on: date, subject: str, act: str) -> set[CapKey]:
    """The rows of all caps; where points may be taken away too, also those that count this."""
    found = set()
    for cap in rule.caps:
        if span := span_of(cap, done_on, subject, act):
            found.add(CapKey(cap.who, cap_name(rule, cap), span[0]))
            if rule.takes_away and cap.what in ("points", "honour", "minutes"):
                found.add(CapKey(cap.who, cap_name(rule, cap, less=True), span[0]))
    return found


def ordered(rule: Rule) -> list[Cap]:
    """Caps from the shortest period to the longest: the reckoning reads best that way."""
    return sorted(rule.caps, key=lambda cap: (CAP_PERIODS.index(cap.per), cap.group, cap.what, cap.who))


def row_of(it: Reckoning, cap: Cap, less: bool = False) -> tuple[CapKey, date | None] | None:
    span = span_of(cap, it.facts.done_on, it.facts.subject, it.facts.act)
    return (CapKey(cap.who, cap_name(it.rule, cap, less), span[0]), span[1]) if span else None


def left_of(it: Reckoning, cap: Cap, most: int, less: bool = False) -> int:
    row = row_of(it, cap, less)
    return max(0, most - max(0, it.usage.get(row[0], 0))) if row else most


def counts_units(it: Reckoning, cap: Cap) -> bool:
    """Whether the cap counts units. A time is an event where events are counted, and a claim elsewhere."""
    return cap.what == "units" or it.rule.unit == "event"


def most_of(it: Reckoning, cap: Cap) -> int:
    """The most of a cap in what its row counts: minor units, minutes, or thousandths of units."""
    if cap.what in ("points", "honour"):
        return it.minor(cap.most)
    return cap.most // 1000 if cap.what == "minutes" else cap.most


def named(it: Reckoning, cap: Cap) -> Values:
    """The period and whose cap it is, as values of a sentence. ``item`` "" stands for the rule itself."""
    values: Values = {"item": cap.group_title, "who": cap.who}
    if cap.what in ("points", "honour"):
        values["most_points"] = it.minor(cap.most)
    elif cap.what == "minutes":
        values["most_minutes"] = cap.most // 1000
    else:
        values |= {"most_qty": cap.most, "unit": it.rule.unit_name if cap.what == "units" else "time"}
    if row := row_of(it, cap):
        values["span"] = cap.per if cap.per in ("subject", "act") else calendar_of(cap, it.facts.done_on)[0]
        if row[1]:
            values["again_on"] = row[1]
    return values


# One sentence each for a single claim, a period that begins again, and one that does not; by what is limited.
OVER = {
    "points": (
        N_("一次不能超过 {most_points} 分。"),
        N_("{span}{item}最多 {most_points} 分，这次报就超了，{again_on}起再报。"),
        N_("{item}一共最多 {most_points} 分，不能再报这么多。"),
    ),
    "units": (
        N_("一次不能超过 {most_qty} {unit}。"),
        N_("{span}{item}最多 {most_qty} {unit}，这次报就超了，{again_on}起再报。"),
        N_("{item}一共最多 {most_qty} {unit}，不能再报这么多。"),
    ),
    "honour": (
        N_("一次荣誉积分不能超过 {most_points} 分。"),
        N_("{span}{item}荣誉积分最多 {most_points} 分，这次报就超了，{again_on}起再报。"),
        N_("{item}荣誉积分一共最多 {most_points} 分，不能再报这么多。"),
    ),
    "minutes": (
        N_("一次服务时长不能超过 {most_minutes} 分钟。"),
        N_("{span}{item}服务时长最多 {most_minutes} 分钟，这次报就超了，{again_on}起再报。"),
        N_("{item}服务时长一共最多 {most_minutes} 分钟，不能再报这么多。"),
    ),
}
SAME_OVER = {
    "points": N_("{span}{item}最多 {most_points} 分，已经报过了。"),
    "units": N_("{span}{item}最多 {most_qty} {unit}，已经报过了。"),
    "honour": N_("{span}{item}荣誉积分最多 {most_points} 分，已经报过了。"),
    "minutes": N_("{span}{item}服务时长最多 {most_minutes} 分钟，已经报过了。"),
}


def kind_of(cap: Cap) -> str:
    return "units" if cap.what == "times" else cap.what


def refuse_over(it: Reckoning, cap: Cap) -> None:
    if row_of(it, cap) is None:
        sentence = OVER[kind_of(cap)][0]
    elif cap.per in ("subject", "act"):
        sentence = SAME_OVER[kind_of(cap)]
    else:
        sentence = OVER[kind_of(cap)][2 if cap.per == "lifetime" else 1]
    it.refuse("cap_exceeded", sentence, named(it, cap))


def cap_quantity(it: Reckoning) -> None:
    """Cut what counts to what caps on times and units leave. Honour and minutes are of what counts, so fall with it."""
    for cap in ordered(it.rule):
        if cap.what not in ("times", "units") or it.quantity == 0:
            continue
        left = left_of(it, cap, cap.most)
        if (it.quantity if counts_units(it, cap) else 1000) <= left:
            continue
        if cap.over == "refuse":
            return refuse_over(it, cap)
        if not counts_units(it, cap):
            left = 0
        elif not it.rule.measured:
            left = left // 1000 * 1000  # nobody visits half a person
        values = named(it, cap) | {"asked_qty": it.quantity, "left_qty": left}
        it.quantity = left
        if row_of(it, cap) is None:
            it.say("cap_once", N_("报了 {asked_qty} {unit}，一次最多算 {most_qty} {unit}"), values)
        elif left and cap.per == "lifetime":
            it.say("cap_cut", N_("{item}一共最多算 {most_qty} {unit}，这次只能再算 {left_qty} {unit}"), values)
        elif left:
            it.say("cap_cut", N_("{span}{item}最多算 {most_qty} {unit}，这次只能再算 {left_qty} {unit}"), values)
        elif cap.per == "lifetime":
            it.say("cap_full", N_("{item}一共最多算 {most_qty} {unit}，已经满了。"), values)
        elif "again_on" not in values:
            it.say("cap_full", N_("{span}{item}最多算 {most_qty} {unit}，已经算过了。"), values)
        else:
            it.say("cap_full", N_("{span}{item}满 {most_qty} {unit}了，{again_on}起再记。"), values)
    return None


def cap_points(it: Reckoning) -> None:
    """Cut the points to what the caps on points leave; points taken away are capped by their size. Where what goes
    beyond a cap counts in part, that part may be more than it was (110 %, or rounded up): the others cut once more."""
    caps = ordered(it.rule)
    if any(cap.over == "percent" for cap in caps):
        caps = [*caps, *(cap for cap in caps if cap.over != "percent")]
    for cap in caps:
        less = it.points < 0
        left = left_of(it, cap, it.minor(cap.most), less)
        if cap.what != "points" or abs(it.points) <= left:
            continue
        if cap.over == "refuse":
            return refuse_over(it, cap)
        if cap.over == "percent":
            discount_beyond(it, cap, left)
            continue
        values = named(it, cap) | {"sum_points": left}
        if row_of(it, cap) is None:
            sentence = (
                N_("一次最多扣 {most_points} 分") if less else N_("一次最多算 {most_points} 分，所以是 {sum_points} 分")
            )
        elif less:
            sentence = N_("{span}{item}最多扣 {most_points} 分，这次只能再扣 {sum_points} 分")
        elif left and cap.per == "lifetime":
            sentence = N_("{item}一共最多 {most_points} 分，这次只能再记 {sum_points} 分")
        elif left:
            sentence = N_("{span}{item}最多 {most_points} 分，这次只能再记 {sum_points} 分")
        elif cap.per == "lifetime":
            sentence = N_("{item}一共最多 {most_points} 分，已经满了。")
        elif "again_on" not in values:
            sentence = N_("{span}{item}最多 {most_points} 分，已经记过了。")
        else:
            sentence = N_("{span}{item}满 {most_points} 分了，{again_on}起再记。")
        it.say("cap_cut" if left else "cap_full", sentence, values, (-left if less else left) - it.points)
    return None


def discount_beyond(it: Reckoning, cap: Cap, left: int) -> None:
    """What goes beyond the cap counts in part. The row counts what there was before, so that the cap stays reached."""
    row = row_of(it, cap, it.points < 0)
    if row:
        it.nominal[row[0]] = abs(it.points)
    beyond = abs(it.points) - left
    size = left + it.rounded(Fraction(beyond * cap.percent, 100))
    values = named(it, cap) | {"over_points": beyond, "percent": cap.percent, "sum_points": size}
    sentence = N_("超过 {most_points} 分的部分（{over_points} 分）按 {percent}% 算，是 {sum_points} 分")
    it.say("cap_part", sentence, values, (-size if it.points < 0 else size) - it.points)


def cap_beside(it: Reckoning) -> None:
    """Cut honour and minutes to what caps on them leave."""
    for cap in ordered(it.rule):
        if cap.what not in ("honour", "minutes"):
            continue
        amount = getattr(it, cap.what)
        left = left_of(it, cap, most_of(it, cap), amount < 0)
        if abs(amount) <= left:
            continue
        if cap.over == "refuse":
            return refuse_over(it, cap)
        setattr(it, cap.what, -left if amount < 0 else left)
        if cap.what == "honour":
            values = named(it, cap) | {"left_points": left}
            it.say("cap_honour", N_("荣誉积分有上限 {most_points} 分，这次记 {left_points} 分"), values)
        else:
            values = named(it, cap) | {"left_minutes": left}
            it.say("cap_minutes", N_("服务时长有上限 {most_minutes} 分钟，这次记 {left_minutes} 分钟"), values)
    return None


def take(it: Reckoning, points: int) -> None:
    """Note what this deed uses of each cap with a row, and what it leaves of caps on points and of quotas for all."""
    counted = {"points": points, "honour": it.honour, "minutes": it.minutes}
    for cap in ordered(it.rule):
        amount = counted[cap.what] if cap.what in counted else it.quantity if counts_units(it, cap) else 1000
        less = amount < 0
        row = row_of(it, cap, less)
        if row is None or amount == 0:
            continue
        most = most_of(it, cap)
        if cap.over == "percent":
            it.count(row[0], it.nominal.get(row[0], abs(amount)))
            continue
        it.takes.append(CapTake(row[0], abs(amount), most, row[1]))
        left = left_of(it, cap, most, less) - abs(amount)
        if cap.what == "points" and left > 0 and not less and cap.per not in ("subject", "act"):
            once, again = N_("{item}一共还能再得 {left_points} 分"), N_("{span}{item}还能再得 {left_points} 分")
            it.say("cap_left", once if row[1] is None else again, named(it, cap) | {"left_points": left})
        elif cap.what == "times" and cap.who == "all" and not less and cap.per not in ("subject", "act"):
            said = N_("{span}{item}一共 {most_qty} 个名额，记上这一次还剩 {left_qty} 个")
            it.say("quota_left", said, named(it, cap) | {"left_qty": left})
