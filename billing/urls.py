"""URLs of a person's own spend, below /usage/."""

from django.urls import path

from billing import views

urlpatterns = [
    path("", views.usage, name="usage"),
    path("export.csv", views.export, name="usage-export"),
    path("time-zone/", views.set_time_zone, name="usage-time-zone"),
]
