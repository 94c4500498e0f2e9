"""Fixtures for the tests of pure parts."""

from collections.abc import Iterator

import pytest

from billing import pricing


@pytest.fixture(autouse=True)
def _unread_prices() -> Iterator[None]:
    """Nothing of a test's own prices, which are rolled back, is remembered in the next."""
    pricing.forget()
    yield
    pricing.forget()
