"""Refusals that capabilities above the rulebook share with it."""

from __future__ import annotations

from ..errors import N_, Conflict


class DeductionsOff(Conflict):
    """Points would be taken away, and the scheme has not switched that on. Facts: ``rules``, titles of such rules."""

    code = "deductions_off"
    sentence = N_("这份细则有扣分的规则：{rules}。体系还没有打开扣分。请先在“审核设置”里打开，再公布。")
