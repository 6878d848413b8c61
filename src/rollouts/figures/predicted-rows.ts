import type { PredictionValues } from "./prediction-values.ts";

/** Who predicted. */
interface Source {
  phase: string;
  arm: string;
}

const noSlot = -1;
const isLabel = 1;

/**
 * The newest `capacity` predicted rows in typed arrays: a ring of slots, found by a hash of prediction and row whose chains are threaded through the slots. Ids are kept as 64 bits of hash and labels
 * as 53: two that are alike by chance would be mistaken once in many lifetimes of a server.
 */
export class PredictedRows {
  readonly #capacity: number;
  readonly #mask: number;
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #keys: Uint32Array;
  readonly #sources: Uint16Array;
  readonly #kinds: Uint8Array;
  readonly #values: Float64Array;
  /** NaN until the truth is known. */
  readonly #errors: Float64Array;
  readonly #knownSources: Source[] = [];
  #used = 0;
  #cursor = 0;
  /** Of the key that was hashed last. */
  #high = 0;
  #low = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    const buckets = 2 ** Math.ceil(Math.log2(Math.max(2, capacity)));
    this.#mask = buckets - 1;
    this.#heads = new Int32Array(buckets).fill(noSlot);
    this.#next = new Int32Array(capacity);
    this.#keys = new Uint32Array(2 * capacity);
    this.#sources = new Uint16Array(capacity);
    this.#kinds = new Uint8Array(capacity);
    this.#values = new Float64Array(capacity);
    this.#errors = new Float64Array(capacity);
  }

  /** Of a request with very many rows only as many are kept as leave room for those of others. The same prediction of the same arm again changes nothing. */
  put(predictionId: string, source: Source, values: PredictionValues): void {
    const place = this.#placeOf(source);
    const known = values.kind === "label" ? values.labels.length : values.numbers.length;
    const rows = Math.min(known, Math.max(1, this.#capacity >>> 4));
    for (let row = 0; row < rows; row++) {
      const value = values.kind === "label" ? labelCode(values.labels[row]!) : values.numbers[row]!;
      if (!Number.isFinite(value)) continue;
      this.#hash(predictionId, row);
      if (!this.#has(place)) this.#add(place, values.kind === "label" ? isLabel : 0, value);
    }
  }

  /** Holds a truth against each arm's prediction of the row; only what changes is answered. */
  judge(predictionId: string, row: number, truth: number | string | boolean): { phase: string; arm: string; error: number | null; former: number | null }[] {
    const changes = [];
    this.#hash(predictionId, row);
    for (let slot = this.#heads[this.#low & this.#mask]!; slot !== noSlot; slot = this.#next[slot]!) {
      if (this.#keys[2 * slot] !== this.#high || this.#keys[2 * slot + 1] !== this.#low) continue;
      const error = this.#kinds[slot] === isLabel ? labelError(this.#values[slot]!, truth) : numberError(this.#values[slot]!, truth);
      const former = this.#errors[slot]!;
      if (Object.is(error, former)) continue;
      this.#errors[slot] = error;
      changes.push({ ...this.#knownSources[this.#sources[slot]!]!, error: orNull(error), former: orNull(former) });
    }
    return changes;
  }

  #has(place: number): boolean {
    for (let slot = this.#heads[this.#low & this.#mask]!; slot !== noSlot; slot = this.#next[slot]!) {
      if (this.#keys[2 * slot] === this.#high && this.#keys[2 * slot + 1] === this.#low && this.#sources[slot] === place) return true;
    }
    return false;
  }

  #add(place: number, kind: number, value: number): void {
    const slot = this.#cursor;
    if (this.#used === this.#capacity) this.#unlink(slot);
    else this.#used++;
    this.#cursor = slot + 1 === this.#capacity ? 0 : slot + 1;
    this.#keys[2 * slot] = this.#high;
    this.#keys[2 * slot + 1] = this.#low;
    this.#sources[slot] = place;
    this.#kinds[slot] = kind;
    this.#values[slot] = value;
    this.#errors[slot] = NaN;
    const bucket = this.#low & this.#mask;
    this.#next[slot] = this.#heads[bucket]!;
    this.#heads[bucket] = slot;
  }

  /** The oldest of a bucket is the last of its chain. */
  #unlink(slot: number): void {
    const bucket = this.#keys[2 * slot + 1]! & this.#mask;
    let before = this.#heads[bucket]!;
    if (before === slot) {
      this.#heads[bucket] = this.#next[slot]!;
      return;
    }
    while (this.#next[before] !== slot) before = this.#next[before]!;
    this.#next[before] = this.#next[slot]!;
  }

  #placeOf({ phase, arm }: Source): number {
    const place = this.#knownSources.findIndex((known) => known.phase === phase && known.arm === arm);
    return place >= 0 ? place : this.#knownSources.push({ phase, arm }) - 1;
  }

  #hash(predictionId: string, row: number): void {
    hashText(predictionId, row + 1);
    this.#high = hashHigh;
    this.#low = hashLow;
  }
}

// Where `hashText` leaves its result: a pair would be an allocation for each row of each request.
let hashHigh = 0;
let hashLow = 0;

/** Two independent 32-bit hashes (FNV-1a with two primes, then the finisher of MurmurHash3). */
function hashText(text: string, seed: number): void {
  let high = Math.imul(seed, 0x9e3779b1) ^ 0x811c9dc5;
  let low = Math.imul(seed, 0x85ebca77) ^ 0x2f0b4a27;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x5bd1e995);
    low ^= low >>> 15;
  }
  hashHigh = finish(high);
  hashLow = finish(low);
}

function finish(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const booleanLabels: Readonly<Record<string, string>> = { true: "1", false: "0", True: "1", False: "0" };

/** A label as a number of 53 bits; NaN for the empty label, which stands for none. `true` is 1, as in data that came from elsewhere. */
function labelCode(label: string): number {
  if (label === "") return NaN;
  hashText(Object.hasOwn(booleanLabels, label) ? booleanLabels[label]! : label, 0);
  return (hashHigh & 0x1fffff) * 2 ** 32 + hashLow;
}

/** NaN where truth and prediction cannot be compared. */
function labelError(code: number, truth: number | string | boolean): number {
  const expected = labelCode(String(truth));
  return Number.isNaN(expected) ? NaN : expected === code ? 0 : 1;
}

function numberError(predicted: number, truth: number | string | boolean): number {
  const expected = typeof truth === "string" ? (truth.trim() === "" ? NaN : Number(truth)) : Number(truth);
  return Number.isFinite(expected) ? Math.abs(predicted - expected) : NaN;
}

function orNull(error: number): number | null {
  return Number.isNaN(error) ? null : error;
}
