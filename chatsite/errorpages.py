"""Django's page for an exception (DEBUG=1) and its mail: without secrets, wherever they stand.

Django hides settings by their names. Local variables, addresses with a password in them and
the words of exceptions it shows as they are.
"""

import re

from django.utils.safestring import SafeString, mark_safe
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from chatsite.redaction import redact


class SettingsFilter(SafeExceptionReporterFilter):
    """Hides those of our settings too that hold a password under a name that does not say so."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern
        + "|REDIS|LOCATION|ADDRESS|COOKIE|EMAIL_HOST_USER",
        re.IGNORECASE,
    )


class RedactedReporter(ExceptionReporter):
    """Takes out of the finished page what must not be on it."""

    def get_traceback_html(self) -> SafeString:
        return mark_safe(redact(super().get_traceback_html()))  # noqa: S308  # as it was

    def get_traceback_text(self) -> SafeString:
        return mark_safe(redact(super().get_traceback_text()))  # noqa: S308  # as it was
