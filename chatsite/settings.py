"""All settings, and the only place that reads the environment.

What each variable means stands in README.md ("Settings"). A value that can't be used is
reported by `chatsite/checks.py`.
"""

import sys
from hashlib import sha256
from pathlib import Path

from chatsite import localmodel, logs, redaction
from chatsite.components import INSTALLED_APPS, MIDDLEWARE, TEMPLATES  # noqa: F401
from chatsite.contentpolicy import CONTENT_SECURITY_POLICY  # noqa: F401  # one of django-csp's
from chatsite.environment import Environment, drop_empty

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(BASE_DIR / ".env")
ENVIRONMENT_PROBLEMS = env.problems

# --- Django -------------------------------------------------------------------------------

NO_SECRET_KEY = "missing"  # noqa: S105  # Django refuses an empty one, in a traceback
SECRET_KEY = env.text("SECRET_KEY") or NO_SECRET_KEY
DEBUG = env.flag("DEBUG", False)
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.texts("CSRF_TRUSTED_ORIGINS")
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, most=65_535)
"""0: a free one."""
ROOT_URLCONF = "chatsite.urls"
ASGI_APPLICATION = "chatsite.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
SITE_NAME = "Chatsite"

# --- Data ---------------------------------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL", "sqlite:///db.sqlite3", BASE_DIR)}

REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix"), "redis://127.0.0.1:6379/0")
if REDIS_URL:
    # Pub/sub knows no databases: of two sites on one Redis, each hears only itself.
    _site = sha256(f"{SECRET_KEY} {DATABASES['default']['NAME']}".encode()).hexdigest()[:12]
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {
                # redis-py's default of 5 s kills receivers that have nothing to receive.
                "hosts": [{"address": REDIS_URL, "socket_timeout": None}],
                "prefix": f"chatsite-{_site}",
            },
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "chatsite.cache.ForgivingRedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
            "KEY_PREFIX": f"chatsite-{_site}",
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

GENERATION_WORKERS = env.choice("GENERATION_WORKERS", "inline", ("inline", "external"))
USER_MAX_STREAMS = env.integer("USER_MAX_STREAMS", 4, least=1)
USER_TURNS_PER_MINUTE = env.integer("USER_TURNS_PER_MINUTE", 20, least=1)
LEASE_SECONDS = env.number("LEASE_SECONDS", 10, least=1)
DRAIN_SECONDS = env.number("DRAIN_SECONDS", 30)

# --- Upstream -----------------------------------------------------------------------------

OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_API_KEY_FILE = env.path("OPENAI_API_KEY_FILE", BASE_DIR)
"""Instead of the key itself: a file that holds it, which may be replaced while the site runs."""
_has_key = bool(OPENAI_API_KEY or OPENAI_API_KEY_FILE)
OPENAI_BASE_URL = env.url("OPENAI_BASE_URL", ("http", "https"), "http://127.0.0.1:11434/v1")
OPENAI_ORG_ID = env.text("OPENAI_ORG_ID")
OPENAI_PROJECT_ID = env.text("OPENAI_PROJECT_ID")
LOCAL_MODEL = not _has_key and not OPENAI_BASE_URL
UPSTREAM_IS_OPENAI = _has_key and not OPENAI_BASE_URL

# What the one client talks to. The embedded model is an upstream like any other.
UPSTREAM_URL = OPENAI_BASE_URL
UPSTREAM_KEY = OPENAI_API_KEY
_default_models = ""
if LOCAL_MODEL:
    UPSTREAM_URL = env.text("CHATSITE_LOCAL_URL")
    UPSTREAM_KEY = env.text("CHATSITE_LOCAL_KEY")
    _default_models = localmodel.MODEL_NAME
elif UPSTREAM_IS_OPENAI:
    _default_models = "gpt-6-luna,gpt-6.1-terra,gpt-6.1-sol,gpt-6-astra"

