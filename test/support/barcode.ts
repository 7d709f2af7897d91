/** Reads the number that each picture of a clip shows. test/farm/make_clips.py describes the barcode. */
const BLOCKS = 26;
const BAR_SHARE = 12;

/** The number in the barcode at row `y`; undefined when it is not valid. */
function readRow(bgr: Uint8Array, width: number, y: number): number | undefined {
  let bits = 0;
  for (let block = 0; block < BLOCKS; block += 1) {
    const x = Math.floor(((block + 0.5) * width) / BLOCKS);
    const at = (y * width + x) * 3;
    const sum = (bgr[at] ?? 0) + (bgr[at + 1] ?? 0) + (bgr[at + 2] ?? 0);
    bits = bits * 2 + (sum > 3 * 127 ? 1 : 0);
  }
  const checksum = bits & 0xff;
  const number = (bits >> 8) & 0xffff;
  const guard = bits >> 24;
  return guard === 0b10 && checksum === ((number ^ (number >> 8) ^ 0xa5) & 0xff) ? number : undefined;
}

/** The number of a BGR24 picture without row padding; 'torn' when its two barcodes differ or are not valid. */
export function readBarcode(bgr: Uint8Array, width: number, height: number): number | 'torn' {
  if (bgr.length !== width * height * 3) return 'torn';
  const middle = Math.floor(height / BAR_SHARE / 2);
  const top = readRow(bgr, width, middle);
  const bottom = readRow(bgr, width, height - 1 - middle);
  return top !== undefined && top === bottom ? top : 'torn';
}
