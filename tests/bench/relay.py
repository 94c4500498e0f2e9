"""The least a streaming chat server can do: upstream's bytes to a WebSocket, nothing kept."""

import asyncio
import sys

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web


async def relay(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    body = await socket.receive_str()
    client: ClientSession = request.app[CLIENT]
    headers = {"content-type": "application/json"}
    async with client.post(f"{sys.argv[1]}/responses", data=body, headers=headers) as response:
        async for chunk in response.content.iter_any():
            await socket.send_bytes(chunk)
    await socket.close()
    return socket


CLIENT = web.AppKey("client", ClientSession)


async def serve() -> None:
    app = web.Application()
    app.router.add_get("/ws/", relay)
    connector = TCPConnector(limit=0)  # as many as there are clients
    async with ClientSession(connector=connector, timeout=ClientTimeout(None)) as client:
        app[CLIENT] = client
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        print(f"ws://{host}:{port}/ws/", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
