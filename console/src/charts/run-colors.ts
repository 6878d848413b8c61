import { versionColors } from "./colors.ts";

const dashes: readonly (readonly number[])[] = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

/** Colour and dash of the run that stands at this place; 24 look different, then they come again. */
export function runStyle(index: number): { color: string; dash: readonly number[] } {
  return { color: versionColors[index % versionColors.length]!, dash: dashes[Math.floor(index / versionColors.length) % dashes.length]! };
}
