"""A checker of one's own, to be named by its dotted path."""

from conversations.moderation.verdict import Verdict


class Own:
    """Flags one word."""

    async def check(self, text: str) -> Verdict:
        return Verdict("xyzzy" in text, ("magic",) if "xyzzy" in text else ())
