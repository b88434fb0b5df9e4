import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import reverse
from django.utils import translation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

site = get_wsgi_application()

from config.kept_answers import KeptAnswers  # noqa: E402 - it needs the settings

# Django imports the views, reads a language's words and the patterns of its addresses with the first request, and the
# views import what takes long with the first map, promise or hexagon. Here all of it is done once, before the web
# processes part, instead of once in each of them while somebody waits for a page.
for language, _name in settings.LANGUAGES:
    with translation.override(language):
        reverse("dashboard_public")
for slow in ("folium", "holidays.countries.indonesia", "h3.api.basic_int", "pyproj"):
    import_module(slow)

application = KeptAnswers(site)
