"""What is held at the moment, and what became of it."""

from django.contrib import admin

from billing.admin.shared import STYLE, SeenOnly, usd
from billing.models import Reservation


@admin.register(Reservation)
class ReservationAdmin(SeenOnly):
    """Kept by the site alone."""

    list_display = ["created", "account", "model", "held", "state", "capped"]
    list_filter = ["state", "capped"]
    list_select_related = ["account__user"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["=generation"]
    search_help_text = "Generation (UUID)"
    ordering = ["-pk"]

    class Media:
        css = STYLE

    @admin.display(description="Amount", ordering="amount")
    def held(self, reservation: Reservation) -> str:
        return usd(reservation.amount)
