/** A 64-bit integer on its way out: a number where that is exact, else a bigint. */
export function sqlInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
