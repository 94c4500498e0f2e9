"""What is done around each HTTP request to the model service, whoever asks."""

from typing import TYPE_CHECKING

from chatsite import logcontext, tracing

if TYPE_CHECKING:  # the SDK is loaded after the site listens; see Upstream.warm
    import httpx2


async def asking(request: "httpx2.Request") -> None:
    """The answer to an earlier request is not this one's."""
    logcontext.bind(upstream_request=None)
    request.headers.update(tracing.headers())


async def answered(response: "httpx2.Response") -> None:
    """From here on the lines say what upstream calls the request, for its makers to look up."""
    id = response.headers.get("x-request-id")
    logcontext.bind(upstream_request=logcontext.SANE_ID.fullmatch(id or "") and id)
