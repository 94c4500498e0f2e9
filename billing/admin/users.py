"""Django's page of a user, with a link to the account and a word on how to make an operator."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

HOW_TO = (
    "To make an operator (sees accounts and spend, sets budgets) or an admin (everything of this "
    "site but users and groups): tick Staff status and choose the group Operators or Admins. "
    "Without Staff status a group gives nothing."
)

admin.site.unregister(User)


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    """Only superusers get here: who may change users could make a superuser."""

    readonly_fields = ["account_link"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        with_words = [
            (name, {**options, "description": HOW_TO} if "groups" in options["fields"] else options)
            for name, options in fieldsets
        ]
        return [*with_words, ("Spend", {"fields": ["account_link"]})]

    @admin.display(description="Account")
    def account_link(self, user: User) -> SafeString | str:
        account = getattr(user, "account", None)
        if account is None:
            return "none yet"
        url = reverse("admin:billing_account_change", args=[account.pk])
        return format_html('<a href="{}">Budgets and spend</a>', url)
