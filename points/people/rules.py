"""Pure decisions about people: who a row of a list is, what becomes of it, and who may give which role.

Identity (in this order): the resident number; else the phone; else name, address and year of birth. Nothing is merged
because it looks alike: what is doubtful is reported with a sentence that says how to settle it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import N_
from .models import AreaKind, Role
from .rows import Problem, Reading

# ---------------------------------------------------------------- roles

RANK: Mapping[Role, int] = {
    Role.RESIDENT: 0,
    Role.GRID_WORKER: 1,
    Role.RIDER: 1,
    Role.LEADER: 1,
    Role.CLERK: 1,
    Role.STAFF: 2,
    Role.OFFICER: 3,
    Role.AUDITOR: 3,
    Role.ADMIN: 4,
}
OPERATOR = 9  # whoever has the machine


def rank_of(roles: Iterable[Role]) -> int:
    return max((RANK[role] for role in roles), default=0)


def may_give(giver: Role, role: Role) -> bool:
    """Whether a duty lets its holder give or end a role in its area: an administrator any, an officer what is below."""
    if role is Role.RESIDENT:
        return False
    return giver is Role.ADMIN or (giver is Role.OFFICER and RANK[role] < RANK[giver])


DEPTH: Mapping[AreaKind, int] = {kind: depth for depth, kind in enumerate(AreaKind)}


def kinds_below(kind: AreaKind) -> tuple[AreaKind, ...]:
    """What may lie directly in an area: every smaller kind (a community need not be divided into grids)."""
    return tuple(other for other in AreaKind if DEPTH[other] > DEPTH[kind])


# ---------------------------------------------------------------- who it is

FIELDS = ("number", "name", "phone", "birth_year", "address", "household", "area_id")
Fate = StrEnum("Fate", {"NEW": "new", "CHANGED": "changed", "SAME": "same", "DOUBLE": "double", "WRONG": "wrong"})


@dataclass(frozen=True)
class Known:
    """A person of the register, as far as identity and change are concerned."""

    id: int
    number: str
    name: str
    phone: str | None
    birth_year: int | None
    address: str | None
    household: str | None
    household_id: int | None
    area_id: int
    reachable: bool
    disabled: bool
    rank: int = 0


@dataclass(frozen=True)
class Importer:
    """Whoever brings the list: nobody changes their own or their household's record, or one of somebody above them."""

    person_id: int
    household_id: int | None
    rank: int


class Register:
    """The people who might be meant, and the household numbers of places out of reach."""

    def __init__(
        self, people: Iterable[Known], taken_names: Iterable[str] = (), foreign_households: Iterable[str] = ()
    ):
        self.by_number: dict[str, Known] = {}
        self.by_phone: dict[str, list[Known]] = defaultdict(list)
        self.by_facts: dict[tuple[str, str, int], list[Known]] = defaultdict(list)
        self.unpadded: dict[str, list[Known]] = defaultdict(list)
        for one in {person.id: person for person in people}.values():
            self.by_number[one.number] = one
            if one.number.isascii() and one.number.isdigit():
                self.unpadded[one.number.lstrip("0")].append(one)
            if one.phone:
                self.by_phone[one.phone].append(one)
            if one.address and one.birth_year:
                self.by_facts[one.name, one.address, one.birth_year].append(one)
        self.taken_names = frozenset(taken_names)
        self.foreign_households = frozenset(foreign_households)

    def identify(self, row: Reading) -> tuple[Known | None, dict[str, Problem]]:
        """The person a row speaks of, None when they are new, or what keeps us from telling."""
        name, phone, number = row["name"], row["phone"], row["number"]
        same_facts = self.by_facts.get((name, row["address"], row["birth_year"]), [])
        if number:
            if known := self.by_number.get(number):
                return known, {}
            return None, self._doubts(
                number, [*same_facts, *(p for p in self.by_phone.get(phone, []) if p.name == name)]
            )
        if phone and (known_by_phone := self.by_phone.get(phone)):
            if len(known_by_phone) > 1:
                say = N_("这个手机号有 {count} 位居民在用，请写上居民编号")
                return None, {"phone": Problem(say, {"count": len(known_by_phone)})}
            if known_by_phone[0].name != name:
                say = N_("这个手机号登记的是别人（编号 {number}）。请写上居民编号，或者去掉手机号")
                return None, {"phone": Problem(say, {"number": known_by_phone[0].number})}
            return known_by_phone[0], {}
        if len(same_facts) > 1:
            return None, {
                "name": Problem(N_("有 {count} 位同名、同住址、同年出生，请写上居民编号"), {"count": len(same_facts)})
            }
        return (same_facts[0] if same_facts else None), {}

    def _doubts(self, number: str, alike: Sequence[Known]) -> dict[str, Problem]:
        if alike:
            say = N_("已有同名同资料的居民，编号 {number}。是同一个人就写这个编号")
            return {"number": Problem(say, {"number": alike[0].number})}
        if number.isascii() and number.isdigit() and (padded := self.unpadded.get(number.lstrip("0"))):
            say = N_("没有编号 {text}，有 {number}。是不是 Excel 去掉了前面的 0")
            return {"number": Problem(say, {"text": number, "number": padded[0].number})}
        if number in self.taken_names:
            return {"number": Problem(N_("这个编号已经是别人的登录名，请换一个"))}
        return {}


