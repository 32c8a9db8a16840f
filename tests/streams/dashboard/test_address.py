"""Where the page is."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import pytest

from heartwire.engine.config import DashboardConfig
from heartwire.engine.errors import ConfigError
from heartwire.streams.dashboard.address import listen, url


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("192.0.2.1", 0), ("no such host", 0)])
def test_an_address_that_cannot_be_had_is_refused(host: str, port: int) -> None:
    with pytest.raises(ConfigError, match="cannot listen on"):
        listen(DashboardConfig(host=host, port=port))


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_page_on_every_address_is_told_under_one_that_can_be_opened(host: str) -> None:
    told = urlsplit(url(host, 8080, "secret"))
    assert told.hostname is not None
    assert not ipaddress.ip_address(told.hostname).is_unspecified
    assert (told.port, told.query) == (8080, "token=secret")


def test_any_other_address_is_told_as_it_is() -> None:
    assert url("127.0.0.1", 80, "") == "http://127.0.0.1:80/"
    assert url("ward.example", 80, "") == "http://ward.example:80/"
    assert url("::1", 80, "") == "http://[::1]:80/"
