"""What somebody may only donate, line by line: what came in and what was given away. Their own purse, and the teams
they lead; nobody else's."""

from __future__ import annotations

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from ..awards.periods.queries import Giver, pools_given, purses_of
from ..errors import NotFound
from ..people.visitor import Visitor
from ..web import audience, id_from, me
from .pages import as_file, every_line, pages
from .statement import SIGNS, Line, by_month, statement_of


def purse_for(who: Visitor, wanted: int | None) -> tuple[Giver, list[Giver]]:
    """The purse that was asked for, else the first; and all that the visitor may read. Raises NotFound."""
    mine = purses_of(who.scheme_id, who.person_id)
    found = next((one for one in mine if wanted is None or one.id == wanted), None)
    if found is None:
        raise NotFound()
    return found, mine


def lines_of(
    who: Visitor, purse_id: int, *, show: str = "all", after: str | None = None, size: int = 30
) -> tuple[list[Line], str | None]:
    """A page of a purse's statement; what was given away is called by the pool that got it."""
    lines, following = statement_of(who.scheme_id, purse_id, show=show, after=after, size=size, reader_id=who.person_id)
    return named(who.scheme_id, lines), following


def named(scheme_id: int, lines: list[Line]) -> list[Line]:
    given = pools_given(scheme_id, [line.transfer_id for line in lines if line.kind == "gift"])
    return [line.called(given.get(line.transfer_id)) for line in lines]


@pages.get("/me/donated")
@audience("own")
def donated() -> ResponseReturnValue:
    who, asked = me(), request.args.get("purse")
    purse, mine = purse_for(who, id_from(asked) or 0 if asked else None)
    show = request.args.get("show", "all")
    show = show if show in SIGNS else "all"
    lines, following = lines_of(who, purse.id, show=show, after=request.args.get("after"))
    return render_template(
        "reporting/donated.html", purse=purse, purses=mine, show=show, groups=by_month(lines), next=following
    )


@pages.get("/me/donated/<int:purse_id>.csv")
@audience("own")
def donated_file(purse_id: int) -> Response:
    who = me()
    purse, _ = purse_for(who, purse_id)
    every = every_line(who.scheme_id, purse.id, who.person_id)
    return as_file(named(who.scheme_id, every), who.points_scale, "donated.csv")
