"""Budgets, edited on the page of the account or team they limit, with their use beside them."""

from functools import cached_property
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from billing.admin.shared import USD_FIELDS, bar, percent, usd
from billing.budgets import Standing, standings
from billing.models import Account, Budget, Team
from billing.roles import is_own


class BudgetInline(admin.TabularInline):  # type: ignore[type-arg]
    """The limits of one account or team. Django makes a new inline for each request."""

    model = Budget
    fields = ["period", "limit", "soft", "use"]
    readonly_fields = ["use"]
    formfield_overrides = USD_FIELDS
    extra = 0
    max_num = 4
    owner: Account | Team | None = None

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        self.owner = obj
        return super().get_formset(request, obj, **kwargs)

    @admin.display(description="Used")
    def use(self, budget: Budget) -> SafeString | str:
        standing = self._standings.get(budget.pk)
        if standing is None:
            return "nothing yet"
        end = standing.span.end
        until = f"resets {date_format(localtime(end), 'j M Y H:i e')}" if end else "never resets"
        held = standing.reserved / budget.limit if budget.limit else standing.reserved * 0
        return format_html(
            '{}<span class="use-words">used {} of {} ({}), reserved {}, {}</span>',
            bar(standing.share, held),
            usd(standing.spent),
            usd(budget.limit),
            percent(standing.share),
            usd(standing.reserved),
            until,
        )

    @cached_property
    def _standings(self) -> dict[int, Standing]:
        """Budget id → how it stands; those of a team stand the same for each member."""
        member = self.owner.accounts.first() if isinstance(self.owner, Team) else self.owner
        return {s.budget.pk: s for s in standings(member)} if member else {}

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_add_permission(request, obj) and not self._refused(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not self._refused(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not self._refused(request, obj)

    @staticmethod
    def _refused(request: HttpRequest, owner: Account | Team | None) -> bool:
        """To delete a limit is to raise it, and so is to make it soft: none of it is allowed."""
        return owner is not None and is_own(request.user, owner)


class WithBudgets(admin.ModelAdmin):  # type: ignore[type-arg]
    """A page that is changed by who may change its budgets, though nothing else of it."""

    inlines = [BudgetInline]
    changeable: tuple[str, ...] = ()
    """Fields that the permission to change the page's own model lets change."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if super().has_change_permission(request, obj):
            return True
        may = request.user.has_perm("billing.change_budget")
        return may and self.has_view_permission_of_its_own(request)

    def has_view_permission_of_its_own(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"billing.view_{self.opts.model_name}")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = list(super().get_readonly_fields(request, obj))
        if not super().has_change_permission(request, obj) or (obj and is_own(request.user, obj)):
            fixed += self.changeable
        return fixed
