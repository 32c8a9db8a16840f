"""Who may see the page and give commands."""

from __future__ import annotations

import logging
import urllib.error
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from heartwire.engine.config import DashboardConfig
from heartwire.engine.errors import ConfigError
from heartwire.streams.dashboard.access import token
from heartwire.streams.dashboard.refusals import Refusals

TOKEN = "a-token-of-the-ward"


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def ask(url: str, **headers: str) -> tuple[int, Message]:
    opener = urllib.request.build_opener(_Stay)
    try:
        answer = opener.open(urllib.request.Request(url, headers=headers), timeout=10)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, answer.headers


def test_this_computer_alone_needs_no_token(tmp_path: Path) -> None:
    assert token(DashboardConfig(), tmp_path) == ""


def test_elsewhere_one_is_made_once_for_a_run_and_kept_from_others(tmp_path: Path) -> None:
    config = DashboardConfig(host="0.0.0.0")
    made = token(config, tmp_path)
    assert len(made) >= 32
    assert token(config, tmp_path) == made
    assert (tmp_path / "dashboard.token").stat().st_mode & 0o077 == 0


def test_a_token_can_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{TOKEN}\n")
    assert token(DashboardConfig(token_file=str(tmp_path / "secret")), tmp_path) == TOKEN


@pytest.mark.parametrize(("holds", "why"), [(None, "cannot read"), ("short", "16 to 128"), ("", "16 to 128")])
def test_a_file_that_holds_no_token_is_refused(holds: str | None, why: str, tmp_path: Path) -> None:
    if holds is not None:
        (tmp_path / "secret").write_text(holds)
    with pytest.raises(ConfigError, match=why):
        token(DashboardConfig(token_file=str(tmp_path / "secret")), tmp_path)


def test_without_the_token_nothing_is_given(run_dir: Path, start_run: Any) -> None:
    run = start_run(run_dir, token=TOKEN)
    run.report()
    with_token = run.url
    base = with_token.partition("?")[0]
    assert with_token == f"{base}?token={TOKEN}"
    for path in ("", "main.js", "api/status", "api/command"):
        assert ask(base + path)[0] == 401
        assert ask(base + path, Authorization="Bearer wrong")[0] == 401
    for cookie in ({}, {"Cookie": "heartwire-token=wrong"}):
        with pytest.raises(InvalidStatus):
            run.page(url=base, additional_headers=cookie)

    status, headers = ask(with_token)
    cookie = headers["Set-Cookie"]
    assert (status, headers["Location"]) == (303, "/")
    elsewhere = with_token.replace("/?", "//elsewhere.example/?")
    assert ask(elsewhere)[1]["Location"] == "/elsewhere.example/"
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    brought = {"Cookie": cookie.partition(";")[0]}
    assert ask(base, **brought)[0] == 200
    assert ask(base + "api/status", Authorization=f"Bearer {TOKEN}")[0] == 200
    with run.page(url=base, additional_headers=brought) as page:
        turned_away = next(page.statuses())["turned_away"]
    assert turned_away == {"missing token": 5, "wrong token": 5}


def test_each_cause_is_logged_once_in_a_while_and_counted_always(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            refusals.add("wrong token", "192.0.2.7")
        refusals.add("an oversized message", "192.0.2.7")
    assert refusals.counts == {"wrong token": 100, "an oversized message": 1}
    assert len(caplog.records) == 2
    assert "wrong token (192.0.2.7)" in caplog.text
