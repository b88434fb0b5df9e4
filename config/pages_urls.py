from django.urls import path

from config import pages

urlpatterns = [
    path("tentang/", pages.about, name="about"),
    path("privasi/", pages.privacy, name="privacy"),
    path("bantuan/", pages.help_page, name="help"),
    path("bahasa/", pages.set_language, name="set_language"),
    path("favicon.ico", pages.favicon, name="favicon"),
    path("manifest.webmanifest", pages.manifest, name="manifest"),
    path("robots.txt", pages.robots, name="robots"),
]
