"""One sign-in per role of the demo: made once, kept in ``instance/``, told when ``./run`` starts."""

from __future__ import annotations

import json
import os
import secrets as randomness
from datetime import datetime

from sqlalchemy import select

from .. import config
from ..db import db, transaction
from ..people.models import Role, Scheme, Secret
from ..people.permissions import SECOND_FACTOR_ROLES
from ..people.secrets import hash_password, new_authenticator, seal_authenticator
from ..web.navigation import ROLE_NAMES
from .town import CODE, STAFF, Demo

NOTE = "demo-sign-ins.json"


def with_sign_ins(demo: Demo, at: datetime) -> list[dict[str, str]]:
    """A random password for each role, an authenticator where the role needs one."""
    kept = []
    for role, number, name in STAFF:
        simple = role not in SECOND_FACTOR_ROLES | {Role.CLERK}
        password = f"{randomness.randbelow(10**6):06}" if simple else randomness.token_hex(6)
        authenticator = new_authenticator() if role in SECOND_FACTOR_ROLES else None
        hashed = hash_password(password)
        with transaction():
            db.session.add(
                Secret(
                    scheme_id=demo.scheme.id,
                    person_id=demo.people[number].id,
                    password_hash=hashed,
                    is_strong=not simple,
                    totp_sealed=seal_authenticator(authenticator) if authenticator else None,
                    changed_at=at,
                )
            )
        kept.append({"role": role, "number": number, "name": name, "password": password, "secret": authenticator or ""})
    return kept


def keep_sign_ins(made: list[dict[str, str]]) -> None:
    """Write them down for this machine's user alone."""
    path = config.INSTANCE / NOTE
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(made, file, ensure_ascii=False, indent=1)


def kept_sign_ins() -> list[dict[str, str]]:
    path = config.INSTANCE / NOTE
    if not path.exists() or db.session.scalar(select(Scheme.id).where(Scheme.code == CODE)) is None:
        return []
    return list(json.loads(path.read_text()))


def sign_ins() -> list[str]:
    """The lines that ``./run`` prints; empty when there is no demo."""
    kept = kept_sign_ins()
    if not kept:
        return []
    lines = ["演示体系 禾花塘社区 · demo scheme. 编号 number / 密码 password:"]
    for one in kept:
        more = f"   验证器 authenticator {one['secret']}" if one["secret"] else ""
        role = f"{ROLE_NAMES[one['role']]} {one['role']}"
        lines.append(f"  {one['number']}  {one['password']:<13} {one['name']}  {role}{more}")
    lines.append("验证器上的 6 位数 · the authenticator's current digits: ./run flask demo code 4001")
    return lines
