"""What synthetic reports say: Indonesian of everyday life, by category. Places and people in them are made up.

{place} is filled from `PLACES`. A category without texts of its own uses `OTHER`.
"""

PLACES = (
    "depan pasar",
    "simpang tiga dekat masjid",
    "belakang SD",
    "jalan masuk desa",
    "RT 03",
    "RT 07",
    "depan puskesmas",
    "dekat jembatan kayu",
    "jalan poros kilometer 12",
    "samping kantor desa",
    "dekat lapangan voli",
    "depan gereja",
    "gang di samping warung",
    "tepi sungai",
    "jalur sekolah anak-anak",
    "dekat dermaga",
    "perumahan baru",
    "ujung jalan dekat kebun",
)

SINCE = (
    "Sudah tiga hari begini.",
    "Sudah lebih dari dua minggu.",
    "Sejak hujan deras minggu lalu.",
    "Sudah pernah disampaikan ke RT, belum ada perubahan.",
    "Sejak bulan lalu, makin hari makin parah.",
    "Baru mulai kemarin.",
    "Setiap musim hujan terulang lagi.",
)

WISHES = (
    "Mohon segera dicek.",
    "Tolong ditangani, kasihan anak sekolah dan orang tua.",
    "Warga siap gotong royong kalau diberi bahan.",
    "Mohon kabar kapan bisa dikerjakan.",
    "Terima kasih sebelumnya.",
    "Kalau perlu kami antar ke lokasinya.",
)

# category code: titles, and sentences of which one opens the description
TEXTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "jalan-rusak": (
        ("Jalan berlubang di {place}", "Jalan berlumpur di {place}", "Badan jalan longsor di {place}"),
        ("Lubangnya dalam dan tertutup air, dua motor jatuh.", "Truk tidak bisa lewat, ongkos angkut sawit naik."),
    ),
    "jembatan": (
        ("Lantai jembatan lapuk di {place}", "Pagar jembatan patah di {place}"),
        ("Papan lantai bolong, motor harus dituntun.", "Tiang jembatan miring setelah air sungai naik."),
    ),
    "jalan-lingkungan": (
        ("Gang becek di {place}", "Semenisasi gang rusak di {place}"),
        ("Kalau hujan tidak bisa dilewati.", "Cor semen pecah dan ada yang tersandung."),
    ),
    "penerangan-jalan": (
        ("Lampu jalan mati di {place}", "Gelap malam hari di {place}"),
        ("Lima tiang berturut-turut mati.", "Lampu menyala sebentar lalu padam."),
    ),
    "lalu-lintas": (
        ("Rambu hilang di {place}", "Lampu merah mati di {place}"),
        ("Sering hampir tabrakan pada jam berangkat kerja.", "Marka sudah tidak kelihatan."),
    ),
    "angkutan": (
        ("Dermaga rusak di {place}", "Tarif angkutan tidak jelas di {place}"),
        ("Tangga dermaga patah, penumpang harus melompat.", "Sopir meminta tarif yang berbeda-beda."),
    ),
    "banjir": (
        ("Banjir masuk rumah di {place}", "Tebing longsor di {place}"),
        ("Air setinggi lutut dan masih naik.", "Tanah menutup separuh badan jalan."),
    ),
    "drainase": (
        ("Parit tersumbat di {place}", "Gorong-gorong tertutup tanah di {place}"),
        ("Air meluap ke jalan setiap hujan.", "Parit penuh sampah dan berbau."),
    ),
    "air-bersih": (
        ("Air tidak mengalir di {place}", "Air keruh di {place}", "Pipa bocor di {place}"),
        ("Sudah beli air tangki sendiri.", "Warna airnya cokelat dan berbau besi."),
    ),
    "sampah": (
        ("Sampah menumpuk di {place}", "Bak sampah meluap di {place}"),
        ("Belum diangkut, banyak lalat.", "Sampah berserakan sampai ke jalan."),
    ),
    "pencemaran": (
        ("Air sungai berubah warna di {place}", "Debu jalan tambang di {place}", "Bau limbah di {place}"),
        ("Ikan banyak yang mati.", "Debunya masuk ke rumah dan membuat sesak."),
    ),
    "taman": (
        ("Pohon tumbang di {place}", "Taman tidak terawat di {place}"),
        ("Dahannya menimpa kabel.", "Bangku dan mainan anak rusak."),
    ),
    "kebakaran-lahan": (
        ("Lahan terbakar di {place}", "Asap dari kebun di {place}"),
        ("Api mendekati rumah warga.", "Asapnya tebal sejak sore."),
    ),
    "puskesmas": (
        ("Antrean lama di puskesmas {place}", "Obat kosong di puskesmas {place}"),
        ("Datang pukul tujuh, dilayani pukul sebelas.", "Obat darah tinggi tidak ada."),
    ),
    "rumah-sakit": (
        ("Antrean poli terlalu lama", "Informasi kamar rawat inap tidak jelas"),
        ("Pendaftaran daring sudah, tetap antre dari pagi.", "Petugas ramah, tetapi dokternya terlambat."),
    ),
    "wabah": (
        ("Demam berdarah di {place}", "Mohon fogging di {place}"),
        ("Empat anak sudah dirawat.", "Banyak genangan dan jentik."),
    ),
    "sekolah-rusak": (
        ("Atap kelas bocor di sekolah {place}", "Lantai kelas lapuk di sekolah {place}"),
        ("Kalau hujan belajar pindah ke teras.", "Plafon hampir jatuh."),
    ),
    "layanan-sekolah": (
        ("Guru sering tidak hadir di sekolah {place}", "Tanya aturan penerimaan murid baru"),
        ("Anak-anak pulang lebih awal.", "Zonasinya tidak jelas bagi kami."),
    ),
    "bansos": (
        ("Bantuan sosial belum diterima di {place}", "Data penerima bantuan keliru di {place}"),
        ("Nama ada di daftar, bantuannya tidak sampai.", "Yang mampu dapat, yang janda tidak."),
    ),
    "kependudukan": (
        ("KTP belum jadi", "Akta lahir anak lama selesai", "Minta jemput bola rekam KTP di {place}"),
        ("Sudah dua bulan memakai surat keterangan.", "Jarak ke kantor kecamatan tiga jam."),
    ),
    "ketenagakerjaan": (
        ("Upah terlambat dibayar", "Lembur tidak dihitung"),
        ("Dua bulan belum dibayar penuh.", "Kontrak tidak diberikan kepada pekerja."),
    ),
    "ketertiban-umum": (
        ("Suara bising tengah malam di {place}", "Sapi lepas di {place}"),
        ("Orgen sampai lewat tengah malam.", "Ternak masuk kebun dan jalan raya."),
    ),
    "hewan-berbahaya": (
        ("Buaya muncul di {place}", "Sarang tawon di {place}"),
        ("Terlihat sore hari dekat tempat mandi.", "Sarangnya di atap sekolah."),
    ),
    "listrik": (
        ("Listrik sering padam di {place}", "Kabel menjuntai di {place}"),
        ("Padam tiap malam, alat elektronik rusak.", "Kabel hampir kena kepala orang lewat."),
    ),
    "pasar": (
        ("Gas LPG 3 kg langka di {place}", "Atap pasar bocor di {place}"),
        ("Harganya naik dua kali lipat.", "Pedagang basah kalau hujan."),
    ),
    "pertanian": (
        ("Pupuk subsidi sulit didapat di {place}", "Hama tikus di sawah {place}"),
        ("Kuota habis sebelum musim tanam.", "Setengah hektare gagal panen."),
    ),
    "perkebunan": (
        ("Bagi hasil plasma belum jelas", "Harga TBS tidak sesuai ketetapan"),
        ("Koperasi belum memberi laporan.", "Potongan di pabrik terlalu besar."),
    ),
    "lahan": (
        ("Batas lahan dipersoalkan di {place}", "Lahan kelompok tani digusur di {place}"),
        ("Ada dua surat untuk tanah yang sama.", "Patok batas dicabut orang."),
    ),
    "perikanan": (
        ("Solar nelayan sulit di {place}", "Saran tempat pelelangan ikan di {place}"),
        ("Harus antre sejak subuh.", "Ikan cepat busuk karena tidak ada es."),
    ),
    "perizinan": (
        ("Izin usaha lama diproses", "Syarat izin berubah-ubah"),
        ("Sudah lengkap, belum ada jawaban.", "Tiap datang diminta berkas lain."),
    ),
    "internet": (
        ("Tidak ada sinyal di {place}", "Menara padam di {place}"),
        ("Kalau mau menelepon harus naik bukit.", "Sinyal hilang tiap listrik padam."),
    ),
    "dana-desa": (
        ("Papan anggaran desa tidak dipasang", "Pembangunan posyandu berhenti di {place}"),
        ("Warga ingin tahu dipakai untuk apa.", "Bahan sudah ada, tidak dikerjakan."),
    ),
    "pajak": (
        ("Tanya tagihan PBB", "Nama di PBB keliru"),
        ("Rumah sudah dijual tiga tahun lalu.", "Luasnya tidak sesuai sertifikat."),
    ),
}

