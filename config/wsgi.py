import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

site = get_wsgi_application()

from config.kept_answers import KeptAnswers  # noqa: E402 - it needs the settings

application = KeptAnswers(site)
