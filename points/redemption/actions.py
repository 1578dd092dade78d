"""The verbs of redemption, gathered: each lives in the file named for its noun."""

from .cards import block_card, print_cards
from .drawing import Drawn, draw_code
from .redeeming import redeem, redeem_code
from .returning import return_receipt
from .servings import cancel_serving, claim_code, open_till, renew_serving

__all__ = [
    "Drawn",
    "block_card",
    "cancel_serving",
    "claim_code",
    "draw_code",
    "open_till",
    "print_cards",
    "redeem",
    "redeem_code",
    "renew_serving",
    "return_receipt",
]
