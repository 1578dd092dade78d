"""What comes in about the calendar, form or JSON, and what goes out."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from ..errors import N_
from ..web.schemas import Strict, Text, Whole
from .rules import FIRST_YEAR, KINDS, LAST_YEAR, MOST_DAYS

KIND = validate.OneOf(KINDS, error=N_("请选工作日、周末或节假日。"))


class CalendarDayField(fields.Date):
    default_error_messages = {"invalid": N_("请填日期，如 2026-11-20。")}


class CalendarDaySchema(Strict):
    """What one day is."""

    day = CalendarDayField(required=True)
    kind = fields.String(required=True, validate=KIND)
    title = Text(most=40, load_default="")


class CalendarAskedSchema(Strict):
    """Which days: at most a year of them."""

    first = CalendarDayField(required=True)
    last = CalendarDayField(required=True)


class WindowAskedSchema(Strict):
    start = CalendarDayField(required=True)
    days = Whole(least=0, most=MOST_DAYS, required=True)


class CalendarImportSchema(Strict):
    """A list of days; ``dry_run`` (the default) only says what would be written."""

    days = fields.List(
        fields.Nested(CalendarDaySchema),
        required=True,
        validate=validate.Length(min=1, max=4 * 366, error=N_("请写 {min} 到 {max} 天。")),
    )
    fill = fields.Boolean(
        load_default=True,
        metadata={"description": "add the other days of the years that are named, by their weekday"},
    )
    dry_run = fields.Boolean(load_default=True)


class CalendarDayOut(Schema):
    day = fields.Date()
    kind = fields.String(validate=validate.OneOf(KINDS))
    title = fields.String()


class CalendarOut(Schema):
    """Days of the calendar. A day that is missing goes by its weekday, Monday to Friday."""

    days = fields.List(fields.Nested(CalendarDayOut))
    until = fields.Date(
        allow_none=True, metadata={"description": "the last day up to which every day from today on is there"}
    )


class WindowOut(Schema):
    start = fields.Date()
    last = fields.Date(metadata={"description": "the last working day of the window"})
    ends_on = fields.Date(metadata={"description": "the first day on which it is over"})
    beyond = fields.Boolean(metadata={"description": "whether a day on the way is not in the calendar"})


class CalendarImportOut(Schema):
    new = fields.Integer()
    changed = fields.Integer()
    same = fields.Integer()
    filled = fields.Integer(metadata={"description": "days that were not named and go by their weekday"})
    written = fields.Integer(metadata={"description": "0 on a dry run"})


class YearSchema(Strict):
    year = Whole(least=FIRST_YEAR, most=LAST_YEAR, load_default=None, allow_none=True)
