"""A unit of the document's own, from the rule to the claimant's list."""

from __future__ import annotations

from typing import Any

from points.awards import words
from points.awards.queries import line_of
from points.rulebook.document import document_from
from points.rulebook.queries import rules_on
from tests.factories import World
from tests.integration.awards_world import claimed, load_rules, today
from tests.rulebook_book import body, rule_body

BUILDING = {"code": "building", "title": "栋", "title_en": "buildings", "most": 50}


def a_world(world: World) -> Any:
    document = document_from(body([rule_body(unit="building", code="spray")], units=[BUILDING]))
    load_rules(world, *document.rules)
    return world.person()


def test_a_unit_of_the_documents_own_stands_on_the_form_and_in_the_list(world: World) -> None:
    person = a_world(world)
    choice = words.choice_of(rules_on(world.scheme_id, today(world))[0])
    assert (choice.unit, choice.question, choice.pays) == ("栋", "有多少栋？", "每栋 10 分")
    claim = claimed(world, person, rule="spray", quantity=3000)
    line = line_of(world.visitor(person), claim.id)
    assert words.quantity_words(claim.quantity, line.unit) == "3 栋"
