"""URLs of the site."""

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path

from chatsite import health

# One way in, with its rate limits and second factor, for the admin too.
admin.site.login = login_required(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("conversations.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.alive),
]
