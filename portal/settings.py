"""All settings, from the environment. What is missing or wrong stops the start; docs/running.md explains each."""

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import environment as env
from portal import keys
from portal.brokers import broker
from portal.databases import database

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "var"))).resolve()

# "production" demands real keys and hosts; "demo" has keys of its own, a clock that moves and mails on a page.
MODE = env.text("LEASEHOLD_MODE", "production")
if MODE not in {"production", "demo", "test"}:
    raise ImproperlyConfigured(f"LEASEHOLD_MODE must be production, demo or test; it is {MODE!r}.")
DEMO = MODE == "demo"
DEBUG = False

SECRET_KEY = env.text("SECRET_KEY", "only-for-the-test-suite-0123456789abcdefghijklmnop" if MODE == "test" else None)
if len(SECRET_KEY) < 40:
    raise ImproperlyConfigured("SECRET_KEY must have at least 40 characters.")
# Endpoint secrets are encrypted with the first key and read with any: put a new key in front to rotate.
SECRETS_KEYS = env.words("SECRETS_KEYS", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" if MODE == "test" else "")
if not SECRETS_KEYS:
    raise ImproperlyConfigured("SECRETS_KEYS is required: one Fernet key or more (`python -m portal.keys` prints one).")
if broken := [str(number) for number, key in enumerate(SECRETS_KEYS, 1) if not keys.is_fernet_key(key)]:
    raise ImproperlyConfigured(f"SECRETS_KEYS: no Fernet key at place {', '.join(broken)}.")

ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]" + (",testserver" if MODE == "test" else ""))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = "portal.errors.csrf_failure"
# Whose X-Forwarded-For is believed; of everybody else the address of the connection counts.
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
PORTAL_URL = env.text("PORTAL_URL", "http://127.0.0.1:8000")
if MODE == "production" and env.flag("HTTPS", True):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 3600)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_htmx",
    "guardian",
    "lucide",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "lifecycle",
    "portal",
]

MIDDLEWARE = [
    "portal.middleware.traced",  # first: all that follows writes to the log
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.middleware.signed_out",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.closed",
    "portal.middleware.presence",
    "portal.middleware.zone",
    "portal.middleware.DomainErrors",
    "axes.middleware.AxesMiddleware",
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
                "portal.context.shell",
                "portal.context.reference",
            ]
        },
    }
]
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
ASGI_APPLICATION = "portal.asgi.application"

