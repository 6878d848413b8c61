import { z } from "zod";
import { longestPath } from "./archive-path.ts";

/** One file of an archive. */
export const BackupEntry = z
  .strictObject({
    path: z.string().min(1).max(longestPath),
    bytes: z.number().int().nonnegative(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    /** Of a table. */
    rows: z.number().int().nonnegative().optional(),
  })
  .meta({ id: "BackupEntry" });
export type BackupEntry = z.infer<typeof BackupEntry>;

/** The last file of an archive, `manifest.json`: what is in it. An archive without one is not whole. */
export const BackupManifest = z
  .strictObject({
    format: z.literal(1),
    /** Of Slipway. */
    version: z.string(),
    createdAt: z.number().int().nonnegative(),
    /** Number of the last migration of the tables. */
    schema: z.number().int().positive(),
    entries: z.array(BackupEntry),
    /** What the server uses and the archive does not carry, in sentences for people. */
    notes: z.array(z.string()).optional(),
  })
  .meta({ id: "BackupManifest" });
export type BackupManifest = z.infer<typeof BackupManifest>;

export const manifestPath = "manifest.json";
/** It is read whole: room for a million files with names of usual lengths. */
export const maxManifestBytes = 256 << 20;
