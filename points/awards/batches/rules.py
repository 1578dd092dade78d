"""What a list of deeds is refused for, and how it moves on. Pure."""

from __future__ import annotations

from ...errors import N_, Conflict, DomainError, NotAllowed
from ...inbox import register


class OwnBatch(NotAllowed):
    code = "own_batch"
    sentence = N_("这张表是您传的，要请另一位来审批。")


class BatchMovedOn(Conflict):
    """Somebody was faster. Facts: ``state``."""

    code = "batch_moved_on"
    sentence = N_("这张表刚由另一位同事办了，请看现在的结果。")


class NothingGood(DomainError):
    code = "nothing_to_award"
    sentence = N_("没有可以发放的行。改好表格，再传一次。")


class NobodyChosen(DomainError):
    code = "nobody_chosen"
    sentence = N_("还没选人。请选整份名单，或者勾上要发放的人。")


register(
    "batch_rejected",
    N_("批量发放没有通过"),
    N_("您交的“{list_title}”没有通过：{reason}。改好可以再传。"),
    tone="no",
)
register(
    "batch_done",
    N_("批量发放办完了"),
    N_("您交的“{list_title}”办完了：发放 {awarded} 行，转审批 {queued} 行，没发 {refused} 行。"),
    tone="ok",
)
