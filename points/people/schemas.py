"""What forms about people and places may bring in. Cells of forms are read like cells of lists: see cells.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext
from marshmallow import ValidationError, fields, validate, validates

from .. import clock
from ..errors import N_
from ..web.schemas import IdField, Strict, Text, Whole
from .cells import Unreadable, address_of, household_of, name_of, number_of, phone_of, text_of, year_of
from .models import AreaKind, Role, TeamKind
from .relatives import KINDS as RELATIVE_KINDS


class Cell(fields.Field[Any]):
    """A text read by one of the readers of lists; what it cannot read is refused with the reader's sentence."""

    def __init__(self, reader: Callable[[str], Any], **kwargs: Any) -> None:
        self.reader = reader
        super().__init__(**kwargs)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, str) or len(value) > 400:
            raise ValidationError(gettext(N_("请填文字，不要太长。")))
        try:
            return self.reader(text_of(value))
        except Unreadable as error:
            raise ValidationError(gettext(error.say).format_map(error.facts)) from None


def _year(text: str) -> int | None:
    return year_of(text, clock.now().year)


class ResidentSchema(Strict):
    """A resident as the form sends it. Empty fields say nothing, and in an edit take away what was there."""

    number = Cell(number_of, load_default=None)
    name = Cell(name_of, required=True)
    phone = Cell(phone_of, load_default=None)
    birth_year = Cell(_year, load_default=None)
    address = Cell(address_of, load_default=None)
    household = Cell(household_of, load_default=None)
    guardian = Cell(lambda text: name_of(text) if text else None, load_default=None)
    area_id = IdField(required=True, error_messages={"required": N_("请选一个区域。")})


class NewResidentSchema(ResidentSchema):
    anyway = fields.Boolean(load_default=False)


class EditResidentSchema(ResidentSchema):
    version = Whole(least=1, required=True)


class AreaSchema(Strict):
    name = Text(least=1, most=40, required=True)


class NewAreaSchema(AreaSchema):
    kind = fields.String(required=True, validate=validate.OneOf([kind.value for kind in AreaKind]))


class RoleSchema(Strict):
    """A role for somebody named by id or number, in the area of the page or the one chosen."""

    role = fields.String(
        required=True,
        validate=validate.OneOf([role.value for role in Role], error=N_("请选一个岗位。")),
        error_messages={"required": N_("请选一个岗位。")},
    )


class RoleByNumberSchema(RoleSchema):
    number = Cell(number_of, required=True)


class RoleInAreaSchema(RoleSchema):
    area_id = IdField(required=True, error_messages={"required": N_("请选一个区域。")})


class SearchSchema(Strict):
    text = Text(most=40, load_default="")


class UploadSchema(Strict):
    area_id = IdField(required=True, error_messages={"required": N_("请选一个区域。")})


TEAM_CODE = validate.Regexp(r"[\w.\-]{1,40}\Z", error=N_("代号写字母、数字、汉字或 - _ .，最多 40 个。"))


class TeamSchema(Strict):
    """A team, organisation or list as the form sends it. ``leader``: a resident number, empty for none."""

    name = Text(least=1, most=80, required=True, error_messages={"required": N_("请写名称。")})
    code = Text(most=40, load_default="")
    area_id = IdField(required=True, error_messages={"required": N_("请选一个区域。")})
    leader = Cell(number_of, load_default=None, allow_none=True)
    note = Text(most=200, load_default="")
    is_restricted = fields.Boolean(load_default=False)

    @validates("code")
    def code_is_one(self, value: str, **_: Any) -> None:
        if value:
            TEAM_CODE(value)


class NewTeamSchema(TeamSchema):
    kind = fields.String(
        required=True,
        validate=validate.OneOf([kind.value for kind in TeamKind], error=N_("请选一种。")),
        error_messages={"required": N_("请选一种。")},
    )


class EditTeamSchema(TeamSchema):
    version = Whole(least=1, required=True)


class MemberSchema(Strict):
    person_id = IdField(required=True)


class RelativeSchema(Strict):
    number = Cell(number_of, required=True, error_messages={"required": N_("请写居民编号。")})
    kind = fields.String(required=True, validate=validate.OneOf(RELATIVE_KINDS, error=N_("请选是什么亲属。")))


class OtherSchema(Strict):
    other_id = IdField(required=True)
