"""What every template may know of the site."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """`site`: name, whether sign-up is open, whether the small embedded model answers.

    On its own pages allauth puts something else under `site`: what those need is repeated.
    """
    return {
        "site_name": settings.SITE_NAME,
        "signup_open": settings.ACCOUNT_SIGNUP,
        "site": {
            "name": settings.SITE_NAME,
            "signup": settings.ACCOUNT_SIGNUP,
            "local_model": settings.LOCAL_MODEL,
        },
    }
