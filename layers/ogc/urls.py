"""Addresses below /ogc/."""

from django.urls import path

from layers.ogc import views

app_name = "ogc"
urlpatterns = [
    path("", views.landing, name="landing"),
    path("conformance", views.conformance, name="conformance"),
    path("api", views.api, name="api"),
    path("collections", views.collections, name="collections"),
    path("collections/catalogue", views.catalogue, name="catalogue"),
    path("collections/catalogue/items", views.records, name="records"),
    path("collections/catalogue/items/<str:slug>", views.record, name="record"),
    path("collections/<str:slug>", views.collection, name="collection"),
    path("collections/<str:slug>/queryables", views.queryables, name="queryables"),
    path("collections/<str:slug>/items", views.items, name="items"),
    path("collections/<str:slug>/items/<str:fid>", views.item, name="item"),
    path("collections/<str:slug>/tiles", views.tilesets, name="tilesets"),
    path("collections/<str:slug>/tiles/WebMercatorQuad", views.tileset, name="tileset"),
    path("collections/<str:slug>/tiles/WebMercatorQuad/tilejson.json", views.tilejson, name="tilejson"),
    path("collections/<str:slug>/tiles/WebMercatorQuad/style.json", views.tilestyle, name="tilestyle"),
    path("collections/<str:slug>/tiles/WebMercatorQuad/<str:z>/<str:y>/<str:x>", views.tile, name="tile"),
    path("tileMatrixSets", views.schemes, name="schemes"),
    path("tileMatrixSets/WebMercatorQuad", views.scheme, name="scheme"),
]
