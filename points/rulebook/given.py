"""What a document gives or takes by itself, as rules: what its rankings, `also` and `missed` say. Nobody claims these;
the system files them, so that they go the way of every award: review, public notice, caps, version. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .completion import GIVEN, completed

AS_THE_DEED = ("category", "life", "notice_days", "notice_above")


def prize_code(ranking: str, place: int) -> str:
    """The code of the rule that gives a ranking's prize; ``place`` counts the prizes from 1."""
    return f"{ranking[:30]}.prize{place}"


def given_rules(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rules behind a document's prizes, complete in themselves. A prize that is only a title needs none."""
    rules = [rule for _, rule in given_parts(body)]
    return completed(body, rules)


def given_parts(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Those rules as they stand by themselves, each with the title of what it comes from."""
    for ranking in body.get("rankings", ()):
        for place, prize in enumerate(ranking["prizes"], 1):
            if "points" not in prize and "honour" not in prize:
                continue
            rule: dict[str, Any] = {
                "code": prize_code(ranking["code"], place),
                "title": prize.get("title") or ranking["title"],
                "kind": "other",
                "unit": "event",
                "amount": {"type": "fixed", "points": prize.get("points", "0")},
                "beside": {"honour": {"type": "fixed", "points": prize.get("honour", "0")}},
                "trigger": GIVEN,
            }
            if ranking.get("by") == "team" and prize.get("for", "team") == "team":
                rule["subject"] = "team"
            if "shared" in prize:
                rule |= shared_prize(body, ranking, prize)
            rule |= {name: ranking[name] for name in ("notice_days", "review") if name in ranking}
            yield ranking["title"], rule
    for rule in body["rules"]:
        for one in rule.get("also", ()):
            yield rule["title"], also_rule(rule, one)
    for missed in body.get("missed", ()):
        yield missed["title"], missed_rule(missed)


def shared_prize(body: Mapping[str, Any], ranking: Mapping[str, Any], prize: Mapping[str, Any]) -> dict[str, Any]:
    """What is different of a prize that those whom it reaches share: its quantity is one's share, in points."""
    by = "evenly" if prize["shared"] == "evenly" else measure_of(body, ranking)
    unit = {"code": "share", "title": "分", "title_en": "points", "measured": True, "most": prize["points"]}
    amount = {name: prize[name] for name in ("points", "most_each") if name in prize} | {"type": "shared", "by": by}
    return {"unit": "share", "unit_is": unit, "amount": amount, "beside": {}}


def measure_of(body: Mapping[str, Any], ranking: Mapping[str, Any]) -> str:
    """What a ranking counts, as reckonings name it: a balance of the document by its titles."""
    over = ranking.get("over") or ranking["counts"]
    own = next((one for one in body.get("balances", ()) if one["code"] == ranking.get("over")), None)
    return "|".join(filter(None, (own["title"], own.get("title_en", "")))) if own else over


def also_code(rule: str, to: str) -> str:
    """The code of the rule behind what a rule gives to somebody else."""
    return f"{rule[:33]}.{to}"


def also_rule(rule: Mapping[str, Any], also: Mapping[str, Any]) -> dict[str, Any]:
    """It is of the same category; the deed was reviewed already, so this is not reviewed again. Whoever gets it stands
    on public notice as whoever did the deed: a nomination's winner, not its nominator alone."""
    found: dict[str, Any] = {
        "code": also_code(rule["code"], also["for"]),
        "title": rule["title"],
        "kind": rule.get("kind", "other"),
        "unit": "event",
        "amount": {"type": "fixed", "points": also["points"]},
        "subject": "team" if also["for"] == "team" else "person",
        "review": "none",
        "trigger": GIVEN,
    }
    return found | {name: rule[name] for name in AS_THE_DEED if name in rule}


def missed_code(code: str) -> str:
    """The code of the rule behind an entry of ``missed``."""
    return f"{code[:33]}.missed"


def missed_rule(missed: Mapping[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "code": missed_code(missed["code"]),
        "title": missed["title"],
        "kind": "other",
        "unit": "event",
        "amount": {"type": "fixed", "points": missed["points"]},
        "trigger": GIVEN,
    }
    return rule | {name: missed[name] for name in ("into", "notice_days", "review") if name in missed}
