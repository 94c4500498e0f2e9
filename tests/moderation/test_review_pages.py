"""The pages of the review: who sees what, and what the buttons do."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from conversations.models import Generation, ModerationFlag, ModerationPolicy, Status
from conversations.moderation.review import uphold
from tests.moderation.flags import WORDS, flag_of
from tests.money.adminpages import page, text
from tests.money.people import superuser, user

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:No directory at:UserWarning"),  # nothing is collected
]
LIST = "admin:conversations_moderationflag_changelist"


def client_of(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def address(flag: ModerationFlag, page: str = "change") -> str:
    return reverse(f"admin:conversations_moderationflag_{page}", args=[flag.pk])


def reviewer(*codenames: str) -> Any:
    """Staff with these permissions and no other."""
    person = user(is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return person


def test_a_flag_shows_all_that_a_reviewer_needs_and_nothing_as_html() -> None:
    flag = flag_of(user())
    client = client_of(superuser())
    shown = page(client, address(flag))
    assert WORDS not in shown
    assert shown.count(escape(WORDS)) == 2  # the checked text, and what was withdrawn
    assert escape('"text": "Hm <i>"') in shown  # the reasoning
    assert "violence 0.9700 flagged hate 0.2500" in text(shown)
    for words in ("watch, openai", "test-model", flag.generation.turn.conversation.owner.email):
        assert words in shown
    assert address(flag, "review") in shown


def test_open_flags_come_first_in_the_list_and_excerpts_are_cut() -> None:
    person = user()
    flags = [flag_of(person, excerpt=f"{n} <b>" + "long " * 100) for n in range(3)]
    uphold(flags[2], superuser())
    shown = page(client_of(superuser()), reverse(LIST))
    order = [int(id) for id in re.findall(r"/moderationflag/(\d+)/change/", shown)]
    assert order == [flags[1].pk, flags[0].pk, flags[2].pk]
    assert "1 &lt;b&gt;long" in shown
    assert "long " * 30 not in shown


def test_nobody_reads_excerpts_without_the_permission_to_view_them() -> None:
    flag = flag_of(user())
    for person in (user(), user("Operators"), reviewer("review_moderationflag")):
        client = client_of(person)
        for path in (reverse(LIST), address(flag), address(flag, "history")):
            answer = client.get(path)
            assert answer.status_code in (302, 403), (person, path)
        answer = client.post(address(flag, "review"), {"decision": "approve"})
        assert answer.status_code in (302, 403)
    flag.refresh_from_db()
    assert flag.decision == "open"


def test_who_may_only_view_sees_no_buttons_and_decides_nothing() -> None:
    flag = flag_of(user())
    client = client_of(reviewer("view_moderationflag"))
    shown = page(client, address(flag))
    assert "slartibartfast" in shown
    assert address(flag, "review") not in shown
    assert client.post(address(flag, "review"), {"decision": "uphold"}).status_code == 403
    client.post(address(flag), {"decision": "approved", "excerpt": "changed"})
    flag.refresh_from_db()
    assert (flag.decision, flag.excerpt) == ("open", WORDS)


def test_the_buttons_decide_once_and_the_history_says_so() -> None:
    flag, judge = flag_of(user()), reviewer("view_moderationflag", "review_moderationflag")
    client = client_of(judge)
    assert client.get(address(flag, "review")).status_code == 405
    wrong = client.post(address(flag, "review"), {"decision": "shrug"}, follow=True)
    assert "Choose to approve" in wrong.content.decode()
    done = client.post(address(flag, "review"), {"decision": "uphold"}, follow=True)
    assert "Upheld: it stays withdrawn." in done.content.decode()
    assert address(flag, "review") not in done.content.decode()
    again = client.post(address(flag, "review"), {"decision": "approve"}, follow=True)
    assert "decided already: Upheld." in again.content.decode()
    assert "Upheld: it stays withdrawn." in page(client, address(flag, "history"))
    assert Generation.objects.get(pk=flag.generation_id).status == Status.BLOCKED


def test_a_decision_needs_the_token_of_the_form() -> None:
    flag, judge = flag_of(user()), superuser()
    client = Client(enforce_csrf_checks=True)
    client.force_login(judge)
    assert client.post(address(flag, "review"), {"decision": "uphold"}).status_code == 403
    flag.refresh_from_db()
    assert flag.decision == "open"


def test_a_policy_is_made_in_words_that_say_what_wins() -> None:
    client = client_of(user("Admins"))
    form = reverse("admin:conversations_moderationpolicy_add")
    assert "most specific wins" in page(client, form)
    client.post(form, {"group": "", "model": " test-model ", "mode": "hold"})
    assert ModerationPolicy.objects.values_list("model", "mode").get() == ("test-model", "hold")
    again = client.post(form, {"group": "", "model": "test-model", "mode": "off"})
    assert again.status_code == 200  # refused, with the form
    assert ModerationPolicy.objects.count() == 1
