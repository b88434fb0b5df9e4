"""Reads an agency's file, whatever its state, and writes features ready for PostgreSQL's COPY.

Runs as a process of its own (`python -m layers.reading`), started and watched by `layers.reader`:
without Django, without a database, without the network, in a private folder, with limits on time, memory and size.

    kinds      what a file is, by its content            archives   zips, unpacked under limits
    encodings  which encoding the text really is in      vectors    what GDAL reads, batch by batch
    tables     CSV and XLSX                              positions  where a table's rows are
    places     kecamatan and desa by name or code        crs        the coordinate system, told from where data fall
    geometry   2D, valid, of one family                  columns    types, personal data, statistics
    sentences  everything that is said, in two languages  pipeline   the steps in their order
    copying    rows as COPY takes them
"""
