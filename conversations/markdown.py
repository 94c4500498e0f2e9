"""Markdown → HTML on the server, for readers without JavaScript.

The same rules as the browser's renderer: no HTML of the model's, links to http, https and
mailto only, images as links.
"""

from functools import lru_cache

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
    return parser


def _is_allowed(url: str) -> bool:
    return url.strip().lower().startswith(ALLOWED_SCHEMES)


def _link(self: RendererHTML, tokens: list[Token], index: int, options: object, env: object) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    return self.renderToken(tokens, index, options, env)  # type: ignore[arg-type]


def _image(
    self: RendererHTML, tokens: list[Token], index: int, options: object, env: object
) -> str:
    image = tokens[index]
    link = Token("link_open", "a", 1, attrs={"href": image.attrs["src"]})
    opening = _link(self, [link], 0, options, env)
    text = Token("text", "", 0, content=image.content or "image")
    return opening + self.text([text], 0, options, env) + "</a>"  # type: ignore[arg-type]