@dataclass(frozen=True)
class Verdict:
    """What becomes of a row. ``changes``: the columns of the known person that the row would change."""

    row: int
    fate: Fate
    person_id: int | None = None
    changes: tuple[str, ...] = ()
    problems: Mapping[str, Problem] = field(default_factory=dict)


def judge(row: Reading, register: Register, by: Importer) -> Verdict:
    """The fate of one row by itself; ``judge_all`` also sees rows that speak of one person."""
    if row.problems:
        return Verdict(row.row, Fate.WRONG, problems=row.problems)
    known, doubts = register.identify(row)
    if doubts:
        return Verdict(row.row, Fate.WRONG, problems=doubts)
    if row["household"] in register.foreign_households:
        return Verdict(row.row, Fate.WRONG, problems={"household": Problem(N_("这个户号是别的社区的，请核对"))})
    if known is None:
        return Verdict(row.row, Fate.NEW)
    if not known.reachable:
        return _wrong(row, "number", N_("这位居民登记在别的社区，请核对编号"))
    if known.disabled:
        return _wrong(row, "number", N_("这位居民已停用，请先在“居民”里恢复"))
    changes = tuple(column for column in FIELDS if row[column] is not None and row[column] != getattr(known, column))
    if not changes:
        return Verdict(row.row, Fate.SAME, known.id)
    if known.id == by.person_id or (by.household_id is not None and known.household_id == by.household_id):
        return _wrong(row, changes[0], N_("这是您自己或家里人的资料，请另一位同事来改"))
    if known.rank > by.rank:
        return _wrong(row, changes[0], N_("这位的岗位比您高，请管理员来改"))
    return Verdict(row.row, Fate.CHANGED, known.id, changes)


def _wrong(row: Reading, column: str, say: str) -> Verdict:
    return Verdict(row.row, Fate.WRONG, problems={column: Problem(say)})


SAME_NUMBER = N_("和第 {other} 行编号相同，请留一行")
SAME_PHONE = N_("和第 {other} 行手机号相同。是同一个人请留一行，不是就都写上编号")
SAME_PERSON = N_("和第 {other} 行是同一个人，请留一行")
SAME_FACTS = N_("和第 {other} 行姓名、住址、出生年都相同，请留一行")


def judge_all(rows: Sequence[Reading], register: Register, by: Importer) -> list[Verdict]:
    """The fate of every row. Rows of one list that speak of one person are reported, all of them, never merged."""
    verdicts = {row.row: judge(row, register, by) for row in rows}
    doubles = _doubles(rows, verdicts)
    return [
        verdicts[row.row]
        if verdicts[row.row].fate is Fate.WRONG or row.row not in doubles
        else Verdict(row.row, Fate.DOUBLE, problems=doubles[row.row])
        for row in rows
    ]


def _doubles(rows: Sequence[Reading], verdicts: Mapping[int, Verdict]) -> dict[int, dict[str, Problem]]:
    together: dict[tuple[Any, ...], list[Reading]] = defaultdict(list)
    for row in rows:
        if row["number"]:
            together["number", row["number"]].append(row)
        if row["phone"]:
            together["phone", row["phone"]].append(row)
        if row["address"] and row["birth_year"]:
            together["name", row["name"], row["address"], row["birth_year"]].append(row)
        if (person := verdicts[row.row].person_id) is not None:
            together["person", person].append(row)
    found: dict[int, dict[str, Problem]] = {}
    sentences = {"number": SAME_NUMBER, "phone": SAME_PHONE, "name": SAME_FACTS, "person": SAME_PERSON}
    for (kind, *_), group in together.items():
        if kind == "phone":  # a couple may share a phone when numbers tell them apart
            told_apart = all(row["number"] for row in group) and len({row["name"] for row in group}) == len(group)
            group = [] if told_apart else group
        for row in group if len(group) > 1 else ():
            other = group[0] if row is not group[0] else group[1]
            column = "number" if kind == "person" else kind
            found.setdefault(row.row, {column: Problem(sentences[kind], {"other": other.row})})
    return found
