// A place in words, as includes/place.html writes it.

const KELURAHAN = /^\d\d\.\d\d\.\d\d\.1/; // the Kemendagri codes of kelurahan; those of desa go on with 2

/** Return "Desa X, Kecamatan Y" for what /api/v1/locate/ answers; without a desa the kecamatan alone. */
export function placeName({ kecamatan, desa }) {
  const words = [`Kecamatan ${kecamatan.name}`];
  if (desa) words.unshift(`${KELURAHAN.test(desa.code) ? "Kelurahan" : "Desa"} ${desa.name}`);
  return words.join(", ");
}
