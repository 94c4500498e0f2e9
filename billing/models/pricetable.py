"""The price list that `manage.py syncprices` fetched, for all processes and restarts."""

from django.db import models


class PriceTable(models.Model):
    """One row at most. A newer genai-prices brings a newer list: then this one is not used."""

    table = models.TextField(help_text="JSON, as genai-prices publishes it.")
    package_version = models.CharField(max_length=50, help_text="The genai-prices that fetched it.")
    fetched = models.DateTimeField()

    def __str__(self) -> str:
        return f"fetched {self.fetched:%Y-%m-%d %H:%M}"
