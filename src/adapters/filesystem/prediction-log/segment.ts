import { segmentMagic } from "./segment-file.ts";

/** What of one model is in a segment. */
export interface ModelRange {
  minId: string;
  maxId: string;
  versions: Set<string>;
}

/**
 * One segment file as the process knows it: what may be read of it, and whose predictions it holds, so that a search
 * passes over the segments that cannot have what it looks for.
 */
export class Segment {
  readonly id: string;
  readonly path: string;
  /** End of the last acknowledged frame; nothing behind it is ever read. */
  bytes = segmentMagic.length;
  entries = 0;
  readonly models = new Map<string, ModelRange>();
  /** Conversions that failed so far. */
  failures = 0;
  /** Monotonic time of the next conversion. */
  retryAt = 0;
  /** True when conversions were given up: it stays readable, and the next start tries again. */
  setAside = false;

  constructor(id: string, path: string) {
    this.id = id;
    this.path = path;
  }

  add(id: string, model: string, version: string): void {
    this.entries++;
    const range = this.models.get(model);
    if (range === undefined) this.models.set(model, { minId: id, maxId: id, versions: new Set([version]) });
    else {
      if (id < range.minId) range.minId = id;
      if (id > range.maxId) range.maxId = id;
      range.versions.add(version);
    }
  }

  mayHold(id: string): boolean {
    for (const range of this.models.values()) if (range.minId <= id && id <= range.maxId) return true;
    return false;
  }
}
