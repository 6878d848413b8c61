import { readFile } from "node:fs/promises";
import type { AnswerMemory } from "../../core/answer-memory.ts";
import type { Clock } from "../../core/clock.ts";
import type { EgressClient } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { UpstreamDocument, type Contract } from "../../registry/index.ts";
import type { LightRunners, ModelRunner, ModelRuntime } from "../../serving/versions/model-runtime.ts";
import type { UpstreamHeaders } from "./upstream-headers.ts";
import { UpstreamRunner } from "./upstream-runner.ts";
import { UpstreamServer } from "./upstream-server.ts";

export interface UpstreamRuntimeOptions {
  egress: EgressClient;
  /** Without it the answers under way have no bound together. */
  answers?: AnswerMemory;
  headers: Pick<UpstreamHeaders, "read">;
  clock: Clock;
  logger: Logger;
  health?: { everyMs: number; firstRetryMs: number };
}

interface Shared {
  server: Promise<UpstreamServer>;
  users: number;
}

/**
 * Versions that are answered by servers elsewhere. A version starts also while its server is away: it is ready as soon as that one is. The runners of one
 * version share what is known of its server.
 */
export class UpstreamRuntime implements ModelRuntime {
  readonly kind = "upstream";
  readonly #options: UpstreamRuntimeOptions;
  readonly #servers = new Map<string, Shared>();

  constructor(options: UpstreamRuntimeOptions) {
    this.#options = options;
  }

  lightRunners({ runtime }: Contract): LightRunners {
    return { count: runtime.upstream?.requestsAtOnce ?? 1, joinsRequests: runtime.upstream?.joinRequests ?? false };
  }

  /** Rejects with VERSION_FAILED for a document that cannot be read, SECRET_UNREADABLE. */
  async start(path: string, contract: Contract): Promise<ModelRunner> {
    const { model, version, signature } = contract;
    const key = JSON.stringify([model, version, path]);
    let shared = this.#servers.get(key);
    if (shared === undefined) this.#servers.set(key, (shared = { server: this.#open(path, { model, version }), users: 0 }));
    shared.users++;
    const release = (): void => {
      if (--shared.users > 0) return;
      if (this.#servers.get(key) === shared) this.#servers.delete(key);
      shared.server.then(({ health }) => health.stop(), () => undefined);
    };
    try {
      const server = await shared.server;
      await server.health.begin();
      return new UpstreamRunner(server, signature, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  inlineAllowed(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async #open(path: string, logFields: Readonly<Record<string, unknown>>): Promise<UpstreamServer> {
    const { headers, ...rest } = this.#options;
    const document = await readDocument(path);
    const secrets = document.secrets === null ? {} : await headers.read(document.secrets.id, document.url);
    return new UpstreamServer({ ...rest, document, headers: secrets, logFields: { ...logFields, url: document.url, protocol: document.protocol } });
  }
}

/** Throws VERSION_FAILED. */
export async function readDocument(path: string): Promise<UpstreamDocument> {
  try {
    return UpstreamDocument.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw new AppError("VERSION_FAILED", "What the version says of its server upstream cannot be read.", { cause });
  }
}
