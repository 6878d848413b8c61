import fc from "fast-check";
import { testSeed } from "./seed.ts";

// Every property draws from the seed of the run, so that a run which passed passes again, and one that failed fails again.
fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: testSeed });

const [firstSurrogate, surrogates] = [0xd800, 0x800];

/**
 * A unit of strings: any code point but the halves of pairs. As fast-check's own unit "binary", which first makes a table of all 1.1
 * million, half a second and 160 MB of each process that draws from it.
 */
export const codePoint = fc.nat(0x10ffff - surrogates).map((place) => String.fromCodePoint(place < firstSurrogate ? place : place + surrogates), placeOf);

/** What fast-check asks of texts that it would like to try: whether this unit makes their parts. */
function placeOf(text: unknown): number {
  const code = typeof text === "string" ? text.codePointAt(0) : undefined;
  if (code === undefined || String.fromCodePoint(code) !== text || !text.isWellFormed()) throw new Error("One code point is asked for.");
  return code < firstSurrogate ? code : code - surrogates;
}

/** fast-check with the seed of this run, which a test that fails tells. Tests take it from here and not from the package. */
export default fc;
