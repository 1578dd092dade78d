"""django-hordak's side of ``peer.hordak``; runs with the Python of its own environment, not with ours.

prepare PEOPLE SHOPS GOODS   its tables by its own migrations, and its accounts
run PEOPLE SHOPS GOODS       a client (see clients.py)
check                        every account's legs are there and sum to zero
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
from pathlib import Path

import django
from django.conf import settings
from django.db import connection, transaction

# Our helper for clients needs the standard library only. Its folder stays off the path: a module there is named http.
_where = importlib.util.spec_from_file_location("clients", Path(__file__).resolve().parent.parent / "clients.py")
clients = importlib.util.module_from_spec(_where)
_where.loader.exec_module(clients)

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "USER": os.environ["PGUSER"],
            "PASSWORD": os.environ["PGPASSWORD"],
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ.get("PGPORT", ""),
            "CONN_MAX_AGE": None,
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "hordak"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
    DEBUG=False,
)
django.setup()

POINTS, PIECES = "EUR", "USD"  # it knows currencies; which ones makes no difference


def prepare(people: int, shops: int, goods: int) -> None:
    from django.core.management import call_command
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    names = [f"wallet {n}" for n in range(people)] + [f"takings {n}" for n in range(shops)]
    names += [f"{what} {s} {g}" for what in ("shelf", "given") for s in range(shops) for g in range(goods)]
    # At the top of the tree each, as its manager would have placed them one by one.
    rows = [
        Account(name=name, type="LI", currencies=[POINTS, PIECES], lft=1, rght=2, tree_id=n, level=0)
        for n, name in enumerate(names, 1)
    ]
    Account.objects.bulk_create(rows, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def run(people: int, shops: int, goods: int) -> None:
    from hordak.models import Account, Leg, Transaction
    from moneyed import Money

    ids = dict(Account.objects.values_list("name", "id"))
    point, piece = Money(1, POINTS), Money(1, PIECES)

    def act() -> None:
        person, shop, good = random.randrange(people), random.randrange(shops), random.randrange(goods)
        with transaction.atomic():
            made = Transaction.objects.create()
            Leg.objects.create(transaction=made, account_id=ids[f"wallet {person}"], debit=point)
            Leg.objects.create(transaction=made, account_id=ids[f"takings {shop}"], credit=point)
            Leg.objects.create(transaction=made, account_id=ids[f"shelf {shop} {good}"], debit=piece)
            Leg.objects.create(transaction=made, account_id=ids[f"given {shop} {good}"], credit=piece)

    print(json.dumps(clients.work_until_told(act)), flush=True)


def check() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT (SELECT COUNT(*) FROM hordak_transaction), (SELECT COUNT(*) FROM hordak_leg)")
        transactions, legs = cursor.fetchone()
    if not transactions or legs != 4 * transactions:
        raise SystemExit(f"{transactions} transactions have {legs} legs")


if __name__ == "__main__":
    verb, *sizes = sys.argv[1:]
    {"prepare": prepare, "run": run, "check": check}[verb](*map(int, sizes))
