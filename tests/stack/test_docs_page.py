"""Swagger UI on the running stack, in a browser: signing in, trying out, and what the page stores."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from selenium import webdriver
from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from local import demo
from tests.stack.conftest import LiveStack, eventually
from tests.support.browser import browsing, needs_chromium

SECONDS = 300
"""The most seconds of a wait for the page."""
POLL_SECONDS = 0.05
T = TypeVar("T")

pytestmark = needs_chromium


class Page:
    """Swagger UI in a browser."""

    def __init__(self, browser: webdriver.Chrome, address: str) -> None:
        self.browser = browser
        browser.get(address)

    def _do(self, selector: str, act: Callable[[WebElement], T]) -> T:
        """Wait for the first visible element of a CSS selector, and return the result of `act` on it."""

        def done(_: webdriver.Chrome) -> tuple[T] | None:
            for found in self.browser.find_elements(By.CSS_SELECTOR, selector):
                if found.is_displayed():
                    return (act(found),)
            return None

        # The page redraws itself all the time.
        redrawn = (StaleElementReferenceException, ElementClickInterceptedException)
        return self._wait(ignored_exceptions=redrawn).until(done, selector)[0]

    def _wait(self, **options: Any) -> WebDriverWait[webdriver.Chrome]:
        return WebDriverWait(self.browser, SECONDS, poll_frequency=POLL_SECONDS, **options)

    def text(self, selector: str) -> str:
        return self._do(selector, lambda found: found.text)

    def click(self, selector: str) -> None:
        def act(found: WebElement) -> None:
            self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
            found.click()

        self._do(selector, act)

    def fill(self, selector: str, text: str) -> None:
        def act(found: WebElement) -> None:
            found.clear()
            found.send_keys(text)

        self._do(selector, act)

    def sign_in(self, username: str, password: str) -> None:
        """Sign in by the button Authorize, with username and password."""
        self._authorize({"#oauth_username": username, "#oauth_password": password})

    def paste(self, token: str) -> None:
        """Sign in by the button Authorize, with a token or key."""
        self._authorize({"#auth-bearer-value": token})

    def _authorize(self, fields: dict[str, str]) -> None:
        self.click(".auth-wrapper .authorize")
        for field, value in fields.items():
            self.fill(field, value)
        form = f".auth-container:has({next(iter(fields))})"
        self.click(f"{form} button.authorize")
        self._wait().until(
            lambda _: not self.browser.find_elements(By.CSS_SELECTOR, form), "the form was not taken"
        )
        self.click(".btn-done")

    def sign_out(self) -> None:
        """Sign out of all credentials."""
        self.click(".auth-wrapper .authorize")
        self.click('.auth-btn-wrapper [aria-label="Remove authorization"]')
        self.click(".btn-done")

    def try_out(self, operation: str, body: Any = None) -> tuple[str, str]:
        """Send an operation by its form on the page, and return status and body as the page shows them."""
        place = f"#operations-Contacts-{operation}"
        self.text(place)
        # The page's URL names the open operation, also after a reload.
        if not self.browser.current_url.endswith(f"#/Contacts/{operation}"):
            self.click(f"{place} .opblock-summary")
        if self.text(f"{place} .try-out__btn") == "Try it out":
            self.click(f"{place} .try-out__btn")
        if body is not None:
            self.fill(f"{place} textarea.body-param__text", json.dumps(body))
        self.click(f"{place} .execute")
        row = f"{place} .live-responses-table tr.response"
        status = self.text(f"{row} .response-col_status").split()[0]
        shown = self.text(f"{row} .response-col_description")
        self.click(f"{place} .btn-clear")  # so that the next answer is not confused with this one
        return status, shown

    @property
    def stored(self) -> str:
        """Return everything that the page has put into the browser's storage."""
        return str(self.browser.execute_script("return JSON.stringify([localStorage, sessionStorage])"))

    @property
    def browser_errors(self) -> list[str]:
        """Return the errors that the browser reports: failed scripts and violations of the page's security policy."""
        said = self.browser.get_log("browser")
        return [str(entry["message"]) for entry in said if entry["level"] == "SEVERE"]


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    with browsing(tmp_path) as started:
        yield started


