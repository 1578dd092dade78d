"""What the till says no to. Every sentence says what to do next; nothing was taken in any of them."""

from __future__ import annotations

from ..errors import N_, Conflict, DomainError, TooFast


class CodeUnknown(DomainError):
    """Bad, unknown or foreign: one answer for the three, so that nothing can be learnt by trying."""

    code = "code_unknown"
    sentence = N_("这个码认不出来。换一个码，或者打 8 位数。什么都没扣。")


class CodeExpired(Conflict):
    code = "code_expired"
    sentence = N_("这个码过期了。请居民等新码出来，再扫一次。")


class CodeUsed(Conflict):
    """This code, or a later one of the same phone, has paid."""

    code = "code_used"
    sentence = N_("这个码用过了。请居民等新码出来，再扫一次。")


class CodeClaimed(Conflict):
    """Another till is serving with this code. Facts: ``till``."""

    code = "code_claimed"
    sentence = N_("这个码正在 {till}用。换完或取消后再扫。")


class OwnCode(Conflict):
    """Nobody redeems for self or household at the till they serve."""

    code = "own_code"
    sentence = N_("这是您自己或家里人的码，请另一位店员来换。")


class PersonDisabled(Conflict):
    code = "person_disabled"
    sentence = N_("这位居民的账户停用了，请到社区服务站问一下。什么都没扣。")


class CardBlocked(Conflict):
    code = "card_blocked"
    sentence = N_("这张卡已经停用，请到社区服务站换新卡。什么都没扣。")


class TypedTooOften(TooFast):
    """Too many wrong numbers were typed at this till. Facts: ``again_at``."""

    code = "typed_too_often"
    sentence = N_("这个收银台打错的次数太多，{again_at} 以后再打。扫码不受影响。")


class DrawTooOften(TooFast):
    """A hundred codes within one step of 30 seconds."""

    code = "draw_too_often"
    sentence = N_("换码太快了，请等半分钟再看。")


class ServingLapsed(Conflict):
    """The claim has run out. The basket stays; one new scan goes on."""

    code = "serving_lapsed"
    sentence = N_("放得太久了，请居民再扫一次码。篮子里的东西都还在。")


class ServingEnded(Conflict):
    code = "serving_ended"
    sentence = N_("这一位已经取消了，请再扫一次码。什么都没扣。")


class AlreadyDone(Conflict):
    """This serving has paid. Facts: ``receipt`` (its number), ``receipt_id``."""

    code = "already_done"
    sentence = N_("刚才那次已经成了，凭条 {receipt}。没有扣两次。")


class EmptyBasket(DomainError):
    code = "empty_basket"
    sentence = N_("篮子是空的，先扫商品。")


class NotSold(Conflict):
    """No price at this shop, or no longer offered. Facts: ``goods`` (names), ``items`` (ids)."""

    code = "not_sold"
    sentence = N_("{goods}现在不换。先拿掉，别的照常换。")


class PriceChanged(Conflict):
    """The total is not what the till showed. Facts: ``total_points``, ``expected_points``."""

    code = "price_changed"
    sentence = N_("价钱刚改过，现在一共 {total_points} 分。请看一下再确认。")


class RedemptionClosed(Conflict):
    """The rulebook names days (and hours) for redeeming, and this is none. Facts: ``opens_on``, ``opens`` ("09:00")."""

    code = "redemption_closed"
    sentence = N_("现在不是兑换的日子，{opens_on}起可以换。")


class TooFewToBegin(Conflict):
    """The rulebook asks for so many points before anything is redeemed. Facts: ``least_points``, ``missing_points``."""

    code = "too_few_to_begin"
    sentence = N_("满 {least_points} 分才能换，还差 {missing_points} 分。")


class NotForRedeeming(Conflict):
    """A condition of the rulebook that this resident does not meet. Facts: ``condition``, in words."""

    code = "not_for_redeeming"
    sentence = N_("还不能换：按积分细则，要{condition}。有疑问请问社区。")


class LevelBars(Conflict):
    """A level of the rulebook keeps whoever stands there from redeeming. Facts: ``level``, ``step`` (titles)."""

    code = "level_bars"
    sentence = N_("现在是{level}“{step}”，按积分细则先不能换。怎么恢复请问社区。")


class BarredFromRedeeming(Conflict):
    """What was decided about a deed keeps this resident from redeeming. Facts: ``until_on``, the last day."""

    code = "barred_from_redeeming"
    sentence = N_("按积分细则，到{until_on}为止先不能换，之后照常。分都还在。为什么，请看“消息”或者问社区。")


class GoodsNotForThem(Conflict):
    """Goods that the rulebook keeps for some. Facts: ``goods`` (names), ``items`` (ids), ``condition``, in words."""

    code = "goods_not_for_them"
    sentence = N_("{goods}要{condition}才能换。先拿掉，别的照常换。")


class RedeemedOftenEnough(Conflict):
    """The rulebook's times of a period are used up. Facts: ``span`` in words, ``limit``, ``used``, ``again_on``."""

    code = "redeemed_often_enough"
    sentence = N_("{span}最多换 {limit} 次，已经换了 {used} 次，{again_on}起可以再换。")


class RedeemedEnough(Conflict):
    """More than the rulebook's points of a period. Facts: ``span`` in words, ``limit_points``, ``used_points``,
    ``left_points``, ``again_on``."""

    code = "redeemed_enough"
    sentence = N_("{span}最多换 {limit_points} 分，已换 {used_points} 分，还能换 {left_points} 分。先拿掉一些。")


class PointsMustStay(Conflict):
    """The rulebook keeps points in the wallet. Facts: ``keep_points``, ``most_points``."""

    code = "points_must_stay"
    sentence = N_("换完要留下 {keep_points} 分，这次最多换 {most_points} 分。先拿掉一些。")


class CardLimit(Conflict):
    """More than a card may pay at once. Facts: ``limit_points``, ``total_points``."""

    code = "card_limit"
    sentence = N_("用卡一次最多换 {limit_points} 分，这次是 {total_points} 分。先拿掉一些。")


class CardDailyLimit(Conflict):
    """More than cards may pay for one person in a day. Facts: ``limit_points``, ``used_points``, ``again_on``."""

    code = "card_daily_limit"
    sentence = N_("用卡一天最多换 {limit_points} 分，今天已换 {used_points} 分，{again_on}起可以再换。")


class OwnReceipt(Conflict):
    code = "own_receipt"
    sentence = N_("这是您自己或家里人的凭条，请另一位店员来退。")


class AlreadyReturned(Conflict):
    code = "already_returned"
    sentence = N_("这张凭条已经退过了，没有退两次。")


class ReturnNotConfirmed(DomainError):
    """Neither the resident's code nor a second person."""

    code = "return_not_confirmed"
    sentence = N_("退货要扫这位居民的码，或者请另一位同事确认。")


class SecondRefused(DomainError):
    """The second person's sign-in does not fit, or may not confirm this one: not told apart."""

    code = "second_refused"
    sentence = N_("确认的人号码或密码不对，或者不能确认这一张。什么都没退。")


class ReturnTooLate(Conflict):
    """Facts: ``days``, ``until_on``."""

    code = "return_too_late"
    sentence = N_("凭条 {days} 天内可以退，这张到 {until_on} 为止。")