CHAT_MODELS = env.texts("CHAT_MODELS", _default_models)
"""Offered models; empty means: what the upstream's /v1/models lists."""
CHAT_DEFAULT_MODEL = env.text("CHAT_DEFAULT_MODEL")
"""Empty means: the cheapest offered one."""
CHAT_FALLBACKS = env.texts("CHAT_FALLBACKS")
"""While one of these can't be reached, the next one behind it that can answers."""
MODEL_OPTIONS: dict[str, dict[str, object]] = {}
"""Model id → what it needs: the fields of `conversations.catalog.ModelOptions`."""
if LOCAL_MODEL:
    MODEL_OPTIONS[localmodel.MODEL_NAME] = {"label": "SmolLM2 135M", **localmodel.MODEL_DEFAULTS}

UNPRICED_MODELS = env.choice(
    "UNPRICED_MODELS", "refuse" if _has_key else "free", ("refuse", "free")
)
# The embedded model refuses connections while it loads; it is worth waiting for.
UPSTREAM_RETRIES = env.integer("UPSTREAM_RETRIES", 6 if LOCAL_MODEL else 2)
UPSTREAM_RETRY_SECONDS = env.number("UPSTREAM_RETRY_SECONDS", 30)
UPSTREAM_MAX_STREAMS = env.integer("UPSTREAM_MAX_STREAMS", 500, least=1)
UPSTREAM_CONNECT_SECONDS = env.number("UPSTREAM_CONNECT_SECONDS", 5, least=0.001)
UPSTREAM_FIRST_EVENT_SECONDS = env.number("UPSTREAM_FIRST_EVENT_SECONDS", 60, least=0.001)
UPSTREAM_SILENCE_SECONDS = env.number("UPSTREAM_SILENCE_SECONDS", 180, least=0.001)
GENERATION_MAX_SECONDS = env.number("GENERATION_MAX_SECONDS", 900, least=0.001)
BREAKER_FAILURES = env.integer("BREAKER_FAILURES", 10, least=1)
"""So many failures in a row, over all processes, and a model is left alone for a while."""
BREAKER_SECONDS = env.number("BREAKER_SECONDS", 10, least=0.001)
"""How long the first time; it doubles with each probe that fails."""
ALERT_FAILURE_SHARE = env.number("ALERT_FAILURE_SHARE", 0.25, least=0.001, most=1)
"""Operators are written to when more of a model's calls fail."""
OPENAI_BACKGROUND = env.flag("OPENAI_BACKGROUND", False)
STREAM_FLUSH_MS = env.integer("STREAM_FLUSH_MS", 40, most=10_000)

# --- Money --------------------------------------------------------------------------------

BUDGET_DEFAULTS = env.amounts(
    "BUDGET_DEFAULTS", "day=1.00,month=20.00", ("hour", "day", "month", "total")
)
BUDGET_WARN_AT = env.number("BUDGET_WARN_AT", 0.8, least=0.01, most=1)
MAX_OUTPUT_TOKENS = env.integer("MAX_OUTPUT_TOKENS", 16_384, least=16)
"""The longest answer of a model without a limit of its own: the most that is reserved."""

# --- Moderation ---------------------------------------------------------------------------

MODERATION = env.choice("MODERATION", "watch", ("off", "watch", "hold"))
MODERATION_CHECKER = env.text("MODERATION_CHECKER", "openai" if _has_key else "local")
"""openai, local, or the dotted path of a class; see conversations/moderation/verdict.py."""
MODERATION_EVERY_CHARS = env.integer("MODERATION_EVERY_CHARS", 100, least=1)
MODERATION_ON_ERROR = env.choice("MODERATION_ON_ERROR", "open", ("open", "closed"))
MODERATION_THRESHOLDS: dict[str, float] = {}
"""Category → the score, 0 to 1, from which on it is flagged (2: never). Others: the checker's."""
MODERATION_KEEP_DAYS = env.integer("MODERATION_KEEP_DAYS", 90, least=1, most=36_500)
"""`manage.py purgeflags` deletes what moderation found before."""

