from django.urls import path
from django.views.decorators.http import require_safe

from incidents.feeds import ReportsFeed
from incidents.views import desk, follow, intake, map, photos

urlpatterns = [
    path("", map.map, name="map"),
    path("peta/daftar/", map.map_list, name="map_list"),
    path("peta/kartu/", map.map_card, name="map_card"),
    # Reporting
    path("lapor/", intake.start, name="report_new"),
    path("lapor/foto/<uuid:pk>/", photos.draft_photo, name="draft_photo"),
    path("lapor/<uuid:draft_id>/terkirim/", intake.sent, name="report_sent"),
    path("lapor/<uuid:draft_id>/buang/", intake.discard, name="report_discard"),
    path("lapor/<uuid:draft_id>/foto/", intake.add_photo, name="report_photo"),
    path("lapor/<uuid:draft_id>/tantangan/", intake.challenge, name="report_challenge"),
    path("lapor/<uuid:draft_id>/<slug:step>/", intake.step, name="report_step"),
    # Following
    path("laporan/", follow.report_list, name="report_list"),
    path("laporan/<str:ticket>/", follow.report_detail, name="report_detail"),
    path("laporan/<str:ticket>/kunci/<str:secret>/", follow.report_key, name="report_key"),
    path("laporan/<str:ticket>/jawab/", follow.reporter_move, name="reporter_move"),
    path("feeds/laporan.atom", require_safe(ReportsFeed()), name="report_feed"),
    path("lacak/", follow.track, name="track"),
    path("foto/<uuid:pk>/<slug:size>.jpg", photos.photo, name="photo"),
    # The agencies' desk
    path("opd/", desk.inbox, name="desk"),
    path("opd/<str:ticket>/", desk.report, name="desk_report"),
    path("opd/<str:ticket>/<slug:move>/", desk.move, name="desk_move"),
    path("tiles/reports/<str:z>/<str:x>/<str:y>.mvt", map.reports_tile, name="report_tile"),
]
