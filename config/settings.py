"""One settings module, driven by the environment (12-factor).

Every variable is read through `env`, which fails with what to do. README lists them all.
"""

import os
import re
import sys
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _
from whitenoise.compress import Compressor

from config import base_map

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str | None = None, *, mend: str = "") -> str:
    """Return the environment variable `name`; without one and without a default, say how to mend it."""
    value = os.environ.get(name) or default
    if value is None:
        raise ImproperlyConfigured(f"{name} is not set. {mend or 'Start with bin/run or bin/manage, which set it.'}")
    return value


def env_flag(name: str, *, default: bool) -> bool:
    """Return `name` as a flag: 1/true/yes/on or 0/false/no/off, in any case."""
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return default if value == "" else value in {"1", "true", "yes", "on"}
    raise ImproperlyConfigured(f"{name}={value!r} is not a flag. Set it to 1 or 0.")


def env_rate(name: str, default: str) -> str:
    """Return `name` as a limit: a number of requests in a second, minute, hour or day, such as 30/hour."""
    value = env(name, default)
    if not re.fullmatch(r"[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)", value):
        raise ImproperlyConfigured(f"{name}={value!r} is no limit. Write how many in a sec, min, hour or day: 30/hour.")
    return value


TESTING = "pytest" in sys.modules

STATE_DIR = Path(env("STATE_DIR", str(BASE_DIR / ".state")))
SECRET_KEY = env("SECRET_KEY", mend="bin/run makes one and keeps it in STATE_DIR; elsewhere set 50 random characters.")
SECRET_KEY_FALLBACKS = [key for key in os.environ.get("SECRET_KEY_FALLBACKS", "").split(",") if key]
DEBUG = env_flag("DEBUG", default=False)
ALLOWED_HOSTS = env("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [origin for origin in os.environ.get("CSRF_TRUSTED_ORIGINS", "").split(",") if origin]
SITE_URL = env("SITE_URL", "http://{}:{}".format(os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")))
HTTPS = SITE_URL.startswith("https://")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.gis",
    "django.contrib.admin",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "rest_framework_gis",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_altcha",
    "csp",
    "pgtrigger",
    "accounts",
    "geo",
    "incidents",
    "layers",
    "archive",
    "dashboards",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "config.compression.TextGZipMiddleware",
    "layers.ogc.answers.OpenToAll",
    "config.keyed.KeyedRequests",
    "config.short_way.ShortWayMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.admin_csp.AdminCSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "config.before_body.BeforeBodyMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.problems.ProblemMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "config.context.site",
            ],
        },
    },
]

DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        env("DATABASE_URL", mend="bin/run starts a private PostGIS; or set postgis://USER:PASSWORD@HOST:PORT/NAME."),
        engine="config.postgis",
        conn_max_age=0 if TESTING else 600,
        conn_health_checks=True,
    )
}
# pgtrigger reads this variable in every trigger and pays a subtransaction for it where it is not set.
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("options", "-c pgtrigger.ignore={}")
DATABASES["default"]["TEST"] = {
    "TEMPLATE": "template_postgis",
    "NAME": "test_kutim" + os.environ.get("TEST_DB_SUFFIX", ""),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, dict[str, Any]] = {
    # What allauth counts for its limits on sign-in, and who just signed in: nothing that strangers can fill.
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
    # Tiles, areas, figures and styles that a process has made: up to some tens of kilobytes each.
    "kept": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "kept",
        "OPTIONS": {"MAX_ENTRIES": 300},
    },
    # The counts of our own limits: a few hundred bytes for each client address.
    "limits": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "limits",
        "OPTIONS": {"MAX_ENTRIES": 50_000},
    },
}