# --- For those who run it ------------------------------------------------------------------

LOG_TEXT = env.flag("LOG_TEXT", False)
"""Whether logs may hold what people and models wrote."""
LOGGING = logs.settings_for(env.choice("LOG_FORMAT", "auto", logs.FORMATS), LOG_TEXT)
METRICS_TOKEN = env.text("METRICS_TOKEN")
PROMETHEUS_MULTIPROC_DIR = env.folder("PROMETHEUS_MULTIPROC_DIR")
"""Processes that share it answer `/metrics` as one; prometheus_client reads it too."""
DEFAULT_EXCEPTION_REPORTER = "chatsite.errorpages.RedactedReporter"
DEFAULT_EXCEPTION_REPORTER_FILTER = "chatsite.errorpages.SettingsFilter"

# OpenTelemetry's own variables, which its packages read; here is what decides whether they do.
drop_empty("OTEL_")
OTEL_SERVICE_NAME = env.text("OTEL_SERVICE_NAME", "chatsite")
OTEL_EXPORTER_OTLP_ENDPOINT = env.text("OTEL_EXPORTER_OTLP_ENDPOINT")
OTEL_TRACES_EXPORTER = env.choice(
    "OTEL_TRACES_EXPORTER", "otlp" if OTEL_EXPORTER_OTLP_ENDPOINT else "none", ("otlp", "none")
)
OTEL_PROPAGATORS = env.texts("OTEL_PROPAGATORS")
TRACES = OTEL_TRACES_EXPORTER == "otlp" and not env.flag("OTEL_SDK_DISABLED", False)

redaction.hide(SECRET_KEY, OPENAI_API_KEY, UPSTREAM_KEY, METRICS_TOKEN)
redaction.hide(str(DATABASES["default"].get("PASSWORD", "")))
redaction.hide(*(pair.partition("=")[2] for pair in env.texts("OTEL_EXPORTER_OTLP_HEADERS")))
redaction.hide_password(REDIS_URL)
redaction.hide_password(OPENAI_BASE_URL)

# --- Sign-in ------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}Validator"}
    for name in ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_SIGNUP = env.flag("ACCOUNT_SIGNUP", True)
ACCOUNT_ADAPTER = "chatsite.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_SESSION_REMEMBER = True
# A whole office comes from one address. Failed log-ins keep allauth's tighter limits.
ACCOUNT_RATE_LIMITS = {"signup": "100/m/ip", "login": "300/m/ip"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = SITE_NAME
# Mail goes to the console unless a server is named: smtp://user:password@host:port
EMAIL_TIMEOUT = 10
vars().update(_mail := env.email("EMAIL_URL", "consolemail://"))
redaction.hide(str(_mail.get("EMAIL_HOST_PASSWORD") or ""))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "chatsite@localhost")

# --- Static files and headers -------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / env.text("STATIC_ROOT", "staticfiles")
# Import specifier → the file in node_modules, or the files below a folder; chatsite/vendor.py.
VENDOR_MODULES = {
    "markdown-it": "markdown-it/dist/browser/markdown-it.esm.min.mjs",
    "@highlightjs/cdn-assets/es/": "@highlightjs/cdn-assets/es/*.min.js",
    "chart.js": "chart.js/dist/chart.umd.min.js",
}
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "chatsite.vendor.VendorFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
_manifest = (STATIC_ROOT / "staticfiles.json").is_file() and not DEBUG
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if _manifest or "collectstatic" in sys.argv
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# Without collected files (a test run, a developer's DEBUG=1) they are served where they lie.
WHITENOISE_USE_FINDERS = not _manifest
WHITENOISE_MANIFEST_STRICT = False

SECURE_REFERRER_POLICY = "same-origin"
# Plain HTTP on the own machine is the default; with trusted https origins cookies are theirs.
_https = bool(CSRF_TRUSTED_ORIGINS) and all(o.startswith("https://") for o in CSRF_TRUSTED_ORIGINS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None
