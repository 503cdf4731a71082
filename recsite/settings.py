"""Settings: typed reads of the environment that fail at start, with what to do.

Without DATABASE_URL the project runs on embedded servers with their data under DATA_DIR; with it, on real ones.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from csp.constants import NONE, SELF
from environs import Env
from marshmallow.validate import OneOf, Range

from recsite import embedded

# oneDNN compiles code for every width of a batch and keeps 1,024 of them: half a gigabyte in a worker that reads
# sequences. It reads this when torch first multiplies.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent


def generated_secret(path: Path) -> str:
    """The installation's own secret key, made on first use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x") as file:
            path.chmod(0o600)
            file.write(secrets.token_urlsafe(50))
    except FileExistsError:
        pass
    return path.read_text()


# Where things are
DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / ".data"))).resolve()
_shared = BASE_DIR.parent / "shared" / "data"
_datasets = env.str("DATASETS_DIR", str(_shared) if _shared.is_dir() else "")
DATASETS_DIR = Path(_datasets) if _datasets else None
MEDIA_ROOT = DATA_DIR / "files"

# Servers
EMBEDDED = not env.str("DATABASE_URL", "")
_addresses = embedded.addresses(DATA_DIR)
DATABASES = {"default": env.dj_db_url("DATABASE_URL", _addresses.database_url)}
REDIS_URL = env.str("REDIS_URL", _addresses.redis_url if EMBEDDED else "redis://127.0.0.1:6379/0")
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", _addresses.broker_url if EMBEDDED else REDIS_URL)
CACHES = {
    "default": {
        "BACKEND": "recommender.cache.ForgivingCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "recsite",
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 1.0},
    }
}

# Safety
DEBUG = env.bool("DEBUG", False)
HTTPS = env.bool("HTTPS", not EMBEDDED)
SECRET_KEY = (
    env.str("SECRET_KEY") if not EMBEDDED else env.str("SECRET_KEY", "") or generated_secret(DATA_DIR / "secret_key")
)
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", LOCAL_HOSTS) if EMBEDDED else env.list("ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", [])
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # whoever watches the processes asks them directly
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "style-src-attr": ["'unsafe-inline'"],
        "img-src": [SELF, "data:", "https:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

INSTALLED_APPS = [
    "recommender",
    "explain",
    "recsite",
    "recommender.apps.CatalogueAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
]
MIDDLEWARE = [
    "recommender.middleware.counted_and_named",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "recommender.middleware.whoever_asks",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "recsite.urls"
WSGI_APPLICATION = "recsite.wsgi.application"
ASGI_APPLICATION = "recsite.asgi.application"
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
            ]
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}

# People
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# Files
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": env.str("STORAGE_BACKEND", "django.core.files.storage.FileSystemStorage"),
        "OPTIONS": env.json("STORAGE_OPTIONS", {}),
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "recommender.staticfinder.PlotlyFinder",
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_IMMUTABLE_FILE_TEST = r"^.*/plotly-[0-9.]+/.*$"
FILE_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATA_UPLOAD_MAX_MEMORY_SIZE = 16 << 20

# Background work; beat's schedule lies in celery.py
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    f"recommender.tasks.{name}": {"queue": "training"}
    for name in ("train", "encode_items", "measure", "tune", "write_batch", "judge", "adapt_shard")
} | {f"explain.tasks.{name}": {"queue": "training"} for name in ("examine", "audit", "sweep_remedy")}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # kB: a child that trained is replaced, its memory given back
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = TIME_ZONE
LEASE_SECONDS = env.int("LEASE_SECONDS", 30)
"""A run or import whose heartbeat is older than this is taken up by another worker."""
IMPORT_UNDO_DAYS = env.int("IMPORT_UNDO_DAYS", 30)
"""How long an import can be undone: so long the values that it changed are kept."""

# Serving
SERVING_THREADS = env.int("SERVING_THREADS", 1)
"""Cores one answer may use in a web process; with several threads answering, more only get in each other's way."""
SERVING_MODELS = env.int("SERVING_MODELS", 8)
"""Trained recommenders that a web process holds at once."""
ANSWER_SECONDS = env.int("ANSWER_SECONDS", 600)
"""How long a finished answer may be given again if nothing it depends on has changed; 0 makes every answer anew."""

# REST
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "recommender.api.schema.ProblemSchema",
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_THROTTLE_RATES": {"key": env.str("API_RATE", "6000/min"), "login": env.str("LOGIN_RATE", "600/min")},
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Recommender",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# What is kept how long
KEEP_RUNS = env.int("KEEP_RUNS", 5, validate=Range(min=1))
"""Newest runs of each algorithm of a catalog that keep their weights."""
KEEP_IMPRESSIONS_DAYS = env.int("KEEP_IMPRESSIONS_DAYS", 90, validate=Range(min=1))

METRICS_TOKEN = env.str("METRICS_TOKEN", "")
"""Whoever sends it may read /metrics; without one only this machine may."""
LOG_FORMAT = env.str("LOG_FORMAT", "line", validate=OneOf(["line", "json"]))
"""`line` for people, `json` for whatever collects logs."""
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"context": {"()": "recommender.logs.Context"}},
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name}: {message}{about}", "style": "{"},
        "json": {"()": "recommender.logs.JsonLines"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT, "filters": ["context"]}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "WARNING")},
    "loggers": {
        "django.request": {"level": "ERROR"},  # what a client did wrong is told to the client
        "recommender": {"level": env.str("LOG_LEVEL", "INFO")},
        "explain": {"level": env.str("LOG_LEVEL", "INFO")},
    },
}
