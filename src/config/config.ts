import { z } from "zod";

const port = z.coerce.number().int().min(0).max(65_535);

/** Every setting of the server, with the embedded default. A setting is named the same in the file, as a flag and, in capitals after SLIPWAY_, in the environment. */
export const Config = z.strictObject({
  host: z.string().default("127.0.0.1"),
  port: port.default(4400),
  /** -1 = the HTTP port plus one. */
  grpcPort: z.coerce.number().int().min(-1).max(65_535).default(-1),
  data: z.string().min(1).default("slipway-data"),
  /** Further Host values that this server answers for, with their port, comma-separated in flags and environment. */
  allowedHosts: z
    .union([z.array(z.string()), z.string().transform((text) => text.split(",").map((host) => host.trim()).filter(Boolean))])
    .default([]),
  /** Largest inference body after decompression. */
  maxInferenceBytes: z.coerce.number().int().min(1024).max(2 ** 31 - 1).default(64 * 1024 * 1024),
  bodyTimeoutMs: z.coerce.number().int().min(100).default(30_000),
  maxConnections: z.coerce.number().int().min(1).default(1000),
  /** How long kept connections are told to close before the listener closes, when the server goes down. */
  drainMs: z.coerce.number().int().min(0).default(1000),
  /** Threads of one model run; 0 lets the runtime choose. */
  intraOpThreads: z.coerce.number().int().min(0).default(0),
  logLevel: z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
});
export type Config = Readonly<z.infer<typeof Config>>;
