from django.urls import path

from dashboards import views

urlpatterns = [
    path("dasbor/", views.dashboard, name="dashboard"),
    path("dasbor/publik/", views.public_dashboard, name="dashboard_public"),
]
