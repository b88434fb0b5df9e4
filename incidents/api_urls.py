from django.urls import path

from incidents import api

urlpatterns = [
    path("locate/", api.LocateView.as_view(), name="api_locate"),
    path("categories/", api.CategoriesView.as_view(), name="api_categories"),
    path("agencies/", api.AgenciesView.as_view(), name="api_agencies"),
    path("reports/", api.ReportsView.as_view(), name="api_reports"),
    path("reports/<str:ticket>/", api.ReportView.as_view(), name="api_report"),
]
