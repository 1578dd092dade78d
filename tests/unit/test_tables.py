"""Lists as files that a spreadsheet opens."""

from __future__ import annotations

import io
from typing import Any

from openpyxl import load_workbook

from points.web.tables import LOOKED_AT, WIDEST, widths, xlsx_answer


def opened(rows: list[list[Any]]) -> Any:
    answer = xlsx_answer("2026/11 更正", ["日期", "原因"], rows)
    return load_workbook(io.BytesIO(answer.get_data())).active


def test_columns_are_as_wide_as_what_they_hold() -> None:
    sheet = opened([["2026-11-20", "照片不是当天的"], ["2026-11-21", "分"]])
    assert sheet.column_dimensions["A"].width == len("2026-11-20") + 2
    assert sheet.column_dimensions["B"].width == 2 * len("照片不是当天的") + 2


def test_a_long_reason_makes_no_endless_column_and_a_line_counts_alone() -> None:
    assert widths([["x" * 500, "一二\n三", None]]) == [WIDEST, 6, 6]


def test_an_empty_list_has_its_heading_in_bold_and_the_sheet_a_name_that_sheets_may_have() -> None:
    sheet = opened([])
    assert (sheet.title, [cell.value for cell in sheet[1]]) == ("2026 11 更正", ["日期", "原因"])
    assert all(cell.font.bold for cell in sheet[1])
    assert sheet.column_dimensions["A"].width == 6


def test_rows_beyond_those_looked_at_are_written_too_and_stay_harmless() -> None:
    sheet = opened([["=1+1", number] for number in range(LOOKED_AT + 50)])
    assert sheet.max_row == LOOKED_AT + 51
    assert {sheet.cell(row, 1).value for row in (2, LOOKED_AT + 51)} == {"'=1+1"}
    assert sheet.cell(LOOKED_AT + 51, 2).value == LOOKED_AT + 49
