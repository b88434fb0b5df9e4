#!/usr/bin/env python
"""Django's command line for Kutim Pintar. `bin/manage` runs it in the prepared environment."""

import os
import sys

from django.apps import apps
from django.core.management import BaseCommand, ManagementUtility
from django.utils import translation


class EnglishUtility(ManagementUtility):
    """Commands speak English, as the README and the logs do; the site's own language is for its pages."""

    def fetch_command(self, subcommand: str) -> BaseCommand:
        if apps.ready:  # not where the settings could not be read; that is told in English anyway
            translation.activate("en")
        return super().fetch_command(subcommand)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    EnglishUtility(sys.argv).execute()


if __name__ == "__main__":
    main()
