"""The ASGI application: probes, then Django for HTTP; the chat consumer for /ws/."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
django_application = get_asgi_application()  # before anything that imports models

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402

from chatsite.origins import OriginGuard  # noqa: E402
from chatsite.probes import Probes  # noqa: E402
from conversations.consumers import ChatConsumer  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": Probes(django_application),
        "websocket": OriginGuard(
            AuthMiddlewareStack(URLRouter([path("ws/", ChatConsumer.as_asgi())]))
        ),
    }
)
