import { timeOfId } from "../../../core/ids.ts";
import type { PredictionEntry, PredictionFilter } from "../../../serving/index.ts";
import { decodeEntry, type EntryKey } from "./entry-codec.ts";

const smallestRing = 16 * 1024;
const evictedTogether = 512;

interface RecentRecord {
  id: string;
  version: string;
  outcome: string;
  shadowOf: string | null;
  /** Bytes that were put into the ring before it, counted from the beginning of time. */
  start: number;
  length: number;
}

/** Whether an outcome counts as `ok`: `ok` and `cached` do, codes of errors do not. */
function isOk(outcome: string): boolean {
  return outcome === "ok" || outcome === "cached";
}

/** Shadow answers count only where they are asked for. */
export function matches(filter: PredictionFilter, { id, version, outcome, shadowOf }: Omit<EntryKey, "model">): boolean {
  return (
    (filter.shadowOf === undefined ? shadowOf === null || filter.shadow === true : shadowOf === filter.shadowOf) &&
    (filter.after === undefined || id > filter.after) &&
    (filter.before === undefined || id < filter.before) &&
    (filter.version === undefined || version === filter.version) &&
    (filter.outcome === undefined || isOk(outcome) === (filter.outcome === "ok"))
  );
}

/** The newest predictions of one model as encoded bytes, in a buffer that never grows beyond its limit. */
class ModelRing {
  #buffer: Buffer;
  readonly #limit: number;
  #records: RecentRecord[] = [];
  /** Those before it are gone; they leave the array many at a time, because that copies it. */
  #first = 0;
  #end = 0;
  /** No prediction with a larger id is missing here. */
  floor: string;

  constructor(limit: number, floor: string) {
    this.#limit = limit;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(smallestRing, limit));
    this.floor = floor;
  }

  add({ id, version, outcome, shadowOf }: Omit<EntryKey, "model">, payload: Buffer): void {
    // One large prediction must not push out all the others.
    if (payload.length > this.#limit >> 3) {
      if (id > this.floor) this.floor = id;
      return;
    }
    if (this.#free() < payload.length && this.#buffer.length < this.#limit) this.#grow(payload.length);
    const room = this.#buffer.length;
    // A record does not wrap around: the rest of the buffer stays empty then.
    if ((this.#end % room) + payload.length > room) this.#end += room - (this.#end % room);
    const end = this.#end + payload.length;
    while (this.#first < this.#records.length && this.#records[this.#first]!.start < end - room) {
      const { id: gone } = this.#records[this.#first++]!;
      if (gone > this.floor) this.floor = gone;
    }
    if (this.#first > evictedTogether) {
      this.#records = this.#records.slice(this.#first);
      this.#first = 0;
    }
    payload.copy(this.#buffer, this.#end % room);
    this.#records.push({ id, version, outcome, shadowOf, start: this.#end, length: payload.length });
    this.#end = end;
  }

  /** Forgets predictions that were made before a time. */
  forget(before: number): void {
    const kept = this.#records.slice(this.#first).filter(({ id }) => {
      if (timeOfId(id) >= before) return true;
      if (id > this.floor) this.floor = id;
      return false;
    });
    this.#records = kept;
    this.#first = 0;
  }

  /** Matching predictions that are here, newest first. */
  select(filter: PredictionFilter): RecentRecord[] {
    const found = this.#records.filter((record, index) => index >= this.#first && matches(filter, record));
    return found.sort((left, right) => (left.id < right.id ? 1 : -1));
  }

  find(id: string): RecentRecord | undefined {
    const index = this.#records.findLastIndex((record) => record.id === id);
    return index >= this.#first ? this.#records[index] : undefined;
  }

  decode(record: RecentRecord): PredictionEntry {
    const start = record.start % this.#buffer.length;
    return decodeEntry(this.#buffer.subarray(start, start + record.length));
  }

  #free(): number {
    const oldest = this.#records[this.#first];
    return oldest === undefined ? this.#buffer.length : this.#buffer.length - (this.#end - oldest.start);
  }

  #grow(needed: number): void {
    const old = this.#buffer;
    const grown = Buffer.allocUnsafeSlow(Math.min(this.#limit, Math.max(old.length * 2, needed * 2)));
    let end = 0;
    this.#records = this.#records.slice(this.#first);
    this.#first = 0;
    for (const record of this.#records) {
      const start = record.start % old.length;
      old.copy(grown, end, start, start + record.length);
      record.start = end;
      end += record.length;
    }
    this.#buffer = grown;
    this.#end = end;
  }
}

/**
 * The newest predictions of every model in memory, so that a page of the console costs no disk access. Bounded: one
 * ring of bytes for each model, small until the model is busy.
 */
export class RecentPredictions {
  readonly #bytesPerModel: number;
  readonly #rings = new Map<string, ModelRing>();
  readonly #floors = new Map<string, string>();

  constructor(bytesPerModel: number) {
    this.#bytesPerModel = bytesPerModel;
  }

  /** Copies the encoded prediction. */
  add(entry: Pick<PredictionEntry, "id" | "model" | "version" | "outcome" | "assignment">, payload: Buffer): void {
    let ring = this.#rings.get(entry.model);
    if (ring === undefined) {
      ring = new ModelRing(this.#bytesPerModel, this.#floors.get(entry.model) ?? "");
      this.#rings.set(entry.model, ring);
    }
    ring.add({ id: entry.id, version: entry.version, outcome: entry.outcome, shadowOf: entry.assignment?.shadowOf ?? null }, payload);
  }

  /** Forgets a model's predictions that were made before a time; they may still be elsewhere. */
  forget(model: string, before: number): void {
    this.#rings.get(model)?.forget(before);
  }

  /** Says that predictions of a model up to this id may be elsewhere only. */
  raiseFloor(model: string, id: string): void {
    const ring = this.#rings.get(model);
    if (ring !== undefined && id > ring.floor) ring.floor = id;
    if (id > (this.#floors.get(model) ?? "")) this.#floors.set(model, id);
  }

  find(id: string): PredictionEntry | null {
    for (const ring of this.#rings.values()) {
      const record = ring.find(id);
      if (record !== undefined) return ring.decode(record);
    }
    return null;
  }

  /** Matching predictions, newest first; `complete` when memory alone answers the filter. */
  list(filter: PredictionFilter): { entries: PredictionEntry[]; complete: boolean } {
    const ring = this.#rings.get(filter.model);
    if (ring === undefined) return { entries: [], complete: !this.#floors.has(filter.model) };
    const records = ring.select(filter).slice(0, filter.limit);
    const reached = records.length === filter.limit && records[records.length - 1]!.id > ring.floor;
    // Nothing at all is missing, or nothing that the filter would let through.
    const nothingElse = ring.floor === "" || (filter.after !== undefined && ring.floor <= filter.after);
    return { entries: records.map((record) => ring.decode(record)), complete: reached || nothingElse };
  }
}
