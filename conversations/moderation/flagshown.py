"""How a flag is shown to a reviewer: everything that people or models wrote is plain text."""

import json
from typing import Any

from django.contrib import admin
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import localtime

from conversations.fold import text_of
from conversations.models import ModerationFlag

CUT = 80
"""Characters of an excerpt in the list."""
NO_CATEGORY = "flagged"


class FlagShown:
    """Columns and fields of the flag's pages."""

    @admin.display(description="When", ordering="created")
    def when(self, flag: ModerationFlag) -> str:
        return date_format(localtime(flag.created), "j M Y H:i")

    @admin.display(description="Person", ordering="generation__turn__conversation__owner__email")
    def person(self, flag: ModerationFlag) -> str:
        owner = flag.generation.turn.conversation.owner
        return owner.email or owner.get_username()

    @admin.display(description="Categories")
    def found(self, flag: ModerationFlag) -> str:
        return ", ".join(flag.categories) or NO_CATEGORY

    @admin.display(description="Excerpt")
    def beginning(self, flag: ModerationFlag) -> str:
        return Truncator(flag.excerpt).chars(CUT)

    @admin.display(description="Question")
    def asked(self, flag: ModerationFlag) -> SafeString:
        return plain(flag.generation.turn.text)

    @admin.display(description="Checked text")
    def checked_text(self, flag: ModerationFlag) -> SafeString:
        return plain(flag.excerpt)

    @admin.display(description="Scores")
    def score_table(self, flag: ModerationFlag) -> SafeString | str:
        """Category → score, 0 to 1, the highest first; those that were flagged are marked."""
        if not flag.scores:
            return "none"
        highest = sorted(flag.scores.items(), key=lambda entry: (-entry[1], entry[0]))
        rows = format_html_join(
            "",
            '<tr><th scope="row">{}</th><td class="amount">{}</td><td>{}</td></tr>',
            (
                (name, f"{score:.4f}", "flagged" if name in flag.categories else "")
                for name, score in highest
            ),
        )
        return format_html('<table class="figures"><tbody>{}</tbody></table>', rows)

    @admin.display(description="Withdrawn")
    def taken_back(self, flag: ModerationFlag) -> SafeString | str:
        """The answer's words, and what else it had: reasoning, tool calls."""
        if flag.source == ModerationFlag.Source.QUESTION:
            return "nothing: the question was not sent to the model"
        text, rest = text_of(flag.withdrawn), [i for i in flag.withdrawn if not is_prose(i)]
        shown = plain(text) if text else format_html("<p>{}</p>", "no text")
        if not rest:
            return shown
        raw = plain(json.dumps(rest, indent=2, ensure_ascii=False))
        words = "What else it had: reasoning, refusals, tool calls"
        return format_html("{}<details><summary>{}</summary>{}</details>", shown, words, raw)


def plain(text: str) -> SafeString:
    """A block of text as it was written, lines and all."""
    return format_html('<pre class="plain-text" dir="auto">{}</pre>', text)


def is_prose(item: dict[str, Any]) -> bool:
    """Whether `text_of` says all that an item has to say."""
    return item.get("type") == "message" and all(
        part.get("type") == "output_text" for part in item.get("content") or ()
    )
