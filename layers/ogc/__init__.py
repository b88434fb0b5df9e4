"""OGC API over the layers: Features (parts 1, 2, 3), Tiles and Records at /ogc/."""
