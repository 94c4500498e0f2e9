"""Moderation: what is checked, when, by whom, and what may be shown until then.

`gate.py` decides without I/O what may be shown; `stream.py` drives it for one generation and
asks a checker; `choose.py` makes the checker that the settings name.
"""
