import type { z } from "zod";
import type { ApiKey, KeyRequest, KeyRotation, NewKey } from "../access/index.ts";
import type { ApiClient } from "../core/api-client.ts";

/** Keys of a running Slipway: `client.keys`. */
export class KeysClient {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** Makes a key; the answer is the only one that has it. */
  create(request: z.input<typeof KeyRequest>): Promise<NewKey> {
    return this.#api.send("POST", "/api/keys", request);
  }

  /** Those that the caller made, is, or administers; newest first. */
  async list(): Promise<ApiKey[]> {
    return (await this.#api.get<{ keys: ApiKey[] }>("/api/keys")).keys;
  }

  /** Gives the key a new secret under the same id, so that its limits and spend stay; the answer is the only one that has it. The former one works for `graceSeconds`. */
  rotate(id: string, rotation: z.input<typeof KeyRotation> = {}): Promise<NewKey> {
    return this.#api.send("POST", `/api/keys/${encodeURIComponent(id)}/rotate`, rotation);
  }

  /** Ends the key at once. */
  revoke(id: string): Promise<ApiKey> {
    return this.#api.send("DELETE", `/api/keys/${encodeURIComponent(id)}`);
  }
}