OTHER: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("Minta perhatian untuk {place}", "Usul perbaikan di {place}"),
    ("Warga sudah berkumpul dan sepakat melapor.", "Keadaannya mengganggu kegiatan sehari-hari."),
)

ANSWERS = (
    "Tim sudah ke lokasi dan pekerjaan selesai.",
    "Sudah kami tangani bersama pemerintah desa.",
    "Perbaikan selesai; mohon dicek dan dikabari bila masih kurang.",
    "Sudah kami sampaikan dan diselesaikan oleh petugas di lapangan.",
)
HOLDS = ("Menunggu bahan tiba.", "Menunggu air surut.", "Menunggu perubahan anggaran.")
REJECTIONS: dict[str, str] = {
    "not_authority": "Yang dilaporkan diurus instansi lain, di luar kewenangan kabupaten.",
    "unclear": "Mohon laporkan lagi dengan keterangan yang lebih jelas.",
    "not_true": "Lokasi sudah didatangi dan tidak ditemukan.",
    "unlawful": "Laporan memuat hinaan; silakan laporkan lagi tanpa itu.",
    "test": "Laporan ini uji coba.",
}
"""What the officer writes, by the reason's code."""
HANDINGS = (
    "Setelah dicek, ini tugas perangkat daerah yang dituju.",
    "Lokasi dan sarananya dikelola perangkat daerah yang dituju.",
    "Perlu peralatan yang tidak kami punya; mohon ditangani oleh yang dituju.",
)
OBJECTIONS = ("Belum selesai, masih seperti kemarin.", "Hanya sebagian yang dikerjakan.")
THANKS = ("Sudah beres, terima kasih.", "Terima kasih, sudah baik.", "")