@pytest.fixture
def person(live: LiveStack) -> tuple[str, str]:
    """Username and password of a newly registered user."""
    email, password = f"{secrets.token_hex(6)}@example.com", demo.new_password()
    answer = live.api(
        "POST", "/auth/register", body={"tenant_name": "Tried out", "email": email, "password": password}
    )
    assert answer.status == 201, answer.body
    return email, password


def test_a_registered_user_gets_tokens_that_open_the_api(live: LiveStack, person: tuple[str, str]) -> None:
    email, password = person
    asked = {"grant_type": "password", "username": email, "password": password}
    tokens = live.api("POST", "/auth/token", form=asked)
    assert tokens.status == 200
    assert live.api("GET", "/contacts", token=tokens.body["access_token"]).status == 200
    again = {"grant_type": "refresh_token", "refresh_token": tokens.body["refresh_token"]}
    fresh = live.api("POST", "/auth/token", form=again)
    assert live.api("GET", "/contacts", token=fresh.body["access_token"]).status == 200
    for wrong in ({**asked, "password": "x"}, {**asked, "username": "nobody@example.com"}):
        refused = live.api("POST", "/auth/token", form=wrong)
        assert (refused.status, refused.body["error"]) == (400, "invalid_grant")
    twice = live.api(
        "POST", "/auth/register", body={"tenant_name": "x", "email": email, "password": password}
    )
    assert (twice.status, twice.body["code"]) == (409, "already_registered")


def test_the_page_signs_in_and_tries_out(
    live: LiveStack, browser: webdriver.Chrome, person: tuple[str, str]
) -> None:
    email, password = person
    page = Page(browser, f"{live.state['api_url']}/docs")
    page.sign_in(email, password)
    browser.refresh()
    status, shown = page.try_out("list_contacts")
    assert status == "200", "the page forgot who signed in"
    assert '"items": []' in shown
    assert "access_token" in page.stored
    assert password not in page.stored and "refresh_token" not in page.stored

    page.sign_out()
    assert page.try_out("list_contacts")[0] == "401"
    page.paste(live.state["api_key"])
    browser.refresh()
    mail = f"{secrets.token_hex(6)}@example.com"
    status, shown = page.try_out("create_contact", {"first_name": "Tried", "email": mail})
    assert status == "201" and mail in shown
    told = [one for one in page.browser_errors if "401 (Unauthorized)" not in one]
    assert told == []


def test_the_first_attempt_finds_the_contacts_there_are(
    live: LiveStack, browser: webdriver.Chrome, person: tuple[str, str]
) -> None:
    """No filter is filled in, and the example of a contact creates a contact without a change."""
    page = Page(browser, f"{live.state['api_url']}/docs")
    page.sign_in(*person)
    status, made = page.try_out("create_contact")
    assert status == "201", made
    eventually(lambda: "ada@example.com" in page.try_out("list_contacts")[1])
    assert page.browser_errors == []


def test_the_page_loads_nothing_from_other_hosts(live: LiveStack, browser: webdriver.Chrome) -> None:
    page = Page(browser, f"{live.state['api_url']}/docs")
    assert page.text("#operations-Contacts-list_contacts")
    messages = [json.loads(str(entry["message"]))["message"] for entry in browser.get_log("performance")]
    asked = {
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    files = {address.split("?")[0] for address in asked if address.startswith("http")}
    base = live.state["api_url"]
    names = ("docs", "docs/swagger-ui.css", "docs/swagger-ui.js", "docs/start.js", "openapi.json")
    assert files == {f"{base}/{name}" for name in names}
