"""A second outside to test against: the npm package aimock, which others wrote."""
