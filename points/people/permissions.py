"""The permission table: role × action, within the area of the role. What is not here is refused."""

from __future__ import annotations

from collections.abc import Mapping

from .models import Role

R, G, M, L, C, S, O, A, D = (  # noqa: E741  a table reads better with short columns
    Role.RESIDENT,
    Role.GRID_WORKER,
    Role.RIDER,
    Role.LEADER,
    Role.CLERK,
    Role.STAFF,
    Role.OFFICER,
    Role.AUDITOR,
    Role.ADMIN,
)

MAY: Mapping[str, frozenset[Role]] = {
    "own": frozenset({R}),  # one's own balance, statement, code, claims
    "claims.file": frozenset({R}),
    "claims.file_for": frozenset({G, L, S}),  # on behalf of somebody in the area
    "claims.see": frozenset({S, O, A}),
    "claims.review": frozenset({S, O}),
    "claims.vote": frozenset({G, M, L, S, O}),  # where the rule's path asks for the role
    "samples.see": frozenset({O, A}),  # how often second readers agree with each reviewer
    "batches.see": frozenset({S, O, A}),
    "batches.make": frozenset({S, O}),
    "batches.decide": frozenset({S, O}),
    "corrections.ask": frozenset({S, O}),
    "corrections.confirm": frozenset({S, O}),
    "people.see": frozenset({S, O, D}),
    "people.edit": frozenset({S, O, D}),
    "people.import": frozenset({S, O, D}),
    "people.unmask": frozenset({S, O, D}),
    "teams.see": frozenset({S, O, A, D}),
    "teams.edit": frozenset({S, O}),
    "teams.open": frozenset({S, O}),  # who is on a restricted list; every look is written down
    "slips.issue": frozenset({S, O, D}),
    "cards.print": frozenset({S, O}),
    "statements.print": frozenset({S, O}),
    "messages.see_for": frozenset({S, O}),  # at the counter, for somebody without a phone; it is written down
    "appeals.file_for": frozenset({S, O}),
    "appeals.see": frozenset({S, O, A}),
    "appeals.decide": frozenset({S, O}),
    "notices.see": frozenset({S, O, A}),
    "objections.see": frozenset({S, O, A}),
    "objections.decide": frozenset({S, O}),
    "due.see": frozenset({S, O, A}),
    "due.settle": frozenset({S, O}),  # what could not be credited on its day: try again, or drop it with a reason
    "calendar.see": frozenset({S, O, A}),
    "calendar.edit": frozenset({O}),
    "roles.give": frozenset({O, D}),
    "areas.edit": frozenset({O, D}),
    "rulebook.see": frozenset({R, S, O, A}),
    "rulebook.load": frozenset({O}),
    "rulebook.simulate": frozenset({O}),
    "budgets.see": frozenset({S, O, A}),
    "budgets.set": frozenset({O}),
    "rankings.see": frozenset({R, S, O, A}),
    "grants.see": frozenset({S, O, A}),
    "grants.ask": frozenset({S, O}),
    "grants.approve": frozenset({O}),
    "shop.see": frozenset({C, S, O, A}),
    "shop.edit": frozenset({S, O}),
    "stock.receive": frozenset({C, S, O}),
    "till.serve": frozenset({C}),
    "returns.second": frozenset({C, S, O}),
    "audit.see": frozenset({O, A}),
    "ledger.export": frozenset({O, A}),
    "jobs.see": frozenset({O, A, D}),
    "jobs.run": frozenset({O, D}),
    "tokens.make": frozenset({D}),
}

# Whoever holds one of these signs in with a second factor as well.
SECOND_FACTOR_ROLES = frozenset({S, O, A, D})
