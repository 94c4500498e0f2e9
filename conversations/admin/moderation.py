"""The admin of moderation: what was found, to be decided on, and the policies.

Who may view a flag reads what people wrote; who may decide needs a permission of its own
(see billing/roles.py).
"""

from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, Value, When
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse

from billing.admin.shared import SeenOnly
from conversations.created import turn_created_late
from conversations.models import ModerationFlag, ModerationPolicy
from conversations.moderation import review
from conversations.moderation.flagshown import FlagShown

REVIEW = "conversations.review_moderationflag"
DECISIONS = {
    "approve": (review.approve, "Approved: the answer was given back."),
    "uphold": (review.uphold, "Upheld: it stays withdrawn."),
}
QUESTION_APPROVED = "Approved: the question may be asked again."


@admin.register(ModerationFlag)
class ModerationFlagAdmin(FlagShown, SeenOnly):
    """Made by the site, decided on with the buttons, never changed by hand."""

    change_form_template = "admin/conversations/flag.html"
    list_display = ["when", "decision", "found", "beginning", "person", "model"]
    list_filter = ["decision", "source", "created"]
    list_select_related = ["generation__turn__conversation__owner"]
    list_per_page = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # counting each choice reads every flag
    search_fields = ["generation__turn__conversation__owner__email", "model"]
    search_help_text = "Email or model"
    ordering = [
        Case(When(decision=ModerationFlag.Decision.OPEN, then=Value(0)), default=Value(1)),
        "-created",
    ]
    fields = [
        "created",
        "person",
        "source",
        "model",
        "policy",
        "found",
        "asked",
        "checked_text",
        "taken_back",
        "score_table",
        "decision",
        "reviewed_by",
        "reviewed",
    ]
    readonly_fields = ["person", "found", "asked", "checked_text", "score_table", "taken_back"]

    class Media:
        css = {"all": ["admin-spend/spend.css", "admin-moderation/review.css"]}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.review_view)
        name = "conversations_moderationflag_review"
        return [path("<int:pk>/review/", view, name=name), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModerationFlag]:
        return super().get_queryset(request).defer("withdrawn", "scores")  # a list needs neither

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        flag = self.get_object(request, object_id)
        if flag and is_open(flag) and request.user.has_perm(REVIEW):
            own = review.is_own(request.user, flag)
            more = {"own": True} if own else {"review_url": _address("review", flag)}
            extra_context = {**more, **(extra_context or {})}
        return super().change_view(request, object_id, form_url, extra_context)

    def review_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Decides on a flag, as the form field `decision` says."""
        if not (self.has_view_permission(request) and request.user.has_perm(REVIEW)):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        flag = get_object_or_404(ModerationFlag, pk=pk)
        decision = request.POST.get("decision", "")
        if decision in DECISIONS:
            self._decide(request, flag, decision)
        else:
            self.message_user(request, "Choose to approve or to uphold.", messages.ERROR)
        return HttpResponseRedirect(_address("change", flag))

    def _decide(self, request: HttpRequest, flag: ModerationFlag, decision: str) -> None:
        decide, words = DECISIONS[decision]
        is_question = flag.source == ModerationFlag.Source.QUESTION
        try:
            decide(flag, request.user)
        except review.NotReviewable as error:
            self.message_user(request, str(error), messages.ERROR)
            return
        if decision == "approve":
            words = QUESTION_APPROVED if is_question else words
            _show_again(flag)
        self.log_change(request, flag, words)
        self.message_user(request, words, messages.SUCCESS)


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A model is chosen by its name; a space at its end would fit none."""

    def clean_model(self) -> str:
        return str(self.cleaned_data["model"]).strip()


@admin.register(ModerationPolicy)
class ModerationPolicyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Exceptions from the site's MODERATION."""

    form = PolicyForm
    change_list_template = "admin/conversations/policies.html"
    list_display = ["__str__", "group", "model", "mode"]
    list_filter = ["mode", "group"]
    list_select_related = ["group"]
    ordering = ["group__name", "model"]
    fieldsets = [
        (
            None,
            {
                "fields": ["group", "model", "mode"],
                "description": (
                    "Of all policies that fit, the most specific wins: one for a group and a "
                    "model, then one for a group, then one for a model, then one for everybody. "
                    "Of several as specific (somebody is in two groups) the strictest wins: hold, "
                    "then watch, then off. Where none fits, MODERATION holds."
                ),
            },
        )
    ]


def _show_again(flag: ModerationFlag) -> None:
    """Tells the owner's open tabs what the answer is now."""
    text = turn_created_late(flag.generation_id)
    if text is not None:  # the conversation was deleted meanwhile
        owner = flag.generation.turn.conversation.owner_id
        async_to_sync(_tell)(owner, text)


async def _tell(user_id: Any, text: str) -> None:
    # Every command of manage.py loads the admin; what talks to upstream takes a second to.
    from conversations import runtime

    (await runtime.current()).broadcast.user(user_id, text)


def is_open(flag: ModerationFlag) -> bool:
    """Whether nobody has decided yet."""
    return flag.decision == ModerationFlag.Decision.OPEN


def _address(page: str, flag: ModerationFlag) -> str:
    return reverse(f"admin:conversations_moderationflag_{page}", args=[flag.pk])
