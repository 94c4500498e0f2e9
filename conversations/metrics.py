"""What this process counts, for `/metrics`. Figures that the database knows are asked there
at the scrape (`conversations/figures.py`); here is what only the process itself sees.

Counting costs about a microsecond: once per frame, commit, check or call, never per delta.
Label values are bounded: models that are offered, failure kinds, codes that are known.
"""

from typing import Final

from django.conf import settings
from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

from chatsite import together

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each, for nobody
if settings.PROMETHEUS_MULTIPROC_DIR:
    together.join(settings.PROMETHEUS_MULTIPROC_DIR)  # before the first of these makes its files

SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120)
SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
RATES: Final = (1, 5, 10, 20, 40, 60, 80, 100, 150, 200, 400)
SIZES: Final = (128, 256, 512, 1024, 2048, 4096, 16_384, 65_536, 262_144, 1_048_576)

UPSTREAM_CALLS: Final = Counter(
    "chatsite_upstream_calls",
    "Attempts to get something from the model service, by how they ended.",
    ["endpoint", "model", "outcome", "code"],
)
UPSTREAM_RETRIES: Final = Counter(
    "chatsite_upstream_retries", "Attempts made again.", ["endpoint", "model", "outcome"]
)
FIRST_OUTPUT_SECONDS: Final = Histogram(
    "chatsite_first_output_seconds", "From asking to the first output.", ["model"], buckets=SECONDS
)
TOKENS_PER_SECOND: Final = Histogram(
    "chatsite_tokens_per_second",
    "Visible tokens of an answer by the time from its first text to its end.",
    ["model"],
    buckets=RATES,
)
GENERATIONS_ENDED: Final = Counter(
    "chatsite_generations_ended", "Generations by their last status.", ["status"]
)
GENERATIONS_HERE: Final = Gauge(
    "chatsite_generations_here",
    "Generations that run in the process.",
    multiprocess_mode="livesum",
)
FLUSH_SECONDS: Final = Histogram(
    "chatsite_flush_seconds", "One commit of the recorder.", buckets=SHORT
)
FLUSH_FRAMES: Final = Histogram(
    "chatsite_flush_frames", "Frames in one commit.", buckets=(1, 2, 5, 10, 25, 50, 100, 250, 500)
)
FRAME_CHARACTERS: Final = Histogram(
    "chatsite_frame_characters", "Length of a frame as it is stored and sent.", buckets=SIZES
)
MODERATION_CHECKS: Final = Counter(
    "chatsite_moderation_checks", "Checks by result: clear, flagged, failed, given up.", ["result"]
)
MODERATION_SECONDS: Final = Histogram(
    "chatsite_moderation_seconds", "How long a check took.", buckets=SECONDS
)
SOCKETS: Final = Gauge(
    "chatsite_sockets", "Browser tabs that are connected.", multiprocess_mode="livesum"
)
REPLAYED_FRAMES: Final = Counter(
    "chatsite_replayed_frames", "Frames that a socket got from the log and not live."
)
COMMANDS_REFUSED: Final = Counter(
    "chatsite_commands_refused", "Commands answered with an error, by its code.", ["code"]
)
