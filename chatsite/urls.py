"""URLs of the site."""

from allauth.account.decorators import secure_admin_login
from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from chatsite import scrape

# One way in, with its rate limits and second factor, for the admin too; Django's own form
# would ask for a password alone.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = admin.site.site_title = f"{settings.SITE_NAME} admin"
admin.site.index_title = "Spend, people, prices"

urlpatterns = [
    path("", include("conversations.urls")),
    path("usage/", include("billing.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("metrics", scrape.for_staff),  # and /healthz, /readyz: chatsite/probes.py
]
