import type { Clock, EpochMs } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { IdGenerator } from "../../core/ids.ts";
import type { SecretBox } from "../../core/secret-box.ts";
import type { UpstreamHeaders } from "./upstream-headers.ts";

/** Where sealed headers lie. */
export interface SealedHeadersStore {
  add(row: { id: string; sealed: Uint8Array; createdAt: EpochMs }): Promise<void>;
  noteArtifact(id: string, digest: string): Promise<void>;
  read(id: string): Promise<Uint8Array | null>;
  list(): Promise<{ id: string; artifact: string | null; createdAt: EpochMs }[]>;
  remove(id: string): Promise<void>;
}

export interface SealedHeadersOptions {
  store: SealedHeadersStore;
  /** Asked for at the first use: the key is read after this is made. */
  secrets: () => SecretBox;
  clock: Clock;
  ids: IdGenerator;
}

const purpose = "upstream-headers";
/** A deployment under way has written its headers and no version yet. */
const unnamedMs = 86_400_000;

/** Values of headers, sealed for the one destination that they were given for: a document with another address opens nothing. */
export class SealedHeaders implements UpstreamHeaders {
  readonly #options: SealedHeadersOptions;

  constructor(options: SealedHeadersOptions) {
    this.#options = options;
  }

  async keep(headers: Readonly<Record<string, string>>, url: string): Promise<string> {
    const { store, secrets, clock, ids } = this.#options;
    const id = ids.next("upstreamHeaders");
    await store.add({ id, sealed: secrets().seal(JSON.stringify(headers), purpose, ownerOf(id, url)), createdAt: clock.now() });
    return id;
  }

  noteArtifact(id: string, digest: string): Promise<void> {
    return this.#options.store.noteArtifact(id, digest);
  }

  async read(id: string, url: string): Promise<Record<string, string>> {
    const sealed = await this.#options.store.read(id);
    if (sealed === null) throw new AppError("SECRET_UNREADABLE", "The headers of the server upstream are not kept here any more.");
    return JSON.parse(this.#options.secrets().open(sealed, purpose, ownerOf(id, url))) as Record<string, string>;
  }

  /** Removes those that no artifact in use names; answers how many went. */
  async removeUnused(artifacts: ReadonlySet<string>, now: EpochMs): Promise<number> {
    const { store } = this.#options;
    let removed = 0;
    for (const { id, artifact, createdAt } of await store.list()) {
      if (createdAt > now - unnamedMs || (artifact !== null && artifacts.has(artifact))) continue;
      await store.remove(id);
      removed++;
    }
    return removed;
  }
}

function ownerOf(id: string, url: string): string {
  return JSON.stringify([id, url]);
}