# No ATOMIC_REQUESTS: with IMMEDIATE every GET would take SQLite's write lock.
DATABASES = {"default": database(env.text("DATABASE_URL", "sqlite:///"), folder=DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "lifecycle.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "portal.identity.Backend",
    "guardian.backends.ObjectPermissionBackend",
]
ANONYMOUS_USER_NAME = None
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if MODE == "test"
    else ["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SESSION_COOKIE_AGE = env.number("SESSION_HOURS", 12, least=1) * 3600
# The brake on wrong passwords, on the page and in the API: for one name from one address.
AXES_FAILURE_LIMIT = env.number("SIGN_IN_TRIES", 5, least=1)
AXES_COOLOFF_TIME = timedelta(minutes=env.number("SIGN_IN_WAIT_MINUTES", 5, least=1))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "portal.identity.locked_out"
AXES_CLIENT_IP_CALLABLE = "portal.identity.braked_address"
AXES_USERNAME_CALLABLE = "portal.identity.braked_name"
AXES_CLIENT_STR_CALLABLE = "portal.identity.braked_words"
# What forms with a password hold: none of it is kept with a failed try.
AXES_SENSITIVE_PARAMETERS = ["username", "present", "again", "csrfmiddlewaretoken"]
AXES_DISABLE_ACCESS_LOG = True  # the list of sessions says it
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_THOUSAND_SEPARATOR = True
USE_TZ = True
TIME_ZONE = "UTC"
# Day and month borders of charges, and the hour at which a last day ends, are this zone's.
BILLING_ZONE = env.text("BILLING_ZONE", "Europe/Berlin")
DAY_ENDS_AT = env.number("DAY_ENDS_AT", 18)
CURRENCY = env.text("CURRENCY", "EUR")
CURRENCY_SYMBOL = env.text("CURRENCY_SYMBOL", "€")

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if MODE == "test"
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

MAIL_DIR = DATA_DIR / "mail"
EMAIL_BACKEND = (
    f"django.core.mail.backends.{'filebased' if DEMO else 'locmem' if MODE == 'test' else 'smtp'}.EmailBackend"
)
EMAIL_FILE_PATH = str(MAIL_DIR)
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", "Leasehold <leasehold@localhost>")

BROKER = broker(env.text("BROKER_URL", "filesystem://"), testing=MODE == "test")
BROKER_DIR = DATA_DIR / "broker"
WORKER_PROCESSES = env.number("WORKER_PROCESSES", 2, least=1)

# Where files of simulated data centres may lie, and nowhere else.
SIMULATED_DIR = DATA_DIR / "simulated"
# Only the demo and the tests may move the clock (lifecycle/clock.py).
CLOCK_SHIFTABLE = DEMO or env.flag("CLOCK_SHIFTABLE", False)
if CLOCK_SHIFTABLE and MODE == "production":
    raise ImproperlyConfigured("CLOCK_SHIFTABLE is not for production: charges and removals follow that clock.")

# Questions to the API within a minute; 0: as many as one likes.
API_RATE = env.number("API_RATE", 600)
API_RATE_ANONYMOUS = env.number("API_RATE_ANONYMOUS", 60)

# What Prometheus shows at /metrics; without it there is no such page.
METRICS_TOKEN = env.token("METRICS_TOKEN", least=20)

# What a machine is told for its first start is taken away when it has run for so long.
SEED_KEPT_MINUTES = env.number("SEED_KEPT_MINUTES", 15, least=1)
SHUTDOWN_PATIENCE = env.number("SHUTDOWN_PATIENCE", 60, least=1)
# Where an endpoint can tell what changed, it is asked for everything only so often; 0: always.
FULL_SCAN_EVERY_MINUTES = env.number("FULL_SCAN_EVERY_MINUTES", 60)
# Seconds after which the disk files of an endpoint are looked through again.
FILE_LOOKS_EVERY = env.number("FILE_LOOKS_EVERY", 45 if DEMO else 6 * 3600, least=1)
MISSING_AFTER_SCANS = env.number("MISSING_AFTER_SCANS", 3, least=1)
# From which score on a found machine is given to whoever it seems to belong to; above 100: never without a person.
ASSIGN_FROM_SCORE = env.number("ASSIGN_FROM_SCORE", 101, least=80)
# UUIDs of the machines that this portal itself runs on: they are managed, and never flagged.
OWN_MACHINES = env.uuids("OWN_MACHINES")
USAGE_KEPT_DAYS = env.number("USAGE_KEPT_DAYS", 400, least=30)

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.Basic",
        "portal.api.authentication.Bearer",
        "portal.api.authentication.Session",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsing.Json"],
    "DEFAULT_SCHEMA_CLASS": "portal.api.schema.Described",
    "DEFAULT_PAGINATION_CLASS": "portal.api.pagination.Keyset",
    "PAGE_SIZE": 50,
    "EXCEPTION_HANDLER": "portal.errors.api_exception",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "URL_FORMAT_OVERRIDE": None,  # it would answer 404 for a form that is not known
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Leasehold",
    "VERSION": "v1",
    "DESCRIPTION": "Order, approve, hold and give back virtual machines.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "ENUM_NAME_OVERRIDES": {
        "AdoptionListStateEnum": "lifecycle.models.AdoptionList.State",
        "ClaimStateEnum": "lifecycle.models.Claim.State",
        "DoubtEnum": "lifecycle.sprawl.files.proof.WORDS",
        "EndpointModeEnum": "lifecycle.models.Endpoint.Mode",
        "FindingKindEnum": "lifecycle.sprawl.models.Kind",
        "InventoryStateEnum": "lifecycle.models.CmdbFile.State",
        "OperationKindEnum": "lifecycle.models.Operation.Kind",
        "OperationStateEnum": "lifecycle.models.Operation.State",
        "OperationVerdictEnum": "lifecycle.models.Operation.Verdict",
        "PeopleImportStateEnum": "lifecycle.models.PeopleImport.State",
        "RequestStateEnum": "lifecycle.models.Request.State",
        "ScanModeEnum": "lifecycle.models.Scan.Mode",
    },
}

# "line" for people, "json" for programs: one object a line.
LOG_FORMAT = env.text("LOG_FORMAT", "line")
if LOG_FORMAT not in {"line", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT must be line or json; it is {LOG_FORMAT!r}.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "portal.logs.Line", "format": "%(asctime)s %(levelname)s %(name)s %(ids)s %(message)s"},
        "json": {"()": "portal.logs.Json"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO" if MODE == "production" else "WARNING")},
}
