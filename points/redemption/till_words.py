"""The till's sentences for its script, whole and in the reader's language. ``{name}`` is filled in by the page."""

from __future__ import annotations

from flask_babel import gettext as _

from ..shop.rules import Standing


def words() -> dict[str, str]:
    return {
        # scanning
        "code_here": _("也可以打 8 位数，再按回车"),
        "code_label": _("兑换码、卡号或 8 位数"),
        "next_here": _("下一位：扫码，或打 8 位数"),
        "next_label": _("下一位的兑换码、卡号或 8 位数"),
        "goods_here": _("扫商品条码，或打商品名"),
        "goods_label": _("扫商品或输入名称"),
        "rescan_here": _("请居民再扫一次码"),
        "rescan_label": _("请居民再扫一次码"),
        "code_unknown": _("这个码认不出来。换一个码，或者打 8 位数。"),
        "barcode_unknown": _("条码 {code} 没有登记"),
        "barcode_way": _("打商品名找找，或者先放一边。篮子里的东西都还在。"),
        "goods_unknown": _("没有叫“{text}”的商品"),
        "goods_way": _("换个说法，或者打拼音的头一个字母。"),
        "goods_first": _("这是商品。请先扫居民的码。"),
        "find_goods": _("找商品"),
        "gone": _("换完了"),
        # camera
        "camera_off": _("摄像头关着"),
        "camera_starting": _("正在打开摄像头…"),
        "camera_on": _("对准码，放稳一点"),
        "camera_denied": _("没有让用摄像头。在浏览器地址栏旁边允许，或者打 8 位数、用扫码枪。"),
        "camera_none": _("这台机器没有摄像头。请打 8 位数，或者用扫码枪。"),
        "camera_insecure": _("这个地址不是 HTTPS，浏览器不让用摄像头。请打 8 位数，或者用扫码枪。"),
        "camera_failed": _("摄像头没打开，可能别的程序在用。请打 8 位数，或者用扫码枪。"),
        # a resident at the till
        "claimed": _("{name}，请扫商品"),
        "held_phone": _("手机码已核对，留给本台 {n} 分钟"),
        "held_number": _("8 位数已核对，留给本台 {n} 分钟"),
        "held_card": _("兑换卡已核对，留给本台 {n} 分钟"),
        "lapsed": _("放得太久了，请居民再扫一次码"),
        "lapsed_line": _("留给本台的时间到了。再扫一次码，篮子里的东西都还在。"),
        "another": _("{name}的篮子里还有 {n} 件"),
        "park_and_next": _("挂起，换下一位"),
        "cancel_and_next": _("取消这一位，换下一位"),
        "go_on": _("接着给{name}换"),
        "cancel_title": _("不给{name}换了？"),
        "cancel_line": _("篮子里有 {n} 件。取消什么都不扣，码也放开。"),
        "cancel_do": _("取消"),
        "park": _("挂起"),
        "scan_again": _("请{name}再扫一次码，篮子接着用。"),
        "nothing_parked": _("没有挂着的篮子"),
        "parked_now": _("{name}的购物篮，{n} 件，刚挂起。"),
        "parked_since": _("{name}的购物篮，{n} 件，挂了 {minutes} 分钟。"),
        # basket
        "points": _("{n} 分"),
        "each": _("每{measure} {n} 分"),
        "just_scanned": _("，刚扫的"),
        "added": _("{goods} {n} 件，一共 {total} 分"),
        "not_here": _("这里不换了，请拿掉"),
        "shelf_says": _("架上记着 {n} {measure}"),
        "one_less": _("{name}少一{measure}"),
        "one_more": _("{name}多一{measure}"),
        "remove_all": _("拿掉{name}"),
        "quantity_of": _("{name}数量"),
        "times": _("次"),
        "card_once": _("用卡一次最多"),
        "card_today": _("用卡今天还能换"),
        "still": _("还有 {n} {measure}"),
        "too_many": _("多了 {n} {measure}"),
        "sum_of": _("{kinds} 种 {n} 件，合计"),
        "sum_short": _("合计 {n} 件"),
        "remains": _("换完还剩"),
        "missing": _("还差"),
        "remains_n": _("换完还剩 {n} 分"),
        "missing_n": _("还差 {n} 分"),
        "confirm": _("确认兑换 {n} 分"),
        "confirm_short": _("确认 {n} 分"),
        "confirming": _("正在确认…"),
        "scan_first": _("请再扫一次码"),
        "empty": _("还没有商品"),
        "see_panel": _("先看提示"),
        # refusals and ways out
        "nothing_taken": _("什么都没扣。"),
        "short": _("积分不够，还差 {n} 分"),
        "short_line": _("购物篮 {total} 分，{name}有 {balance} 分。什么都没扣。"),
        "take_out": _("拿掉{goods}，共 {total} 分"),
        "take_fewer": _("少换 {goods}，共 {total} 分"),
        "pieces_of": _("{n} {measure}{goods}"),
        "and": _("和"),
        "change_self": _("自己改"),
        "end_here": _("取消，不换了"),
        "scan_anew": _("再扫一次"),
        "close": _("知道了"),
        "reload": _("重新打开这一页"),
        "slow": _("网络慢，没有重复扣。再试一次"),
        "slow_line": _("还没有收到回答。再试送的是同一次，只会换一次。"),
        "try_again": _("再试一次"),
        "wait": _("再等等"),
        # receipt
        "went_through": _("刚才那次已经成了，凭条 {receipt}。没有扣两次。"),
        "done": _("换好了，凭条 {receipt}，{total} 分"),
        "thanks": _("换好了，谢谢{name}"),
        "who_tail": _("{name}，编号尾数 {tail}"),
        "when_pieces": _("{time} · {n} 件"),
        "today": _("今天 {people} 人 · {n} 分"),
    }


def limit_words(one: Standing) -> str:
    """A limit as the till shows it: 大米，每月 2 袋."""
    facts = {"goods": one.name, "n": one.limit, "measure": one.measure}
    if one.item_id is None:
        return {
            "day": _("来换的次数，每天 %(n)s 次", **facts),
            "week": _("来换的次数，每周 %(n)s 次", **facts),
            "month": _("来换的次数，每月 %(n)s 次", **facts),
            "quarter": _("来换的次数，每季度 %(n)s 次", **facts),
            "half_year": _("来换的次数，每半年 %(n)s 次", **facts),
            "year": _("来换的次数，每年 %(n)s 次", **facts),
            "lifetime": _("来换的次数，一共 %(n)s 次", **facts),
        }[one.period]
    return {
        "day": _("%(goods)s，每天 %(n)s %(measure)s", **facts),
        "week": _("%(goods)s，每周 %(n)s %(measure)s", **facts),
        "month": _("%(goods)s，每月 %(n)s %(measure)s", **facts),
        "quarter": _("%(goods)s，每季度 %(n)s %(measure)s", **facts),
        "half_year": _("%(goods)s，每半年 %(n)s %(measure)s", **facts),
        "year": _("%(goods)s，每年 %(n)s %(measure)s", **facts),
        "lifetime": _("%(goods)s，一共 %(n)s %(measure)s", **facts),
    }[one.period]
