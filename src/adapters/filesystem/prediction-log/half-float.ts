const smallestNormal = 2 ** -14;

/** The number that an IEEE 754 half-precision bit pattern stands for. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * (fraction / 1024) * smallestNormal;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}
