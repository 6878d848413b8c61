const smallestNormalExponent = -14;
const fractionBits = 10;
const largest = 65_504;

/** The number that an IEEE 754 half-precision bit pattern stands for. */
export function halfToNumber(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >>> fractionBits) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** (smallestNormalExponent - fractionBits);
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The nearest number that a half can hold, of two equally near ones the even one; infinite beyond its range. */
export function roundToHalf(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const exponent = Math.max(smallestNormalExponent, Math.floor(Math.log2(Math.abs(value))));
  const step = 2 ** (exponent - fractionBits);
  const steps = value / step;
  let rounded = Math.round(steps);
  if (Math.abs(steps - Math.trunc(steps)) === 0.5 && rounded % 2 !== 0) rounded -= 1;
  const result = rounded === 0 ? Math.sign(value) * 0 : rounded * step;
  return Math.abs(result) > largest ? Math.sign(value) * Infinity : result;
}

/** The bit pattern of the nearest half; the opposite of `halfToNumber`. */
export function numberToHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const rounded = Math.abs(roundToHalf(value));
  if (rounded === Infinity) return sign | 0x7c00;
  const exponent = Math.max(smallestNormalExponent, Math.floor(Math.log2(rounded)));
  const steps = rounded / 2 ** (exponent - fractionBits);
  // The first bit of a normal number is not written: it counts the exponent up.
  return sign | (((exponent - smallestNormalExponent) << fractionBits) + steps);
}
