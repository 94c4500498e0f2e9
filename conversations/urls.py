"""Pages of the chat."""

from django.urls import path

from conversations import views

urlpatterns = [
    path("", views.chat, name="home"),
    path("c/<uuid:conversation_id>/", views.chat, name="conversation"),
    path("c/<uuid:conversation_id>/rename/", views.rename, name="conversation-rename"),
    path("c/<uuid:conversation_id>/delete/", views.delete, name="conversation-delete"),
    path("conversations.json", views.conversation_list, name="conversation-list"),
]
