import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import type { RedisScript } from "./redis-script.ts";

/** Redis did not do it, or nobody knows whether it did. */
export class RedisAwayError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "RedisAwayError";
  }
}

export interface RedisOptions {
  /** `redis://` or, over TLS, `rediss://`: `[[user][:password]@]host[:port][/database]`. */
  url: string;
  clock: Clock;
  /** Stands before every key, so that others may share the database. */
  prefix?: string;
  /** For `rediss:`: certificates, in PEM, of who may have signed that of Redis; those that Node trusts where it is not said. */
  certificateAuthority?: string;
  /** How long one command may take. Time in which this process did not look for answers counts a fifth of it at most. */
  commandMs?: number;
  /** How long opening waits for the first connection; later ones are made in the background. */
  connectMs?: number;
  /** Told when Redis is there and when it is gone. */
  onChange?: (change: { ready: boolean; cause: unknown }) => void;
}

/** What the stores need of Redis. Each call fails with RedisAwayError within `commandMs`, at once while there is no connection or the last command got no answer a second ago. */
export interface RedisConnection {
  readonly prefix: string;
  readonly isReady: boolean;
  /** Arguments arrive as text. */
  run(script: RedisScript, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown>;
  get(key: string): Promise<string | null>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Called each time that a connection is made. */
  onReady(listener: () => void): void;
  close(): Promise<void>;
}

const longestPauseMs = 2000;
/** After a command without an answer: who freezes for one call freezes for the next. */
const silenceMs = 1000;
/** Patience is spent in parts, each of which counts no more than itself: while this process was too busy to send or to read, an answer was not late. */
const patienceSlices = 5;

/** Loads the client and connects; connections that are lost are made again for as long as it takes. Answers also when Redis is not there yet. Throws CONFIG_INVALID for an address that is none. */
export async function openRedis({ url, clock, prefix = "slipway:", certificateAuthority, commandMs = 250, connectMs = 2000, onChange }: RedisOptions): Promise<RedisConnection> {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) throw new AppError("CONFIG_INVALID", "The address of Redis must be redis://HOST:PORT or rediss://HOST:PORT.");
  const { createClient, ErrorReply } = await import("@redis/client");
  const client = createClient({
    url, RESP: 2, disableOfflineQueue: true, maintNotifications: "disabled",
    // More would wait than are done in time.
    commandsQueueMaxLength: 100_000,
    socket: {
      connectTimeout: connectMs, reconnectStrategy: (retries) => Math.min(longestPauseMs, 50 * 2 ** Math.min(retries, 10)),
      ...(certificateAuthority === undefined ? {} : { tls: true as const, ca: certificateAuthority }),
    },
  });
  const listeners: (() => void)[] = [];
  let wasReady: boolean | null = null;
  let silentUntil = 0;
  const change = (ready: boolean, cause: unknown): void => {
    if (wasReady === ready) return;
    wasReady = ready;
    onChange?.({ ready, cause });
  };
  client.on("error", (error: unknown) => change(false, error));
  client.on("end", () => change(false, null));
  client.on("ready", () => {
    silentUntil = 0;
    change(true, null);
    for (const listener of listeners) listener();
  });

  async function ask<Value>(command: () => Promise<Value>): Promise<Value> {
    if (!client.isReady) throw new RedisAwayError("There is no connection to Redis.");
    if (clock.monotonic() < silentUntil) throw new RedisAwayError("Redis did not answer a moment ago.");
    let timer: NodeJS.Timeout | undefined;
    // The client's own limit of time ends when a command is sent, not when it is answered.
    const silence = new Promise<never>((_, reject) => {
      let slicesLeft = patienceSlices;
      const wait = (): void => {
        timer = setTimeout(() => {
          if (--slicesLeft > 0) return wait();
          silentUntil = clock.monotonic() + silenceMs;
          reject(new RedisAwayError("Redis did not answer in time."));
        }, commandMs / patienceSlices);
      };
      wait();
    });
    try {
      return await Promise.race([command(), silence]);
    } catch (error) {
      if (error instanceof RedisAwayError) throw error;
      if (error instanceof ErrorReply && error.message.startsWith("NOSCRIPT")) throw error;
      throw new RedisAwayError("Redis could not do it.", { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  const first = client.connect().then(() => undefined, (error: unknown) => change(false, error));
  let patience: NodeJS.Timeout | undefined;
  await Promise.race([first, new Promise<void>((resolve) => { patience = setTimeout(resolve, connectMs); })]);
  clearTimeout(patience);

  return {
    prefix,
    get isReady() {
      return client.isReady;
    },
    async run(script, keys, values) {
      const given = { keys: keys.map((key) => prefix + key), arguments: values.map(String) };
      try {
        return await ask(() => client.evalSha(script.sha1, given));
      } catch (error) {
        if (error instanceof RedisAwayError) throw error;
        return ask(() => client.eval(script.text, given));
      }
    },
    get: (key) => ask(() => client.get(prefix + key)),
    async set(key, value, ttlMs) {
      await ask(() => client.set(prefix + key, value, { expiration: { type: "PX", value: Math.max(1, Math.round(ttlMs)) } }));
    },
    async delete(key) {
      await ask(() => client.del(prefix + key));
    },
    onReady: (listener) => void listeners.push(listener),
    async close() {
      if (client.isReady) {
        // It waits for the answers of what is under way, which a frozen Redis never gives.
        const cut = setTimeout(() => client.destroy(), commandMs);
        await client.close().catch(() => undefined);
        clearTimeout(cut);
      }
      if (client.isOpen) client.destroy();
      await first;
    },
  };
}
