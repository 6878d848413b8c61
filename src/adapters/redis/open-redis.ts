import type { Clock } from "../../core/clock.ts";
import { AppError } from "../../core/errors.ts";
import { Patience } from "./patience.ts";
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
  /** How long one command may take while nothing is answered; four times as long while others are. Time in which this process did not look for answers counts a fifth of it at most. */
  commandMs?: number;
  /** How long opening waits for the first connection; later ones are made in the background. */
  connectMs?: number;
  /** Told when Redis is there and when it is gone, but not of being closed here. */
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
  /** What Redis does when its memory is full. `mostBytes`: 0 where it has no bound. */
  room(): Promise<{ policy: string; mostBytes: number }>;
  /** Called each time that a connection is made. */
  onReady(listener: () => void): void;
  close(): Promise<void>;
}

const longestPauseMs = 2000;
/** After a command without an answer: who freezes for one call freezes for the next. */
const silenceMs = 1000;

/** Loads the client and connects; connections that are lost are made again for as long as it takes. Answers also when Redis is not there yet. Throws CONFIG_INVALID for an address that is none. */
export async function openRedis({ url, clock, prefix = "slipway:", certificateAuthority, commandMs = 250, connectMs = 2000, onChange }: RedisOptions): Promise<RedisConnection> {
  if (!URL.canParse(url) || !/^rediss?:$/.test(new URL(url).protocol)) throw new AppError("CONFIG_INVALID", "The address of Redis must be redis://HOST:PORT or rediss://HOST:PORT.");
  const { createClient, ErrorReply } = await import("@redis/client");
  const client = createClient({
    url, RESP: 2, disableOfflineQueue: true, maintNotifications: "disabled",
    // More would wait than are done in time.
    commandsQueueMaxLength: 100_000,
    // The client's own limit of time ends when a command is sent, not when it is answered, and each of its signals costs more than the command.
    commandOptions: { timeout: 0 },
    socket: {
      connectTimeout: connectMs, reconnectStrategy: (retries) => Math.min(longestPauseMs, 50 * 2 ** Math.min(retries, 10)),
      ...(certificateAuthority === undefined ? {} : { tls: true as const, ca: certificateAuthority }),
    },
  });
  const listeners: (() => void)[] = [];
  let wasReady: boolean | null = null;
  let silentUntil = 0;
  let isClosing = false;
  const change = (ready: boolean, cause: unknown): void => {
    if (wasReady === ready || isClosing) return;
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

  const patience = new Patience(commandMs, () => {
    silentUntil = clock.monotonic() + silenceMs;
    return new RedisAwayError("Redis did not answer in time.");
  });

  async function ask(command: string[]): Promise<unknown> {
    if (!client.isReady) throw new RedisAwayError("There is no connection to Redis.");
    if (clock.monotonic() < silentUntil) throw new RedisAwayError("Redis did not answer a moment ago.");
    try {
      return await patience.watch(client.sendCommand(command));
    } catch (error) {
      if (error instanceof RedisAwayError) throw error;
      if (error instanceof ErrorReply && error.message.startsWith("NOSCRIPT")) throw error;
      throw new RedisAwayError("Redis could not do it.", { cause: error });
    }
  }

  const first = client.connect().then(() => undefined, (error: unknown) => change(false, error));
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([first, new Promise<void>((resolve) => { timer = setTimeout(resolve, connectMs); })]);
  clearTimeout(timer);

  return {
    prefix,
    get isReady() {
      return client.isReady;
    },
    async run(script, keys, values) {
      const given = [String(keys.length), ...keys.map((key) => prefix + key), ...values.map(String)];
      try {
        return await ask(["EVALSHA", script.sha1, ...given]);
      } catch (error) {
        if (error instanceof RedisAwayError) throw error;
        return ask(["EVAL", script.text, ...given]);
      }
    },
    get: (key) => ask(["GET", prefix + key]) as Promise<string | null>,
    async set(key, value, ttlMs) {
      await ask(["SET", prefix + key, value, "PX", String(Math.max(1, Math.round(ttlMs)))]);
    },
    async delete(key) {
      await ask(["DEL", prefix + key]);
    },
    async room() {
      const told = String(await ask(["INFO", "memory"]));
      const value = (name: string): string => new RegExp(`^${name}:(.*)$`, "m").exec(told)?.[1]?.trim() ?? "";
      return { policy: value("maxmemory_policy"), mostBytes: Number(value("maxmemory")) };
    },
    onReady: (listener) => void listeners.push(listener),
    async close() {
      isClosing = true;
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
