import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

site = get_wsgi_application()

from config.kept_answers import KeptAnswers  # noqa: E402 - it needs the settings

# Django imports the views with the first request, and they what takes long with the first map, promise or hexagon. Here
# all of it is imported once, before the web processes part, instead of once in each of them while somebody waits.
get_resolver().url_patterns  # noqa: B018
for slow in ("folium", "holidays.countries.indonesia", "h3.api.basic_int", "pyproj"):
    import_module(slow)

application = KeptAnswers(site)
