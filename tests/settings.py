"""Settings of the test process: those of the site, with nothing of the machine's or `.env`'s."""

import os

os.environ.update(
    SECRET_KEY="tests-only",
    DEBUG="0",
    ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    CSRF_TRUSTED_ORIGINS="",
    DATABASE_URL="sqlite:///.test/own.sqlite3",
    REDIS_URL="",
    GENERATION_WORKERS="inline",
    OPENAI_API_KEY="",
    OPENAI_API_KEY_FILE="",
    OTEL_EXPORTER_OTLP_ENDPOINT="",
    OTEL_TRACES_EXPORTER="",
    LOG_FORMAT="json",
    LOG_TEXT="0",
    OPENAI_BASE_URL="http://127.0.0.1:9/v1",
    CHAT_MODELS="test-model",
    CHAT_DEFAULT_MODEL="",
    UNPRICED_MODELS="free",
    USER_MAX_STREAMS="100000",
    USER_TURNS_PER_MINUTE="100000",
    ACCOUNT_SIGNUP="1",
    EMAIL_URL="memorymail://",
    STATIC_ROOT=".test/nothing-collected",
)

from chatsite.settings import *  # noqa: F403

# A file, since several threads write; in memory they would share one connection's locks.
DATABASES["default"]["TEST"] = {"NAME": str(BASE_DIR / ".test" / "test.sqlite3")}  # noqa: F405
(BASE_DIR / ".test" / "nothing-collected").mkdir(parents=True, exist_ok=True)  # noqa: F405
