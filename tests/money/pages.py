"""How tests of pages are marked: `pytestmark = PAGES`."""

import pytest

PAGES = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:No directory at:UserWarning"),  # nothing is collected
]
