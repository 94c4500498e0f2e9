"""People chat while processes die: `python -m tests.chaos` checks that nothing seen is lost.

people.py chats, faults.py breaks, witness.py remembers all that anybody saw and what was
wrong with it, ending.py compares that with what a fresh reader and the database hold.
"""
