"""All settings, and the only place that reads the environment.

What each variable means stands in README.md ("Settings"). A value that can't be used is
reported by `chatsite/checks.py`.
"""

import sys
from pathlib import Path

from csp.constants import NONCE, NONE, SELF

from chatsite import localmodel
from chatsite.environment import SQLITE_OPTIONS, Environment

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment(BASE_DIR / ".env")
ENVIRONMENT_PROBLEMS = env.problems

# --- Django -------------------------------------------------------------------------------

NO_SECRET_KEY = "missing"  # noqa: S105  # Django refuses an empty one, in a traceback
SECRET_KEY = env.text("SECRET_KEY") or NO_SECRET_KEY
DEBUG = env.flag("DEBUG", False)
ALLOWED_HOSTS = env.texts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.texts("CSRF_TRUSTED_ORIGINS")
ROOT_URLCONF = "chatsite.urls"
ASGI_APPLICATION = "chatsite.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
SITE_NAME = "Chatsite"

INSTALLED_APPS = [
    "chatsite.apps.ChatsiteConfig",
    "conversations.apps.ConversationsConfig",
    "billing.apps.BillingConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "chatsite.context.site",
            ]
        },
    }
]

# --- Data ---------------------------------------------------------------------------------

DATABASES = {"default": env.database("DATABASE_URL", "sqlite:///db.sqlite3")}
_database = DATABASES["default"]
if str(_database["ENGINE"]).endswith("sqlite3"):
    _database["NAME"] = BASE_DIR / str(_database["NAME"])  # an absolute path wins over BASE_DIR
    _database["OPTIONS"] = SQLITE_OPTIONS
else:
    _database |= {"CONN_HEALTH_CHECKS": True, "CONN_MAX_AGE": 60}

REDIS_URL = env.text("REDIS_URL")
if REDIS_URL:
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            # redis-py's default of 5 s kills receivers that have nothing to receive.
            "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

GENERATION_WORKERS = env.choice("GENERATION_WORKERS", "inline", ("inline", "external"))

# --- Upstream -----------------------------------------------------------------------------

OPENAI_API_KEY = env.text("OPENAI_API_KEY")
OPENAI_BASE_URL = env.url("OPENAI_BASE_URL")
OPENAI_ORG_ID = env.text("OPENAI_ORG_ID")
OPENAI_PROJECT_ID = env.text("OPENAI_PROJECT_ID")
LOCAL_MODEL = not OPENAI_API_KEY and not OPENAI_BASE_URL

# What the one client talks to. The embedded model is an upstream like any other.
UPSTREAM_URL = OPENAI_BASE_URL
UPSTREAM_KEY = OPENAI_API_KEY
_default_models = ""
if LOCAL_MODEL:
    UPSTREAM_URL = env.text("CHATSITE_LOCAL_URL")
    UPSTREAM_KEY = env.text("CHATSITE_LOCAL_KEY")
    _default_models = localmodel.MODEL_NAME
elif OPENAI_API_KEY and not OPENAI_BASE_URL:
    _default_models = "gpt-6-luna,gpt-6.1-terra,gpt-6.1-sol,gpt-6-astra"

CHAT_MODELS = env.texts("CHAT_MODELS", _default_models)
"""Offered models; empty means: what the upstream's /v1/models lists."""
CHAT_DEFAULT_MODEL = env.text("CHAT_DEFAULT_MODEL")
"""Empty means: the cheapest offered one."""
MODEL_OPTIONS: dict[str, dict[str, object]] = {}
"""Model id → what it needs: the fields of `conversations.catalog.ModelOptions`."""
if LOCAL_MODEL:
    MODEL_OPTIONS[localmodel.MODEL_NAME] = {"label": "SmolLM2 135M", **localmodel.MODEL_DEFAULTS}

UNPRICED_MODELS = env.choice(
    "UNPRICED_MODELS", "refuse" if OPENAI_API_KEY else "free", ("refuse", "free")
)
# The embedded model refuses connections while it loads; it is worth waiting for.
UPSTREAM_RETRIES = env.integer("UPSTREAM_RETRIES", 6 if LOCAL_MODEL else 2)
UPSTREAM_RETRY_SECONDS = env.number("UPSTREAM_RETRY_SECONDS", 30)
UPSTREAM_MAX_STREAMS = env.integer("UPSTREAM_MAX_STREAMS", 500, least=1)
UPSTREAM_CONNECT_SECONDS = env.number("UPSTREAM_CONNECT_SECONDS", 5, least=0.001)
UPSTREAM_FIRST_EVENT_SECONDS = env.number("UPSTREAM_FIRST_EVENT_SECONDS", 60, least=0.001)
UPSTREAM_SILENCE_SECONDS = env.number("UPSTREAM_SILENCE_SECONDS", 180, least=0.001)
GENERATION_MAX_SECONDS = env.number("GENERATION_MAX_SECONDS", 900, least=0.001)
STREAM_FLUSH_MS = env.integer("STREAM_FLUSH_MS", 40, most=10_000)

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
vars().update(env.email("EMAIL_URL", "consolemail://"))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "chatsite@localhost")

# --- Static files and headers -------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / env.text("STATIC_ROOT", "staticfiles")
# Import specifier → the file in node_modules, or the files below a folder; chatsite/vendor.py.
VENDOR_MODULES = {
    "markdown-it": "markdown-it/dist/browser/markdown-it.esm.min.mjs",
    "@highlightjs/cdn-assets/es/": "@highlightjs/cdn-assets/es/*.min.js",
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

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_REFERRER_POLICY = "same-origin"
# Plain HTTP on the own machine is the default; with trusted https origins cookies are theirs.
_https = bool(CSRF_TRUSTED_ORIGINS) and all(o.startswith("https://") for o in CSRF_TRUSTED_ORIGINS)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "chatsite": {"level": "INFO"},
        "conversations": {"level": "INFO"},
        "billing": {"level": "INFO"},
        "django.request": {"level": "ERROR"},
    },
}
