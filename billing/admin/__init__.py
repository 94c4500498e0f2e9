"""The admin of money: the spend dashboard, accounts and budgets, prices, the ledger.

Who may do what is in billing/roles.py.
"""

from billing.admin import accounts, ledger, prices, reservations, teams, users

__all__ = ["accounts", "ledger", "prices", "reservations", "teams", "users"]
