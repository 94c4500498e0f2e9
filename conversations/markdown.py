"""Markdown → HTML on the server, for readers without JavaScript.

The same rules as the browser's renderer: no HTML of the model's, links to http, https and
mailto only, images as links.
"""

from functools import lru_cache
from typing import Any

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

ALLOWED_SCHEMES = ("http://", "https://", "mailto:")


def to_html(text: str) -> SafeString:
    """Safe HTML: raw HTML in `text` is shown as text."""
    html: str = _parser().render(text)
    return mark_safe(html)  # noqa: S308  # made of escaped tokens only


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.validateLink = _is_allowed  # type: ignore[method-assign]
    parser.add_render_rule("image", _image)
    parser.add_render_rule("link_open", _link)
    for name, rule in (("th", _cell), ("td", _cell), ("table", _table)):
        parser.add_render_rule(f"{name}_open", rule)
    parser.add_render_rule("table_close", _table)
    return parser


def _is_allowed(url: str) -> bool:
    return url.strip().lower().startswith(ALLOWED_SCHEMES)


def _plain(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    return self.renderToken(tokens, index, options, env)


def _link(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("target", "_blank")
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return _plain(self, tokens, index, options, env)


def _image(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    image = tokens[index]
    link = Token("link_open", "a", 1, attrs={"href": image.attrs["src"]})
    opening = _link(self, [link], 0, options, env)
    text = Token("text", "", 0, content=image.content or "image")
    return opening + self.text([text], 0, options, env) + "</a>"


def _cell(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    """A cell's alignment as a class: the content security policy allows no style attribute."""
    style = str(tokens[index].attrs.pop("style", ""))
    if style:
        tokens[index].attrSet("class", "align-" + style.removeprefix("text-align:"))
    return _plain(self, tokens, index, options, env)


def _table(self: RendererHTML, tokens: list[Token], index: int, options: Any, env: Any) -> str:
    table = _plain(self, tokens, index, options, env)
    return f'<div class="table-scroll">{table}' if tokens[index].nesting == 1 else f"{table}</div>"
