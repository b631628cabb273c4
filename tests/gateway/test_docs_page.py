"""The page of Swagger UI: what it may load and run, and how its files are cached. For the browser see tests/stack."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys

import pytest

from functions.system import docs_page
from functions.system.app import handler
from local.proxy import Proxy
from tests.contract.answers import ROOT
from tests.support.gateway import Gateway
from tests.support.lambda_context import lambda_context


def files_of(page: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', page)


@pytest.mark.parametrize("path", ["/docs", "/v1/docs"])
def test_the_page_and_its_files_come_only_from_this_api(gateway: Gateway, path: str) -> None:
    page = gateway.request("GET", path)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Cache-Control"] == "no-cache"
    named = [name for name in files_of(page.text) if name != "data:,"]
    assert len(named) == 3 and not any("//" in name or name.startswith("/") for name in named)
    kinds = {}
    for name in named:
        answer = gateway.request("GET", f"/v1/{name}")
        assert answer.status == 200
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["ETag"].strip('"') == name.split("?")[1]
        kinds[name.split("?")[0]] = answer.headers["Content-Type"]
    assert kinds == {
        "docs/swagger-ui.css": "text/css",
        "docs/swagger-ui.js": "text/javascript",
        "docs/start.js": "text/javascript",
    }


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/"])
def test_the_root_redirects_to_the_page(gateway: Gateway, path: str) -> None:
    answer = gateway.request("GET", path)
    assert (answer.status, answer.headers["Location"], answer.body) == (302, "/v1/docs", b"")
    assert gateway.request("GET", answer.headers["Location"]).status == 200


@pytest.mark.parametrize(
    ("asked", "location"),
    [("/", "/docs"), ("/crm", "/crm/docs"), ("/crm/", "/crm/docs"), ("/v1/", "/v1/docs")],
)
def test_with_a_custom_domain_the_root_redirects_below_the_base_path(asked: str, location: str) -> None:
    event = {
        "path": "/",
        "httpMethod": "GET",
        "headers": {},
        "requestContext": {"path": asked, "requestId": "r"},
    }
    answer = handler(event, lambda_context("SystemFunction"))
    assert (answer["statusCode"], answer["multiValueHeaders"]["Location"]) == (302, [location])


def test_the_root_of_the_one_machine_stack_redirects_to_the_page_too() -> None:
    """There the stage is not at the root, where nothing else is."""
    port = free_port()
    proxy = Proxy(port, "http://127.0.0.1:9", "api")
    proxy.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Location")) == (302, "/v1/docs")
        connection.close()
    finally:
        proxy.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_the_policy_of_the_page_allows_nothing_foreign_and_nothing_inline(gateway: Gateway) -> None:
    page = gateway.request("GET", "/docs")
    policy = dict(rule.split(" ", 1) for rule in page.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=", page.text)


def test_links_to_the_files_work_with_a_trailing_slash_too() -> None:
    """They are relative to the page's URL, whatever its host and path."""
    for path, folder in (("/v1/docs", "docs/"), ("/v1/docs/", ""), ("/base/docs", "docs/"), ("", "docs/")):
        named = [name for name in files_of(docs_page.page(path)) if name != "data:,"]
        assert [name.split("?")[0] for name in named] == [
            f"{folder}{name}" for name in (docs_page.STYLE, docs_page.SCRIPT, docs_page.START)
        ]


def test_the_files_are_read_when_they_are_requested_and_not_before() -> None:
    load = (
        "import functions.system.app, functions.system.docs_page as page\n"
        "print(page._text.cache_info().currsize, page._digest.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["0", "0"]
