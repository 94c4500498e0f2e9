"""The import map: what a module's import means in the browser."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from chatsite.vendor import vendor_url

register = template.Library()


@register.simple_tag(takes_context=True)
def importmap(context: dict[str, Any]) -> SafeString:
    """`<script type="importmap">` for our own modules and those of VENDOR_MODULES."""
    nonce = getattr(context.get("request"), "csp_nonce", "")
    return format_html('<script type="importmap" nonce="{}">{}</script>', nonce, _json())


@lru_cache(maxsize=1)
def _map() -> str:
    imports = {specifier: vendor_url(specifier) for specifier in settings.VENDOR_MODULES}
    # Our modules import each other by relative path: each path is mapped to its hashed file.
    root = Path(settings.BASE_DIR) / "static"
    for file in sorted((root / "js").rglob("*.js")):
        name = file.relative_to(root).as_posix()
        imports[settings.STATIC_URL + name] = staticfiles_storage.url(name)
    return json.dumps({"imports": imports})


def _json() -> SafeString:
    # `<` can't end the script element when it is written as an escape.
    return mark_safe(_map().replace("<", "\\u003c"))  # noqa: S308
