"""Pages, forms and headers of a real site."""

import json
import re
import urllib.error
import urllib.request
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.conftest import OpenTab
from tests.site import PASSWORD, Person, SiteProcess
from tests.upstream.answers import text_answer
from tests.upstream.client import Upstream
from tests.upstream.script import Silence


class Browser:
    """Cookies, forms and redirects; nothing of JavaScript."""

    def __init__(self, site: SiteProcess, person: Person | None = None) -> None:
        self.site = site
        self.jar = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.headers = {"Cookie": person.cookie} if person else {}

    def get(self, path: str) -> tuple[int, str, Any]:
        return self.ask(urllib.request.Request(self.site.url + path, headers=self.headers))

    def post(self, path: str, page: str, **fields: str) -> tuple[int, str, Any]:
        """Sends a form of `page`, with its CSRF token."""
        _, html, _ = self.get(page)
        token = re.search(r'(?:csrfmiddlewaretoken" value|csrf-token" content)="(\w+)"', html)
        assert token, html[:500]
        data = urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)
        headers = self.headers | {"Referer": self.site.url + page}
        if "Cookie" in self.headers:
            headers["Cookie"] = f"{self.headers['Cookie']}; {cookies}"
        return self.ask(urllib.request.Request(self.site.url + path, data, headers))

    def ask(self, request: urllib.request.Request) -> tuple[int, str, Any]:
        try:
            with self.opener.open(request) as answer:
                return answer.status, answer.read().decode(), answer
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), error


async def chat(upstream: Upstream, tabs: OpenTab, text: str, answer: str) -> str:
    upstream.queue(text_answer(answer))
    tab = await tabs()
    created = await tab.ask(text)
    await tab.finished(created["generation"])
    return str(created["conversation"]["id"])


async def test_the_history_reads_without_javascript(
    upstream: Upstream, tabs: OpenTab, shared_site: SiteProcess, person: Person
) -> None:
    said = "Is <b>this</b> safe?"
    answer = "Yes, **bold** and `code`.\n\n<script>alert(1)</script>\n\n[x](javascript:alert(1))"
    id = await chat(upstream, tabs, said, answer)
    status, html, _ = Browser(shared_site, person).get(f"/c/{id}/")
    assert status == 200
    assert "Is &lt;b&gt;this&lt;/b&gt; safe?" in html
    assert "<strong>bold</strong>" in html
    assert "&lt;script&gt;alert(1)" in html
    assert 'href="javascript' not in html


async def test_somebody_elses_conversation_is_not_there(
    upstream: Upstream, tabs: OpenTab, shared_site: SiteProcess
) -> None:
    id = await chat(upstream, tabs, "Secret", "Very.")
    stranger = Browser(shared_site, shared_site.person())
    status, html, _ = stranger.get(f"/c/{id}/")
    assert status == 404
    assert "Secret" not in html
    for action in ("rename", "delete"):
        status, _, _ = stranger.post(f"/c/{id}/{action}/", "/", title="Mine")
        assert status == 404


async def test_renaming_and_deleting_reach_every_tab(
    upstream: Upstream, tabs: OpenTab, shared_site: SiteProcess, person: Person
) -> None:
    id = await chat(upstream, tabs, "Old name", "Fine.")
    tab, browser = await tabs(), Browser(shared_site, person)
    status, html, _ = browser.post(f"/c/{id}/rename/", "/", title="  New   name ")
    assert status == 200
    assert "New name" in html
    updated = await tab.expect("conversation.updated")
    assert (updated["conversation"]["id"], updated["conversation"]["title"]) == (id, "New name")
    for title in ("", "   ", "x" * 201):
        assert browser.post(f"/c/{id}/rename/", "/", title=title)[0] == 400
    browser.post(f"/c/{id}/delete/", "/")
    assert (await tab.expect("conversation.deleted"))["conversation"] == id
    await tab.refused("conversation.open", "not_found", conversation=id)
    assert browser.get(f"/c/{id}/")[0] == 404


async def test_deleting_stops_what_still_runs(
    upstream: Upstream, tabs: OpenTab, shared_site: SiteProcess, person: Person
) -> None:
    upstream.queue([*text_answer("Long answer.")[:6], Silence()])
    tab = await tabs()
    created = await tab.ask("Gone soon")
    await tab.until(created["generation"], "response.output_text.delta")
    record = await upstream.arequest(1)
    Browser(shared_site, person).post(f"/c/{created['conversation']['id']}/delete/", "/")
    closed = await record.aclosed(timeout=3)
    assert closed.ended == "client"


async def test_the_list_goes_on_page_by_page(
    upstream: Upstream, tabs: OpenTab, shared_site: SiteProcess, person: Person
) -> None:
    ids = [await chat(upstream, tabs, f"Chat {number}", "Yes.") for number in range(3)]
    browser = Browser(shared_site, person)
    _, text, _ = browser.get("/conversations.json?before=2999-01-01T00:00:00Z")
    listed = json.loads(text)
    assert [row["id"] for row in listed["conversations"]] == ids[::-1]
    assert listed["more"] is False
    before = listed["conversations"][0]["updated"]
    _, text, _ = browser.get(f"/conversations.json?before={before}")
    assert [row["id"] for row in json.loads(text)["conversations"]] == ids[1::-1]
    assert browser.get("/conversations.json?before=yesterday")[0] == 400


def test_signing_up_logging_out_and_in(shared_site: SiteProcess) -> None:
    browser = Browser(shared_site)
    form = {"email": "new@example.com", "password1": PASSWORD, "password2": PASSWORD}
    status, html, _ = browser.post("/accounts/signup/", "/accounts/signup/", **form)
    assert status == 200
    assert "new@example.com" in html
    browser.post("/accounts/logout/", "/accounts/logout/")
    assert "/accounts/login/" in browser.get("/")[2].url
    login = {"login": "new@example.com", "password": PASSWORD}
    _, html, answer = browser.post("/accounts/login/", "/accounts/login/", **login)
    assert answer.url == shared_site.url + "/"


@pytest.mark.parametrize(
    "path", ["/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"]
)
def test_every_page_has_a_strict_policy_and_keeps_it(
    shared_site: SiteProcess, person: Person, path: str
) -> None:
    _, html, answer = Browser(shared_site, person if path == "/" else None).get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert " style=" not in html
    assert not re.search(r"<[^>]+\son\w+=", html)
    assert re.findall(r"<script(?![^>]*(?:src|nonce)=)", html) == []


def test_the_admin_has_no_login_form_of_its_own(shared_site: SiteProcess) -> None:
    """A password alone must never open it past a second factor."""
    _, _, answer = Browser(shared_site).get("/admin/")
    assert "/accounts/login/" in answer.url
    status, html, _ = Browser(shared_site, shared_site.person()).get("/admin/login/?next=/admin/")
    assert status == 403
    assert 'type="password"' not in html
    assert Browser(shared_site, shared_site.person(staff=True)).get("/admin/")[0] == 200


def test_health_is_told_without_a_login(shared_site: SiteProcess) -> None:
    status, text, _ = Browser(shared_site).get("/healthz")
    assert (status, json.loads(text)) == (200, {"status": "ok"})