# People and sign-in. Citizens need no account; officers sign in with a user name or an e-mail address.
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "accounts.roles.RolePermissions",
]
# What a coordinator may do in the admin, and nothing else there. Categories, rules and standards are retired or
# changed, never deleted: reports and promises stand on them.
COORDINATOR_PERMISSIONS = [
    *(f"incidents.{verb}_{model}" for model in ("category", "routingrule") for verb in ("view", "add", "change")),
    *(f"incidents.{verb}_servicestandard" for verb in ("view", "add", "change")),
    *(f"incidents.{verb}_regencyholiday" for verb in ("view", "add", "change", "delete")),
    *(f"layers.{verb}_layer" for verb in ("view", "change")),
    *(f"layers.{verb}_synonym" for verb in ("view", "add", "change", "delete")),
    *(f"layers.view_{model}" for model in ("importjob", "layerdownload", "versionchange", "apikey")),
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/opd/"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
# Five wrong passwords close an account for five minutes. By address there may be more: an agency's officers share one.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/m/ip,5/300s/key"}
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
# Accounts are entered by an administrator who knows the address; nobody can sign up with somebody else's.
MFA_ALLOW_UNVERIFIED_EMAIL = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "config.problems.forged"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"

# Words and time.
LANGUAGE_CODE = "id"
LANGUAGES = [("id", _("Indonesian")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
LANGUAGE_COOKIE_NAME = "bahasa"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Makassar"
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = ["config.formats"]

# Files. Third-party scripts come from node_modules by this explicit list (see config/vendor.py).
STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT", str(STATE_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "config.vendor.VendorFinder",
]
VENDOR_FILES = {
    "vendor/leaflet/leaflet.js": "leaflet/dist/leaflet.js",
    "vendor/leaflet/leaflet.js.map": "leaflet/dist/leaflet.js.map",
    "vendor/leaflet/leaflet.css": "leaflet/dist/leaflet.css",
    "vendor/leaflet/images/layers.png": "leaflet/dist/images/layers.png",
    "vendor/leaflet/images/layers-2x.png": "leaflet/dist/images/layers-2x.png",
    "vendor/leaflet/images/marker-icon.png": "leaflet/dist/images/marker-icon.png",
    "vendor/leaflet/images/marker-icon-2x.png": "leaflet/dist/images/marker-icon-2x.png",
    "vendor/leaflet/images/marker-shadow.png": "leaflet/dist/images/marker-shadow.png",
    "vendor/pbf/pbf.js": "pbf/index.js",
    "vendor/point-geometry/point-geometry.js": "@mapbox/point-geometry/index.js",
    "vendor/vector-tile/vector-tile.js": "@mapbox/vector-tile/index.js",
    "vendor/altcha/worker.js": "altcha/dist_external/worker.js",
    "vendor/tus/tus.min.js": "tus-js-client/dist/tus.min.js",
    "vendor/tus/tus.min.js.map": "tus-js-client/dist/tus.min.js.map",
}
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env("MEDIA_ROOT", str(STATE_DIR / "media")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "config.vendor.ModuleManifestStorage",
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = TESTING or DEBUG
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
# Source maps are big and asked for by developers' tools only; compressing them doubles the time of collectstatic.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
FILE_UPLOAD_PERMISSIONS = 0o640
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000  # bytes, without files
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000  # Django's own; a layer of 200 fields sends some 700 in the admin
DATA_UPLOAD_MAX_NUMBER_FILES = 20

# Mail goes through the outbox; without a host it is written to the console.
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(env("EMAIL_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env_flag("EMAIL_USE_TLS", default=False)
EMAIL_TIMEOUT = 20  # seconds
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "Kutim Pintar <no-reply@localhost>")

# What `manage.py worker` does: again at once while a job returns that there is more, else after so many seconds; and
# once an hour.
WORKER_JOBS = {
    "incidents.outbox.deliver_due": 1,
    "incidents.folding.fold_waiting": 30,
    "layers.uploads.read_due": 1,
    "layers.versions.index_words_due": 1,
    "layers.ogc.kept.keep_due": 2,
    "layers.history.compare_due": 2,
    "layers.editing.publish_asked": 1,
    "dashboards.monthly.making.make_ordered": 1,
}
WORKER_HOURLY = [
    "incidents.audit.mark_day",
    "incidents.moves.resume_all_held",
    "dashboards.monthly.making.order_last_month",
    "incidents.moves.close_all_silent",
    "incidents.drafts.clear_old",
    "incidents.photos.clear_orphans",
    "layers.uploads.clear_old",
    "layers.searches.clear_old",
    "layers.incoming.clear_abandoned",
    "layers.ogc.kept.drop_outdated",
]

# Tells the title of a data set that everybody may read, by its short name: reports know nothing of layers.
DATA_SET_TITLE = "layers.access.public_title"

# How often a web process writes down how much the layers are used and what was searched; 0: only when it is asked to
# (layers/usage.py, layers/searches.py).
COUNT_USE_EVERY_S = 0 if TESTING else 10

# Security headers. Scripts and styles: ours, or with the request's nonce. /admin/ has its own (config/admin_csp.py).
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:", "blob:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF, "blob:"],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
X_FRAME_OPTIONS = "DENY"
# Addresses of clients are read from X-Forwarded-For only behind this many proxies of ours.
PROXY_COUNT = ALLAUTH_TRUSTED_PROXY_COUNT = int(env("PROXY_COUNT", "0"))

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.problems.exception_handler",
    "DEFAULT_THROTTLE_RATES": {
        # Per client address and web process.
        "report": env_rate("THROTTLE_REPORTS", "30/hour"),
        "locate": env_rate("THROTTLE_LOCATE", "600/min"),
        # Pages. Many people can share one address of a mobile network.
        "draft": env_rate("THROTTLE_DRAFTS", "240/hour"),
        "photo": env_rate("THROTTLE_PHOTOS", "600/hour"),
        "send": env_rate("THROTTLE_SENDS", "120/hour"),
        "upload": env_rate("THROTTLE_UPLOADS", "60/hour"),
        "piece": env_rate("THROTTLE_PIECES", "6000/hour"),  # of uploads: a few MB each
    },
    "NUM_PROXIES": PROXY_COUNT,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Kutim Pintar API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "Citizens' reports on the map of Kabupaten Kutai Timur. Errors are RFC 9457 problem documents.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": lazy(static, str)("img/favicon.svg"),
    "SCHEMA_PATH_PREFIX": "/api/v1",
}

# The proof of work of /lapor/ (incidents/proof.py).
ALTCHA_HMAC_KEY = env("ALTCHA_HMAC_KEY", SECRET_KEY)
ALTCHA_MAX_NUMBER = 50_000  # on average half as many hashes: one second on a cheap phone, in the background
ALTCHA_CHALLENGE_EXPIRE = 1_200_000  # milliseconds
HUMAN_SECONDS = 5.0  # without JavaScript: nobody fills in five pages faster

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Kutim Pintar",
    "SITE_HEADER": "Kutim Pintar",
    "SITE_URL": "/",
    "SITE_SYMBOL": "location_on",
    "SHOW_HISTORY": True,
    "ACCOUNT": {"navigation": [{"title": _("OPD desk"), "link": reverse_lazy("desk")}]},
    "COLORS": {
        # Our forest, in the eleven steps that unfold asks for (static/css/tokens.css has the one we use elsewhere).
        "primary": {
            "50": "oklch(97% .015 168)",
            "100": "oklch(93% .03 168)",
            "200": "oklch(86% .05 168)",
            "300": "oklch(77% .07 168)",
            "400": "oklch(66% .085 168)",
            "500": "oklch(55% .085 168)",
            "600": "oklch(43% .075 168)",
            "700": "oklch(38% .065 168)",
            "800": "oklch(33% .055 168)",
            "900": "oklch(28% .045 168)",
            "950": "oklch(21% .035 168)",
        },
    },
}

# The regency. Everything a neighbouring regency would change stands here or in data.
REGENCY_NAME = "Kabupaten Kutai Timur"
REGENCY_CODE = "64.08"
MEASURE_SRID = 32650  # UTM 50N: lengths and areas
NEAR_BORDER_M = 250.0
COAST_M = 2_000.0
# How to reach whoever runs the site, for the privacy page: an e-mail address, a phone number, a street.
CONTACT = os.environ.get("CONTACT", "").strip()
# An optional base map, off until set, e.g. https://tile.openstreetmap.org/{z}/{x}/{y}.png (see docs/maps.md).
BASE_MAP_URL = os.environ.get("BASE_MAP_URL", "")
BASE_MAP_ATTRIBUTION = os.environ.get("BASE_MAP_ATTRIBUTION", "")
if BASE_MAP_URL:
    CONTENT_SECURITY_POLICY["DIRECTIVES"]["img-src"] += base_map.hosts_of(
        BASE_MAP_URL, attribution=BASE_MAP_ATTRIBUTION, https=HTTPS
    )

# Photos of a report.
PHOTOS_MAX = 5
PHOTO_MAX_BYTES = 12_000_000
BODY_MAX_BYTES = PHOTOS_MAX * PHOTO_MAX_BYTES + DATA_UPLOAD_MAX_MEMORY_SIZE  # of a request; uploads of data have more
PHOTO_MAX_PIXELS = 50_000_000
PHOTO_EDGE_PX = 1_600
THUMB_EDGE_PX = 320

SILENCED_SYSTEM_CHECKS = [
    # GDAL older than 3.9 cannot refuse a malicious spatial reference. No user's SRS or file ever reaches
    # django.contrib.gis.gdal here: imports go through pyogrio.
    "gis.W001",
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
}
