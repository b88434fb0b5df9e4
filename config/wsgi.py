import gc
import os

import holidays
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import reverse
from django.utils import translation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

site = get_wsgi_application()

from config.kept_answers import KeptAnswers  # noqa: E402 - it needs the settings

# Django imports the views, reads a language's words and the patterns of its addresses with the first request. Here it
# is done once, before the web processes part, instead of once in each of them while somebody waits for a page; and so
# are the public holidays, for the first promise. (What the first map imports, folium above all, would make each start
# some seconds longer.)
holidays.country_holidays("ID")
for language, _name in settings.LANGUAGES:
    with translation.override(language):
        reverse("dashboard_public")

application = KeptAnswers(site)

# What is imported stays for good: the collector need not walk through it again and again (60 ms each time), and web
# processes share its memory for longer. A page makes tens of thousands of objects: it looks seldomer than after 700.
gc.collect()
gc.freeze()
gc.set_threshold(10_000, 20, 20)
