"""A scriptable upstream: a real HTTP server on loopback that speaks the OpenAI Responses API.

Start reading at `client.py` (what a test calls), then `script.py` (what a script may say) and
`answers.py` (ready-made streams). `python -m tests.upstream --help` runs it as its own process.
"""
