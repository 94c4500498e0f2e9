"""The page "Upstream health": how each model does, and its circuit breaker's reset."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from billing.admin.shared import SeenOnly
from conversations.admin.healthwords import circuit_words, ms, row_of
from conversations.models import Circuit
from conversations.upstream import circuits, health

CALLS = "conversations.view_upstreamcall"
RESET = "conversations.change_circuit"
SPANS = {
    "hour": ("Last hour", timedelta(minutes=1), 60),
    "day": ("Last 24 hours", timedelta(hours=1), 24),
}


@admin.register(Circuit)
class CircuitAdmin(SeenOnly):
    """Kept by the site; who may, closes an open one before its time."""

    def has_view_permission(self, request: HttpRequest, obj: Circuit | None = None) -> bool:
        return super().has_view_permission(request, obj) and request.user.has_perm(CALLS)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reset_view)
        name = "conversations_circuit_reset"
        return [path("<int:pk>/reset/", view, name=name), *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The figures. Their span is in the address, so that it can be kept and sent on."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        now = timezone.now()
        chosen = request.GET.get("span", "")
        chosen = chosen if chosen in SPANS else "hour"
        words, step, steps = SPANS[chosen]
        span = health.Span(now, step, steps)
        models = health.models(span)
        context = {
            **self.admin_site.each_context(request),
            "title": "Upstream health",
            "opts": self.opts,
            "chosen": chosen,
            "span_words": words,
            "spans": [(name, SPANS[name][0]) for name in SPANS],
            "now": now,
            "rows": [row_of(model, now) for model in models],
            "asked": any(model.requests for model in models),
            "steps": [(step, ms(step.first_median)) for step in health.steps(span)],
            "errors": health.last_errors(span),
            "may_reset": request.user.has_perm(RESET),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/conversations/health.html", context)

    def reset_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Asks whether it is meant, then closes the circuit."""
        if not (self.has_view_permission(request) and request.user.has_perm(RESET)):
            raise PermissionDenied
        circuit = get_object_or_404(Circuit, pk=pk)
        if request.method == "POST":
            return self._reset(request, circuit)
        context = {
            **self.admin_site.each_context(request),
            "title": "Reset a circuit breaker",
            "opts": self.opts,
            "circuit": circuit,
            "state": circuit_words(circuit, timezone.now()),
        }
        return TemplateResponse(request, "admin/conversations/reset.html", context)

    def _reset(self, request: HttpRequest, circuit: Circuit) -> HttpResponse:
        was = circuit_words(circuit, timezone.now())
        circuits.reset(circuit.endpoint, circuit.model)
        self.log_change(request, circuit, f"Reset; it was {was}.")
        words = f"The circuit breaker of {circuit.model} is closed: the model is asked again."
        self.message_user(request, words, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:conversations_circuit_changelist"))
