"""Fixtures of the tests in this folder."""

from tests.aimock.fixtures import *  # noqa: F403
