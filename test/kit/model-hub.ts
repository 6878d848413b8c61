import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Files of a repository by path; `large` ones are answered by another host, as those that git itself does not keep. */
export type HubFiles = Readonly<Record<string, { content: Uint8Array | string; large?: boolean }>>;

export interface HubRequest {
  host: string;
  url: string;
  authorization: string | undefined;
}

/**
 * Speaks the part of the Hugging Face hub's interface that clients load models by: the list of a revision's files with their hashes, and the files,
 * the large ones by a redirect to another origin. `huggingface_hub` 0.36 (`snapshot_download`) and 2.4 (`model_info`, `hf_hub_download`) read from it, which is
 * how its answers were checked.
 */
export class ModelHub {
  readonly requests: HubRequest[] = [];
  /** `owner/name` to files. */
  readonly repositories = new Map<string, HubFiles>();
  /** Repositories that only this token may read. */
  readonly gated = new Map<string, string>();
  /** Changes bytes on their way, by path. */
  readonly spoiled = new Map<string, Uint8Array>();
  readonly #hub = createServer((request, response) => this.#answer(request, response));
  readonly #store = createServer((request, response) => this.#answerLarge(request, response));

  /** The same for the same files. */
  static commitOf(files: HubFiles): string {
    return createHash("sha1").update(JSON.stringify(Object.entries(files).map(([path, { content }]) => [path, Buffer.from(content).toString("hex")]))).digest("hex");
  }

  async listen(): Promise<string> {
    for (const server of [this.#hub, this.#store]) await once(server.listen(0, "127.0.0.1"), "listening");
    return `http://127.0.0.1:${portOf(this.#hub)}`;
  }

  async close(): Promise<void> {
    await Promise.all([this.#hub, this.#store].map((server) => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    })));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = this.#note(request);
    const api = /^\/api\/models\/([^/]+\/[^/]+)(?:\/revision\/([^/]+))?$/.exec(url.pathname);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
    const name = api?.[1] ?? file?.[1] ?? "";
    const files = this.repositories.get(name);
    const needed = this.gated.get(name);
    if (files === undefined || (needed !== undefined && request.headers.authorization !== `Bearer ${needed}`)) {
      return void response.writeHead(401, { "x-error-code": "RepoNotFound" }).end(JSON.stringify({ error: "Invalid username or password." }));
    }
    const sha = ModelHub.commitOf(files);
    if (![undefined, "main", "v1", sha].includes(decodeURIComponent(api?.[2] ?? file?.[2] ?? "main"))) return void response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end("{}");
    if (api !== null) {
      const siblings = Object.entries(files).map(([path, { content, large }]) => ({
        rfilename: path, size: Buffer.byteLength(content), blobId: gitHash(content),
        ...(large === true ? { lfs: { sha256: sha256(content), size: Buffer.byteLength(content), pointerSize: 131 } } : {}),
      }));
      return void response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: name, modelId: name, sha, private: false, gated: false, tags: [], siblings }));
    }
    const path = decodeURIComponent(file![3]!);
    const found = files[path];
    if (found === undefined) return void response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
    const head = { "x-repo-commit": sha, etag: `"${found.large === true ? sha256(found.content) : gitHash(found.content)}"` };
    if (found.large === true) {
      const place = `http://127.0.0.1:${portOf(this.#store)}/${name}/${encodeURIComponent(path)}`;
      const linked = { "x-linked-size": String(Buffer.byteLength(found.content)), "x-linked-etag": `"${sha256(found.content)}"` };
      return void response.writeHead(302, { ...head, ...linked, location: place }).end();
    }
    this.#send(response, path, found.content, head, request.method);
  }

  #answerLarge(request: IncomingMessage, response: ServerResponse): void {
    const [, owner, name, path] = this.#note(request).pathname.split("/").map(decodeURIComponent);
    const found = this.repositories.get(`${owner}/${name}`)?.[path ?? ""];
    if (found === undefined) return void response.writeHead(404).end();
    this.#send(response, path!, found.content, {}, request.method);
  }

  #send(response: ServerResponse, path: string, content: Uint8Array | string, head: Record<string, string>, method?: string): void {
    const sent = this.spoiled.get(path) ?? Buffer.from(content);
    response.writeHead(200, { ...head, "content-length": String(sent.length) }).end(method === "HEAD" ? undefined : sent);
  }

  #note({ headers, url }: IncomingMessage): URL {
    this.requests.push({ host: headers.host!, url: url!, authorization: headers.authorization });
    return new URL(url!, "http://hub");
  }
}

function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

function sha256(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** As `git hash-object` has it. */
function gitHash(content: Uint8Array | string): string {
  return createHash("sha1").update(`blob ${Buffer.byteLength(content)}\0`).update(content).digest("hex");
}
