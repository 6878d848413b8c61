import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { z } from "zod";
import type { EgressClient, EgressStream } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import type { Artifact, BlobStore } from "../../registry/index.ts";
import { pinnedAddress, type HubAddress } from "./hub-address.ts";

/** Until an answer begins, and between its pieces. */
const silenceMs = 60_000;
const maxRedirects = 5;
const maxListBytes = 64 << 20;
/** Sum of the files of one version. */
const maxBytes = 2 ** 38;

/** What `GET /api/models/:repository/revision/:revision?blobs=true` says of a repository. */
const Listing = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(
    z.object({
      rfilename: z.string().min(1).max(4096),
      size: z.number().int().nonnegative().nullish(),
      blobId: z.string().nullish(),
      lfs: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int().nonnegative() }).nullish(),
    }),
  ),
});
type ListedFile = z.infer<typeof Listing>["siblings"][number];

export interface HubRepositoryParts {
  egress: EgressClient;
  blobs: BlobStore;
  /** Such as https://huggingface.co. */
  url: string;
  /** Which of the files of a folder make its model; why none do, where it is known. */
  select: (paths: readonly string[]) => { wanted: ReadonlySet<string>; why?: string };
  /** Sent to this host alone, never to those that it redirects to. */
  token: string | undefined;
}

/** Models in repositories of the Hugging Face hub, or of a mirror that speaks as it does. */
export class HubRepository {
  readonly #parts: HubRepositoryParts;

  constructor(parts: HubRepositoryParts) {
    this.#parts = { ...parts, url: parts.url.replace(/\/+$/, "") };
  }

  /**
   * Brings what is needed of a model into the blob store, each file checked against the hash that the repository gives. Paths are relative
   * to the address's folder. Throws MODEL_SOURCE_INVALID where nothing is there, or not for this token; EGRESS_FAILED, EGRESS_REFUSED.
   */
  async read(address: HubAddress): Promise<{ files: Artifact[]; commit: string; source: string }> {
    const { sha: commit, siblings } = await this.#list(address);
    const folder = address.path === "" ? "" : `${address.path}/`;
    const exact = siblings.find(({ rfilename }) => rfilename === address.path);
    const within = exact === undefined ? siblings.filter(({ rfilename }) => rfilename.startsWith(folder)) : [exact];
    const nameOf = ({ rfilename }: ListedFile): string => (exact === undefined ? rfilename.slice(folder.length) : rfilename.split("/").at(-1)!);
    const { wanted, why } = this.#parts.select(within.map(nameOf));
    const chosen = within.filter((file) => wanted.has(nameOf(file)));
    if (chosen.length === 0) throw new AppError("MODEL_SOURCE_INVALID", `${named(address)} ${why ?? "has no file that can be told to be a model: MLmodel, or one in ONNX, skops, joblib, pickle, XGBoost or TorchScript."}`);
    if (chosen.reduce((sum, { size }) => sum + (size ?? 0), 0) > maxBytes) throw new AppError("MODEL_SOURCE_INVALID", `${named(address)} has more than ${maxBytes} bytes to read.`);
    const files: Artifact[] = [];
    for (const file of chosen) files.push({ path: nameOf(file), ...(await this.#file(address, commit, file)) });
    return { files, commit, source: pinnedAddress(address, commit) };
  }

  async #list(address: HubAddress): Promise<z.infer<typeof Listing>> {
    const { url } = this.#parts;
    const answer = await this.#open(address, `${url}/api/models/${address.repository}/revision/${encodeURIComponent(address.revision)}?blobs=true`);
    const pieces: Uint8Array[] = [];
    let length = 0;
    for await (const piece of answer.body) {
      if ((length += piece.length) > maxListBytes) throw new AppError("MODEL_SOURCE_INVALID", `${named(address)} has too many files to be read.`);
      pieces.push(piece);
    }
    let listing: unknown;
    try {
      listing = JSON.parse(Buffer.concat(pieces).toString());
    } catch {
      listing = null;
    }
    const read = Listing.safeParse(listing);
    if (!read.success) throw new AppError("EGRESS_FAILED", `The hub answered for ${named(address)} with something else than a list of files.`, { cause: read.error });
    return read.data;
  }

  async #file(address: HubAddress, commit: string, { rfilename, size, lfs, blobId }: ListedFile): Promise<{ digest: string; bytes: number }> {
    const { url, blobs } = this.#parts;
    const expected = lfs === null || lfs === undefined ? undefined : `sha256:${lfs.sha256}`;
    if (expected !== undefined && (await blobs.has(expected))) return { digest: expected, bytes: lfs!.size };
    const answer = await this.#open(address, `${url}/${address.repository}/resolve/${commit}/${rfilename.split("/").map(encodeURIComponent).join("/")}`);
    // Files that git itself keeps are named by the hash that git gives them: SHA-1 over a head and the content.
    const git = typeof blobId === "string" && typeof size === "number" && expected === undefined ? createHash("sha1").update(`blob ${size}\0`) : null;
    async function* content(): AsyncGenerator<Uint8Array> {
      for await (const piece of answer.body) {
        git?.update(piece);
        yield piece;
      }
      if (git !== null && git.digest("hex") !== blobId) throw differs(address, rfilename);
    }
    try {
      return await blobs.put(Readable.from(content(), { objectMode: false }), { ...(expected === undefined ? {} : { expectedDigest: expected }), maxBytes });
    } catch (error) {
      throw error instanceof AppError && error.code === "DIGEST_MISMATCH" ? differs(address, rfilename) : error;
    } finally {
      answer.close();
    }
  }

  /** Follows redirects, each judged as the first address was. */
  async #open(address: HubAddress, first: string): Promise<EgressStream> {
    const { egress, token } = this.#parts;
    const { origin } = new URL(first);
    let url = first;
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const known = token !== undefined && new URL(url).origin === origin;
      const answer = await egress.open({ method: "GET", url, headers: { accept: "*/*", "user-agent": "Slipway", ...(known ? { authorization: `Bearer ${token}` } : {}) }, body: null, timeoutMs: silenceMs });
      if (answer.status === 200) return answer;
      answer.close();
      const { status, headers: { location } } = answer;
      if (status >= 300 && status < 400 && location !== undefined && URL.canParse(location, url)) url = new URL(location, url).href;
      else throw refusal(address, status, token !== undefined);
    }
    throw new AppError("EGRESS_FAILED", `The hub redirects more than ${maxRedirects} times.`);
  }
}

function refusal(address: HubAddress, status: number, hasToken: boolean): AppError {
  if (status === 401 || status === 403 || status === 404) {
    const advice = hasToken ? "or the token of the setting hubToken may not read it" : "or it is private or gated: then the setting hubToken must hold a token that may read it";
    return new AppError("MODEL_SOURCE_INVALID", `The hub has no ${named(address)}, ${advice}.`);
  }
  return new AppError("EGRESS_FAILED", `The hub answered ${status} for ${named(address)}.`);
}

function differs(address: HubAddress, file: string): AppError {
  return new AppError("EGRESS_FAILED", `The file ${file.slice(0, 300)} of ${named(address)} did not arrive as the hub describes it.`);
}

function named({ repository, revision }: HubAddress): string {
  return `${repository}@${revision.slice(0, 100)}`;
}
