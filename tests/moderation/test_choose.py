"""Which checker the settings name, and what is said of those that can't work."""

import pytest
from django.test import override_settings
from openai import AsyncOpenAI

from conversations.moderation.choose import checker as chosen
from conversations.moderation.local_checker import LocalChecker
from conversations.moderation.openai_checker import OpenAIChecker
from tests.moderation.noted import Noted
from tests.moderation.own import Own
from tests.unit.test_settings import check


@pytest.mark.parametrize(
    ("name", "kind"),
    [("openai", OpenAIChecker), ("local", LocalChecker), ("tests.moderation.own.Own", Own)],
)
async def test_the_setting_names_the_checker(name: str, kind: type) -> None:
    with override_settings(MODERATION_CHECKER=name):
        sdk = AsyncOpenAI(api_key="k")
        assert type(chosen(sdk, Noted())).__name__ == kind.__name__


@pytest.mark.parametrize(
    ("number", "name", "environment"),
    [
        ("E001", "MODERATION", {"MODERATION": "perhaps"}),
        ("E001", "MODERATION_EVERY_CHARS", {"MODERATION_EVERY_CHARS": "0"}),
        ("E001", "MODERATION_ON_ERROR", {"MODERATION_ON_ERROR": "ajar"}),
        ("E006", "OPENAI_API_KEY", {"MODERATION_CHECKER": "openai", "OPENAI_BASE_URL": ""}),
        ("E007", "MODERATION_CHECKER", {"MODERATION_CHECKER": "no.such.Thing"}),
        ("E007", "MODERATION_CHECKER", {"MODERATION_CHECKER": "nonsense"}),
        ("E007", "MODERATION_CHECKER", {"MODERATION_CHECKER": "os.path.join"}),
    ],
)
def test_what_cannot_work_is_named_with_its_number(
    number: str, name: str, environment: dict[str, str]
) -> None:
    said = check(**environment)
    assert f"chatsite.{number}" in said
    assert name in said


def test_good_moderation_settings_start() -> None:
    assert check(MODERATION="off", MODERATION_CHECKER="no.such.Thing") == ""
    assert check(MODERATION="hold", MODERATION_CHECKER="tests.moderation.own.Own") == ""
