"""A Redis that is configured and not there keeps nobody from anything."""

import re
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from pytest_django.plugin import DjangoDbBlocker

from tests.site import environment_for, running_site
from tests.upstream.client import Upstream

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


def test_people_sign_in_while_redis_is_away(
    database_url: str, upstream: Upstream, django_db_blocker: DjangoDbBlocker
) -> None:
    environment = environment_for(upstream, REDIS_URL=NOBODY_LISTENS)
    with django_db_blocker.unblock(), running_site(database_url, environment) as site:
        person = site.person()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        page = browser.open(f"{site.url}/accounts/login/").read().decode()
        [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page))
        form = {"csrfmiddlewaretoken": token, "login": person.email, "password": person.password}
        data = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(
            f"{site.url}/accounts/login/", data, {"Referer": f"{site.url}/accounts/login/"}
        )
        answer = browser.open(request)
        assert answer.status == 200
        assert person.email in answer.read().decode()
        assert sum("the cache is away" in line for line in site.output) == 1
