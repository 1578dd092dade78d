"""The staff rail: which pages exist, in which order. One list; an entry shows only to those who may open it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, current_app, request, url_for
from flask_babel import gettext

from ..errors import N_
from .audience import PUBLIC, SIGNED_IN, audience_of, visitor

# heading, then (endpoint, icon, label, the action it is for; none: whatever its audience says)
RAIL: tuple[tuple[str, tuple[tuple[str, str, str, str | None], ...]], ...] = (
    (
        N_("今天要办"),
        (
            ("awards.queue", "okc", N_("审批"), None),
            ("notice.objections", "flag", N_("异议"), None),
            ("notice.index", "board", N_("公示"), None),
            ("notice.due", "sand", N_("待入账"), None),
            ("awards.corrections", "undo", N_("更正"), None),
            ("appeals.index", "speech", N_("申诉"), None),
            ("redemption.till", "scan", N_("收银台"), None),
        ),
    ),
    (
        N_("经常用"),
        (
            ("people.index", "users", N_("居民"), None),
            ("people.imports", "upload", N_("导入"), None),
            ("people.teams_index", "flag", N_("队伍和名单"), None),
            ("awards.new", "plus", N_("代居民申报"), "claims.file_for"),
            ("batches.index", "list", N_("批量发放"), None),
            ("redemption.cards", "card", N_("打印卡"), None),
            ("shop.items", "list", N_("商品与价格"), None),
            ("shop.stock", "goods", N_("库存"), None),
            ("shop.shops", "cal", N_("店和开门日"), None),
        ),
    ),
    (
        N_("账与规矩"),
        (
            ("rulebook.index", "book", N_("积分细则"), None),
            ("simulating.index", "chart", N_("细则试算"), None),
            ("budgets.index", "sand", N_("预算"), None),
            ("periods.grants_index", "users", N_("按人群发放"), None),
            ("periods.carrying", "clock", N_("期末结转"), None),
            ("periods.rankings", "chart", N_("排行榜"), "grants.see"),
            ("awards.settings", "okc", N_("审核设置"), None),
            ("reporting.audit", "shield", N_("查账"), None),
            ("people.areas", "home", N_("区域与岗位"), None),
            ("calendar.index", "cal", N_("工作日历"), None),
            ("jobs.index", "clock", N_("定时任务"), None),
        ),
    ),
)


# Open whatever page one is on; the others only when the page is one of theirs.
OPEN = 2


@dataclass(frozen=True)
class Entry:
    url: str
    icon: str
    label: str
    current: bool
    count: int = 0


@dataclass(frozen=True)
class Group:
    """Entries under one heading, folded away unless they are often used or one of them is where we are."""

    heading: str
    entries: tuple[Entry, ...]
    is_open: bool

    @property
    def count(self) -> int:
        return sum(entry.count for entry in self.entries)


def rail() -> list[Group]:
    """The rail as this visitor may see it. Counts come from ``rail_counts`` hooks: endpoint → number."""
    who: Any = visitor()
    counts: dict[str, int] = {}
    for hook in current_app.extensions.get("rail_counts", []):
        counts.update(hook(who))
    here = section()
    found = []
    for place, (heading, entries) in enumerate(RAIL):
        shown = []
        for endpoint, icon, label, action in entries:
            view = current_app.view_functions[endpoint]
            wanted = (action,) if action else audience_of(view)
            if not any(one not in (PUBLIC, SIGNED_IN) and who.may(one) for one in wanted):
                continue
            url = url_for(endpoint)
            shown.append(Entry(url, icon, gettext(label), url == here, counts.get(endpoint, 0)))
        if shown:
            is_open = place < OPEN or any(entry.current for entry in shown)
            found.append(Group(gettext(heading), tuple(shown), is_open))
    return found


def section() -> str:
    """The address of the entry under which this page lies: the longest that its own address begins with."""
    views = current_app.view_functions
    urls = [url_for(endpoint) for _, entries in RAIL for endpoint, *_ in entries if endpoint in views]
    return max((url for url in urls if f"{request.path}/".startswith(f"{url}/")), key=len, default="")


def with_args(**changes: Any) -> str:
    """This page's address with some of its query changed; None takes one away."""
    args: dict[str, Any] = {**request.args.to_dict(flat=False), **(request.view_args or {})}
    args.update(changes)
    return url_for(request.endpoint or "static", **{k: v for k, v in args.items() if v is not None})


def static(filename: str) -> str:
    """A static file's address with its age, so that a new version is fetched at once (or within some seconds)."""
    looked_at, address = _addresses.get(filename, (0.0, ""))
    if (now := time.monotonic()) - looked_at > AGE_S or not address:
        path = Path(current_app.static_folder or "") / filename
        address = url_for("static", filename=filename, v=int(path.stat().st_mtime))
        _addresses[filename] = (now, address)
    return address


AGE_S = 10.0
_addresses: dict[str, tuple[float, str]] = {}  # as many as there are files


ROLE_NAMES = {
    "admin": N_("管理员"),
    "officer": N_("街道干部"),
    "auditor": N_("审计"),
    "staff": N_("社区干部"),
    "clerk": N_("店员"),
    "leader": N_("队长"),
    "grid_worker": N_("微网格员"),
    "rider": N_("流动网格员"),
    "resident": N_("居民"),
}


def role_name(who: Any) -> str:
    """The visitor's foremost role in words."""
    return gettext(next(name for role, name in ROLE_NAMES.items() if role in who.roles))


def install(app: Flask) -> None:
    app.jinja_env.globals.update(rail=rail, with_args=with_args, static=static, role_name=role_name)
