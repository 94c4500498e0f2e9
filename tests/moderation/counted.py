"""What a test's checks added to the process's figures."""

from prometheus_client import REGISTRY

RESULTS = ("clear", "flagged", "failed")


def _checks() -> dict[str, float]:
    name = "chatsite_moderation_checks_total"
    return {r: REGISTRY.get_sample_value(name, {"result": r}) or 0.0 for r in RESULTS}


class Counted:
    """Counts from the moment it was made."""

    def __init__(self) -> None:
        self._before = _checks()

    @property
    def checks(self) -> dict[str, int]:
        """Checks by result, those that there were."""
        found = {r: int(n - self._before[r]) for r, n in _checks().items()}
        return {result: count for result, count in found.items() if count}
