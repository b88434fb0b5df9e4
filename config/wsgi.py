import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

site = get_wsgi_application()

from config.kept_answers import KeptAnswers  # noqa: E402 - it needs the settings

# Django imports the views with the first request. Here they are imported once, before the web processes part, instead
# of once in each of them while somebody waits for a page.
get_resolver().url_patterns  # noqa: B018

application = KeptAnswers(site)
