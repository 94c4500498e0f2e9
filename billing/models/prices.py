"""What a model costs here, when that is not what the price list says."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.models.columns import MOST_USD, NOT_NEGATIVE, UsdField
from billing.toolcalls import check_tool_prices


class Price(models.Model):
    """USD per 1,000,000 tokens of a model from a moment on; overrides the price list."""

    model = models.CharField(max_length=200, help_text="The model's id, as in CHAT_MODELS.")
    service_tier = models.CharField(
        max_length=20, blank=True, help_text="Empty: every tier that has no row of its own."
    )
    min_input_tokens = models.PositiveIntegerField(
        default=0, help_text="Applies to requests with at least so many input tokens."
    )
    effective_from = models.DateTimeField(default=timezone.now)
    input = UsdField(validators=NOT_NEGATIVE)
    cached_input = UsdField(
        validators=NOT_NEGATIVE, null=True, blank=True, help_text="Empty: as input."
    )
    cache_write = UsdField(
        validators=NOT_NEGATIVE, null=True, blank=True, help_text="Empty: as input."
    )
    output = UsdField(validators=NOT_NEGATIVE)
    tool_calls = models.JSONField(
        default=dict,
        blank=True,
        validators=[check_tool_prices],
        help_text='USD per call, such as {"web_search_call": "0.01"}.',
    )
    reason = models.CharField(max_length=500)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["model", "service_tier", "min_input_tokens", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "service_tier", "min_input_tokens", "effective_from"],
                name="price_once_per_moment",
            ),
            *(
                models.CheckConstraint(
                    condition=Q(**{f"{name}__gte": 0, f"{name}__lte": MOST_USD})
                    | Q(**{f"{name}__isnull": True}),
                    name=f"price_{name}_in_range",
                )
                for name in ("input", "cached_input", "cache_write", "output")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} from {self.effective_from:%Y-%m-%d %H:%M}"
