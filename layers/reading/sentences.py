"""Everything that reading says: for each code its level, and the sentence in Indonesian and in English.

Levels: `info` (known now), `fixed` (we mended it), `warning` (look at it), `ask` (choose, then read again), `refused`.
A sentence says what was found, what was done about it, and what the person must do, if anything. An English one puts
`{count}` behind what is counted, so that it is right for one and for many.
"""
# ruff: noqa: E501  one sentence, one line

SENTENCES: dict[str, tuple[str, str, str]] = {
    # What the file is
    "is_empty": (
        "refused",
        "{file} kosong (0 bita). Unggahannya mungkin terputus: periksa berkas di komputer Anda, lalu unggah lagi.",
        "{file} is empty. The upload may have broken off: check the file on your computer and upload it again.",
    ),
    "is_pdf": (
        "refused",
        "{file} adalah PDF, gambar peta, bukan data. Minta berkas aslinya (shapefile, GeoPackage, atau Excel) kepada pembuatnya.",
        "{file} is a PDF, a picture of a map, not data. Ask its maker for the original (shapefile, GeoPackage or Excel).",
    ),
    "is_picture": (
        "refused",
        "{file} adalah gambar atau raster. Yang diterima di sini data vektor: titik, garis, atau bidang.",
        "{file} is a picture or a raster. Vector data are taken here: points, lines or areas.",
    ),
    "is_old_office": (
        "refused",
        "{file} adalah dokumen Office lama atau bukan lembar kerja XLSX. Buka, lalu simpan sebagai “Excel Workbook (.xlsx)” atau CSV.",
        "{file} is an old Office document or no XLSX sheet. Open it and save it as “Excel Workbook (.xlsx)” or CSV.",
    ),
    "is_other_archive": (
        "refused",
        "{file} dikemas sebagai RAR, 7z, atau gzip. Buka kemasannya, lalu kemas lagi sebagai ZIP.",
        "{file} is packed as RAR, 7z or gzip. Unpack it and pack it again as ZIP.",
    ),
    "is_drawing": (
        "refused",
        "{file} adalah gambar CAD (DWG atau DXF). Ekspor lapisannya sebagai shapefile atau GeoPackage dari program CAD atau QGIS.",
        "{file} is a CAD drawing (DWG or DXF). Export its layers as shapefile or GeoPackage from the CAD program or QGIS.",
    ),
    "is_mapinfo": (
        "refused",
        "{file} adalah data MapInfo (TAB atau MIF). Buka di MapInfo atau QGIS, lalu simpan sebagai GeoPackage atau shapefile.",
        "{file} is MapInfo data (TAB or MIF). Open it in MapInfo or QGIS and save it as GeoPackage or shapefile.",
    ),
    "is_geodatabase": (
        "refused",
        "{file} berisi geodatabase ArcGIS (.gdb). Buka di ArcGIS atau QGIS, lalu ekspor tiap lapisannya sebagai GeoPackage atau shapefile.",
        "{file} holds an ArcGIS geodatabase (.gdb). Open it in ArcGIS or QGIS and export each of its layers as GeoPackage or shapefile.",
    ),
    "is_project": (
        "refused",
        "{file} adalah proyek QGIS, yang hanya menunjuk ke datanya. Buka proyeknya, lalu ekspor lapisannya sebagai GeoPackage.",
        "{file} is a QGIS project, which only points to its data. Open it and export its layers as GeoPackage.",
    ),
    "is_other_json": (
        "refused",
        "{file} adalah JSON jenis lain, bukan GeoJSON (misalnya TopoJSON, JSON ArcGIS, atau daftar biasa). Buka di QGIS, lalu ekspor sebagai GeoJSON atau GeoPackage.",
        "{file} is another kind of JSON, not GeoJSON (such as TopoJSON, ArcGIS JSON or a plain list). Open it in QGIS and export it as GeoJSON or GeoPackage.",
    ),
    "is_unknown": (
        "refused",
        "{file} tidak dikenal jenisnya. Yang diterima: shapefile (zip), GeoPackage, GeoJSON, KML/KMZ, FlatGeobuf, GPX, CSV, dan XLSX.",
        "{file} is of no known kind. Taken are: shapefile (zip), GeoPackage, GeoJSON, KML/KMZ, FlatGeobuf, GPX, CSV and XLSX.",
    ),
    "is_sqlite": (
        "refused",
        "{file} adalah basis data SQLite, bukan GeoPackage. Simpan lagi sebagai GeoPackage dari QGIS.",
        "{file} is an SQLite database, not a GeoPackage. Save it again as GeoPackage from QGIS.",
    ),
    "is_sidecar": (
        "refused",
        "{file} hanya satu bagian dari shapefile. Kirim semua berkasnya (.shp, .shx, .dbf, .prj), sebaiknya dalam satu ZIP.",
        "{file} is only one part of a shapefile. Send all its files (.shp, .shx, .dbf, .prj), best in one ZIP.",
    ),
    "is_damaged": (
        "refused",
        "{file} rusak atau isinya bukan seperti namanya. Ekspor lagi dari sumbernya, lalu unggah lagi.",
        "{file} is damaged, or not what its name says. Export it again from its source and upload it again.",
    ),
    "is_damaged_why": (
        "refused",
        "{file} tidak dapat dibaca; mungkin terpotong atau rusak. Ekspor lagi dari sumbernya, lalu unggah lagi. (Kata pembacanya: {why})",
        "{file} cannot be read; it may be cut off or damaged. Export it again from its source and upload it again. (The reader says: {why})",
    ),
    "is_cut": (
        "refused",
        "{file} terpotong: isinya lebih pendek daripada yang ditulis di awalnya. Salin atau unduh lagi dari sumbernya, lalu unggah lagi.",
        "{file} is cut off: it is shorter than its beginning says. Copy or download it again from its source, then upload it again.",
    ),
    "is_web_page": (
        "refused",
        "{file} adalah halaman web, sering kali pesan galat dari unduhan yang gagal. Unduh lagi datanya.",
        "{file} is a web page, often the error message of a failed download. Download the data again.",
    ),
    "is_other_xml": (
        "refused",
        "{file} adalah XML jenis lain (<{root}>). Yang diterima: KML dan GPX; ekspor dari QGIS sebagai GeoPackage juga bisa.",
        "{file} is another kind of XML (<{root}>). Taken are KML and GPX; exporting it as GeoPackage from QGIS works, too.",
    ),
    "xml_entities": (
        "refused",
        "{file} memuat deklarasi DOCTYPE atau entitas XML, yang dapat melumpuhkan pembacanya. Ekspor lagi dari program peta Anda.",
        "{file} holds a DOCTYPE or XML entities, which can bring a reader down. Export it again from your map program.",
    ),
    "wrong_extension": (
        "info",
        "{file} sebenarnya {kind}; dibaca sebagai {kind}.",
        "{file} really is {kind}; it is read as that.",
    ),
    "file_large": (
        "refused",
        "{file} berukuran {size} MB; paling besar {limit} MB. Bagi per kecamatan, atau buang kolom yang tidak perlu.",
        "{file} has {size} MB; at most {limit} MB are taken. Split it by kecamatan or drop columns that are not needed.",
    ),
    # Zips
    "zip_broken": (
        "refused",
        "{file} tidak dapat dibuka: ZIP-nya rusak atau terpotong. Kemas lagi, lalu unggah lagi.",
        "{file} cannot be opened: the ZIP is damaged or cut off. Pack it again and upload it again.",
    ),
    "zip_password": (
        "refused",
        "{file} dikunci dengan kata sandi. Kemas lagi tanpa kata sandi.",
        "{file} is locked with a password. Pack it again without one.",
    ),
    "zip_many": (
        "refused",
        "{file} berisi {count} berkas; paling banyak {limit}. Kemas satu data saja dalam satu ZIP.",
        "{file} holds {count} files; at most {limit} are unpacked. Pack one data set in one ZIP.",
    ),
    "zip_large": (
        "refused",
        "Isi {file} lebih dari {limit} MB bila dibuka (tertulis {size} MB). Kemas satu data saja, disederhanakan bila perlu.",
        "{file} unpacks to more than {limit} MB (it says {size} MB). Pack one data set alone, simplified if need be.",
    ),
    "zip_outside": (
        "refused",
        "{file} memuat berkas yang menunjuk ke luar kemasannya ({name}). Jangan pakai ZIP ini; minta yang lain.",
        "{file} holds a file that points outside of it ({name}). Do not use this ZIP; ask for another.",
    ),
    "zip_link": (
        "refused",
        "{file} memuat tautan ke berkas lain ({name}), bukan datanya. Kemas lagi dengan berkas aslinya.",
        "{file} holds a link to another file ({name}), not the data. Pack it again with the original files.",
    ),
    "zip_twice": (
        "refused",
        "{file} memuat {name} dua kali. Kemas satu data saja.",
        "{file} holds {name} twice. Pack one data set alone.",
    ),
    "zip_nested": (
        "fixed",
        "Di dalam kemasannya ada kemasan lagi ({file}); sudah dibuka.",
        "The package held another package ({file}); it was opened.",
    ),
    "zip_nested_deep": (
        "refused",
        "{file}: kemasan di dalam kemasan di dalam kemasan. Kemas datanya langsung dalam satu ZIP.",
        "{file}: a package in a package in a package. Pack the data directly in one ZIP.",
    ),
    "zip_without_data": (
        "refused",
        "{file} tidak berisi data yang dikenal. Kemas shapefile (.shp, .shx, .dbf, .prj), GeoPackage, GeoJSON, KML, CSV, atau XLSX.",
        "{file} holds no data that we know. Pack a shapefile (.shp, .shx, .dbf, .prj), GeoPackage, GeoJSON, KML, CSV or XLSX.",
    ),
    "shp_alone": (
        "refused",
        "{file} hanya berisi {parts}; bagian .shp dengan bentuknya tidak ada. Kemas semua bagian shapefile bersama-sama.",
        "{file} only holds {parts}; the .shp with the shapes is not there. Pack all parts of the shapefile together.",
    ),
    "shp_part_missing": (
        "refused",
        "Shapefile {file} tidak lengkap: {parts} tidak ada. Kirim semua bagiannya bersama-sama, sebaiknya dalam satu ZIP.",
        "The shapefile {file} is not complete: {parts} is missing. Send all its parts together, best in one ZIP.",
    ),
    # Which of several
    "choose_layer": (
        "ask",
        "{file} berisi beberapa data. Pilih salah satu; yang lain dapat diunggah sesudahnya.",
        "{file} holds several data sets. Choose one; the others can be uploaded afterwards.",
    ),
    "layer_missing": (
        "refused",
        "Tidak ada data bernama {layer} di dalamnya. Yang ada: {names}",
        "There is no data set called {layer} in it. There are: {names}",
    ),
    # Text and tables
    "encoding_lies": (
        "fixed",
        "Menurut .cpg hurufnya ditulis dalam {declared}, ternyata {encoding}; dibaca sebagai {encoding}.",
        "The .cpg says that the text is in {declared}, but it is {encoding}; it was read as that.",
    ),
    "encoding_found": (
        "fixed",
        "Berkasnya tidak mengatakan cara hurufnya ditulis; dibaca sebagai {encoding}. Periksa huruf beraksen di pratinjau.",
        "The file does not say how its text is encoded; it was read as {encoding}. Look at letters with accents in the preview.",
    ),
    "encoding_wrong": (
        "refused",
        "Huruf di {file} tidak dapat dibaca sebagai {encoding}. Simpan lagi sebagai UTF-8 (“CSV UTF-8” di Excel).",
        "The text of {file} cannot be read as {encoding}. Save it again as UTF-8 (“CSV UTF-8” in Excel).",
    ),
    "csv_delimiter": (
        "info",
        "Kolomnya dipisahkan dengan “{delimiter}”.",
        "The columns are separated by “{delimiter}”.",
    ),
    "csv_one_column": (
        "refused",
        "{file} hanya punya satu kolom: pemisah kolomnya (koma, titik koma, atau tab) tidak ditemukan. Simpan lagi sebagai CSV.",
        "{file} has only one column: no separator (comma, semicolon or tab) was found. Save it again as CSV.",
    ),
    "header_found": (
        "info",
        "Nama kolom diambil dari baris {count}; baris di atasnya dianggap judul.",
        "The names of the columns are taken from row {count}; the rows above are taken for a title.",
    ),
    "no_header": (
        "refused",
        "Baris nama kolom tidak ditemukan. Tulis nama setiap kolom di baris pertama, misalnya: nama, lintang, bujur.",
        "No row with the names of columns was found. Write a name for each column into the first row, such as: nama, lintang, bujur.",
    ),
    "merged_filled": (
        "fixed",
        "{count} kumpulan sel gabungan diisi: setiap barisnya mendapat nilai yang sama.",
        "Ranges of merged cells filled: {count}. Each row of a range gets the same value.",
    ),
    "totals_left": (
        "fixed",
        "{count} baris jumlah tidak diambil karena bukan data.",
        "Rows with totals left out, since they are no data: {count}.",
    ),
    "notes_left": (
        "fixed",
        "{count} baris terakhir hanya berisi satu sel, seperti tempat dan nama penanda tangan; baris itu tidak diambil.",
        "Last rows with one cell only, such as place and name of who signs, were left out: {count}.",
    ),
    "long_rows": (
        "warning",
        "{count} baris punya lebih banyak sel daripada nama kolom; kelebihannya tidak diambil. Biasanya karena koma di dalam teks tanpa tanda kutip.",
        "Rows with more cells than there are column names: {count}. The rest was left out. The usual cause is a comma in text without quotes.",
    ),
    "no_rows": (
        "refused",
        "Tidak ada baris data di dalamnya. Periksa apakah lapisan atau lembar yang benar yang diekspor.",
        "There are no rows of data in it. Check whether the right layer or sheet was exported.",
    ),
    "many_rows": (
        "refused",
        "Ada {count} baris; paling banyak {limit}. Bagi per kecamatan atau per tahun.",
        "There are {count} rows; at most {limit} are taken. Split the data by kecamatan or by year.",
    ),
    "many_columns": (
        "refused",
        "Ada {count} kolom; paling banyak {limit}. Buang kolom yang tidak perlu.",
        "There are {count} columns; at most {limit} are taken. Drop those that are not needed.",
    ),
    "empty_rows": (
        "fixed",
        "{count} baris kosong tidak diambil.",
        "Empty rows left out: {count}.",
    ),
    "duplicates": (
        "fixed",
        "{count} baris sama persis dengan baris lain (bentuk dan isinya); hanya satu yang diambil.",
        "Rows left out because they equal another row exactly (shape and values): {count}.",
    ),
    "column_mixed": (
        "warning",
        "Isi kolom {columns} bercampur (angka, tanggal, atau teks); disimpan sebagai teks. Rapikan bila ingin dihitung.",
        "The values of {columns} are mixed (numbers, dates or text); they are kept as text. Tidy them if you want to calculate.",
    ),
    "marks_of_nothing": (
        "fixed",
        "Pada kolom {columns} ada {count} tanda seperti “-” di antara angka atau tanggal; dibaca sebagai tidak ada isian. Bila artinya nol, tulis 0, lalu unggah lagi.",
        "Marks such as “-” among the numbers or dates of {columns}, read as no value: {count}. If they mean zero, write 0 and upload again.",
    ),
    "units_taken_off": (
        "info",
        "Tanda % atau Rp pada kolom {columns} dilepas supaya angkanya dapat dihitung; tandanya ada pada judul kolom.",
        "The signs % or Rp in {columns} are taken off so that one can calculate; the title of the column has them.",
    ),
    "years_short": (
        "info",
        "Tahun pada kolom {columns} ditulis dengan dua angka; 00 sampai 69 dibaca 2000 sampai 2069. Periksa di pratinjau.",
        "The years of {columns} have two figures; 00 to 69 are read as 2000 to 2069. Look at the preview.",
    ),
    "texts_cut": (
        "warning",
        "Di kolom {columns}, {count} teks lebih panjang daripada {limit} huruf; hanya awalnya yang disimpan.",
        "Texts in {columns} that are longer than {limit} characters: {count}. Only their beginning is kept.",
    ),
    "times_mixed": (
        "warning",
        "Sebagian waktu di kolom {columns} menyebut zonanya, sebagian tidak. Yang tidak menyebutnya dibaca sebagai WITA.",
        "Some times in {columns} say in which zone they are, others do not. Those that do not are read as WITA.",
    ),
    "renamed": (
        "info",
        "{count} nama kolom disesuaikan agar dapat dipakai di alamat dan saringan (nama aslinya tetap ditampilkan): {names}",
        "Column names adapted for use in addresses and filters (the original names are still shown): {count}. {names}",
    ),
    "personal": (
        "warning",
        "Kolom {column} tampaknya berisi {what}. Kolom ini disembunyikan saat data terbit. Jangan menampilkannya; lebih baik hapus dari berkas (UU 27/2022).",
        "The column {column} seems to hold {what}. It is hidden when the data are published. Do not show it; better delete it from the file (Law 27/2022).",
    ),
    # Where the rows are
    "position_columns": (
        "info",
        "Letaknya diambil dari kolom {lon} (bujur, X) dan {lat} (lintang, Y).",
        "Places are taken from the columns {lon} (longitude, X) and {lat} (latitude, Y).",
    ),
    "position_pair": (
        "info",
        "Letaknya diambil dari kolom {column}, yang berisi kedua koordinat.",
        "Places are taken from the column {column}, which holds both coordinates.",
    ),
    "position_wkt": (
        "info",
        "Bentuknya diambil dari kolom {column} (WKT).",
        "Shapes are taken from the column {column} (WKT).",
    ),
    "position_join_outline": (
        "info",
        "Tidak ada koordinat; baris mendapat batas {level} yang disebut dalam kolom {column}.",
        "There are no coordinates; rows get the outline of the {level} that the column {column} names.",
    ),
    "position_join_point": (
        "info",
        "Tidak ada koordinat; baris ditaruh pada satu titik di dalam {level} yang disebut dalam kolom {column}. Letak sebenarnya tidak diketahui.",
        "There are no coordinates; rows are put on a point inside the {level} that the column {column} names. The true place is not known.",
    ),
    "position_ask": (
        "ask",
        "Letak barisnya tidak ditemukan: tidak ada kolom koordinat dan tidak ada nama atau kode kecamatan atau desa. Sebutkan kolomnya. Yang ada: {names}",
        "The places of the rows were not found: no columns of coordinates, and no names or codes of kecamatan or desa. Name the columns. There are: {names}",
    ),
    "position_names_unknown": (
        "ask",
        "Tidak satu pun isi kolom {column} dikenal sebagai nama atau kode kecamatan atau desa (misalnya: {some}). Sebutkan kolom yang lain.",
        "No value of the column {column} is known as a name or code of a kecamatan or desa (such as: {some}). Name another column.",
    ),
    "position_unread": (
        "ask",
        "Isi kolom {columns} tidak dapat dibaca sebagai koordinat atau nama wilayah. Sebutkan kolom yang lain, atau tulis di berkasnya misalnya 117,5312 dan 0,5123, atau 0°30'44\" LU, lalu unggah lagi.",
        "The values of {columns} cannot be read as coordinates or names of areas. Name other columns, or write in the file for instance 117.5312 and 0.5123, or 0°30'44\" N, and upload it again.",
    ),
    "position_unreadable": (
        "warning",
        "Koordinat pada {count} baris tidak dapat dibaca ({columns}); barisnya diambil tanpa letak. Perbaiki di berkas, lalu unggah lagi.",
        "Rows whose coordinates cannot be read ({columns}): {count}. Such rows are taken without a place. Mend them in the file and upload it again.",
    ),
    "join_unknown": (
        "warning",
        "Nama atau kode wilayah pada {count} baris tidak dikenal, atau dipakai beberapa desa ({columns}); barisnya diambil tanpa letak.",
        "Rows whose name or code of an area is not known, or that of several desa ({columns}): {count}. Such rows are taken without a place.",
    ),
    "join_disagrees": (
        "warning",
        "Pada {count} baris, nama wilayah tidak cocok dengan kodenya ({columns}); baris itu ditaruh menurut kodenya. Periksa mana yang benar; kalau kodenya salah, perbaiki di berkas, lalu unggah lagi.",
        "Rows whose name of an area does not fit its code ({columns}): {count}. Such rows are placed by the code. Check which is right; if it is the name, mend the code in the file and upload it again.",
    ),
    "column_missing": (
        "refused",
        "Tidak ada kolom {column}. Yang ada: {names}",
        "There is no column {column}. There are: {names}",
    ),
    # Coordinate system
    "crs_given": (
        "info",
        "Dibaca dalam sistem koordinat yang Anda pilih: {crs}.",
        "It is read in the coordinate system that you chose: {crs}.",
    ),
    "crs_found": (
        "fixed",
        "Sistem koordinatnya tidak disebut di berkas. Dipakai {crs}: datanya lalu jatuh {place}, dalam sistem lain jauh dari Kutai Timur. Periksa di peta.",
        "The file does not say its coordinate system. {crs} is used: the data then fall {place}, in every other system far from Kutai Timur. Check it on the map.",
    ),
    "crs_degrees": (
        "info",
        "Koordinatnya dalam derajat (WGS 84); datanya jatuh {place}.",
        "The coordinates are in degrees (WGS 84); the data fall {place}.",
    ),
    "crs_wrong": (
        "fixed",
        "Menurut berkasnya sistem koordinatnya {declared}, tetapi datanya lalu jatuh di luar Indonesia. Dalam {crs} datanya jatuh {place}: itulah yang dipakai. Periksa di peta.",
        "The file says {declared}, but then the data fall outside Indonesia. In {crs} they fall {place}: so that is used. Check it on the map.",
    ),
    "crs_doubtful": (
        "ask",
        "Menurut berkasnya sistem koordinatnya {declared}: datanya lalu jatuh {place}. Dalam {crs} jatuh {other}. Mana yang benar?",
        "The file says {declared}: the data then fall {place}. In {crs} they fall {other}. Which is right?",
    ),
    "crs_ask": (
        "ask",
        "Sistem koordinatnya tidak disebut di berkas, dan lebih dari satu cocok. Pilih yang menaruh datanya di tempat yang benar.",
        "The file does not say its coordinate system, and more than one fits. Choose the one that puts the data where they belong.",
    ),
    "crs_ask_none": (
        "ask",
        "Sistem koordinatnya tidak disebut di berkas, dan tidak ada yang biasa dipakai menaruh datanya di Kutai Timur. Tanyakan kepada pembuatnya, lalu pilih. Bila tidak satu pun menaruhnya dengan benar, koordinatnya rusak (misalnya koma desimalnya hilang): perbaiki berkasnya, lalu unggah lagi.",
        "The file does not say its coordinate system, and none of the usual ones puts the data in Kutai Timur. Ask its maker, then choose. If none puts them right, the coordinates are broken (decimal points lost, for instance): mend the file and upload it again.",
    ),
    "crs_unknown": (
        "refused",
        "Sistem koordinat {crs} tidak dikenal. Tulis misalnya EPSG:32650.",
        "The coordinate system {crs} is not known. Write for instance EPSG:32650.",
    ),
    "crs_unreadable": (
        "warning",
        "Keterangan sistem koordinat di berkasnya (.prj) tidak dapat dibaca; dicari dari letak datanya.",
        "What the file says of its coordinate system (.prj) cannot be read; it is told from where the data fall.",
    ),
    "axes_swapped": (
        "fixed",
        "Bujur dan lintang tertukar; sudah dibalik.",
        "Longitude and latitude were swapped; they were turned round.",
    ),
    "outside": (
        "warning",
        "{count} dari {of} baris yang diperiksa berada di luar Kutai Timur. Periksa apakah memang begitu.",
        "Of {of} rows that were looked at, outside Kutai Timur: {count}. Check whether that is meant.",
    ),
    "all_outside": (
        "warning",
        "Semua baris yang diperiksa ({of}) berada di luar Kutai Timur. Bila itu keliru, periksa sistem koordinatnya.",
        "All that was looked at lies outside Kutai Timur (rows: {of}). If that is wrong, check the coordinate system.",
    ),
    # Shapes
    "no_geometry": (
        "refused",
        "Tidak ada satu pun bentuk (titik, garis, bidang) di dalamnya. Ekspor lagi dengan geometrinya.",
        "There is not a single shape (point, line, area) in it. Export it again with its geometry.",
    ),
    "without_geometry": (
        "warning",
        "{count} baris tidak punya letak; diambil, tetapi tidak tampak di peta.",
        "Rows without a place: {count}. Such rows are taken, but not seen on the map.",
    ),
    "z_dropped": (
        "fixed",
        "Tinggi atau ukuran (Z/M) pada {count} bentuk tidak diambil; peta di sini datar.",
        "Shapes whose heights or measures (Z/M) were left out, since maps here are flat: {count}.",
    ),
    "repaired": (
        "fixed",
        "{count} bentuk rusak diperbaiki. Bandingkan dengan aslinya: daftar barisnya di bawah.",
        "Broken shapes repaired: {count}. Compare with the original: the rows are listed below.",
    ),
    "geometry_lost": (
        "warning",
        "{count} bentuk terlalu rusak untuk diperbaiki; barisnya diambil tanpa letak.",
        "Shapes too broken to be repaired: {count}. Their rows are taken without a place.",
    ),
    "unprojectable": (
        "warning",
        "Koordinat {count} bentuk mustahil dalam sistem koordinat itu; barisnya diambil tanpa letak.",
        "Shapes whose coordinates are impossible in that coordinate system: {count}. Their rows are taken without a place.",
    ),
    "families": (
        "warning",
        "Berbagai jenis bentuk bercampur ({families}). Lebih baik pisahkan menjadi beberapa data; banyak program tidak dapat membacanya sekaligus.",
        "Several kinds of shapes are mixed ({families}). Better split them into several data sets; many programs cannot read them together.",
    ),
    # Limits
    "too_much_memory": (
        "refused",
        "Berkasnya memerlukan lebih banyak memori daripada yang disediakan. Bagi per kecamatan, atau simpan sebagai GeoPackage.",
        "The file needs more memory than there is for it. Split it by kecamatan, or save it as GeoPackage.",
    ),
    "too_slow": (
        "refused",
        "Membaca berkas ini memakan waktu lebih dari {limit} detik, lalu dihentikan. Bagi per kecamatan, atau sederhanakan bentuknya.",
        "Reading the file took more than {limit} seconds and was stopped. Split it by kecamatan, or simplify its shapes.",
    ),
    "crashed": (
        "refused",
        "Pembacanya terhenti karena isi berkas ini. Ekspor lagi dari QGIS sebagai GeoPackage, lalu unggah lagi.",
        "The reader broke down over what the file holds. Export it again from QGIS as GeoPackage and upload it again.",
    ),
}
