import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "./core/command.ts";
import { counted } from "./core/counted.ts";
import { AppError } from "./core/errors.ts";
import type { DoctorResult } from "./doctor/index.ts";
import type { MoveReport } from "./move.ts";
import type { RestoreReport } from "./restore.ts";

const mebibyte = 1 << 20;

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

interface BackupReport {
  file: string;
  bytes: number;
  /** SHA-256 of the archive, to compare a copy with. */
  sha256: string;
  files: number;
  rows: number;
  /** What the server uses and the archive does not carry. */
  notes: string[];
}

interface DoctorReport {
  /** Null when it is this machine that was looked at. */
  server: string | null;
  checks: DoctorResult[];
}

const marks = { ok: "ok     ", warning: "WARNING", problem: "PROBLEM", skipped: "-      " } as const;

/** Commands that work on files of this machine, beside or without a server. What they need is loaded when one runs. */
export const localCommands: Command[] = [
  {
    words: ["backup"],
    summary: "take a backup of the running server: tables, artifacts and the prediction log",
    positionals: [{ name: "<file>", description: "archive to write (tar); must not be there yet" }],
    run: async ({ api, progress }, { positionals: [file] }): Promise<BackupReport> => {
      if ((await stat(file!).catch(() => null)) !== null) throw new AppError("INVALID_REQUEST", `${file} is there already.`);
      const partial = `${file}.partial`;
      const hash = createHash("sha256");
      let bytes = 0;
      let told = 0;
      try {
        const archive = await api.download("POST", "/api/backup");
        const counted = async function* (): AsyncGenerator<Uint8Array> {
          for await (const chunk of archive) {
            hash.update(chunk);
            bytes += chunk.length;
            if (bytes - told >= 64 * mebibyte) progress(`${megabytes((told = bytes))} written`);
            yield chunk;
          }
        };
        await pipeline(Readable.from(counted()), createWriteStream(partial, { flags: "wx", mode: 0o600, flush: true })).catch((cause: unknown) => {
          throw new AppError("BACKUP_INVALID", "The archive could not be written whole.", { cause });
        });
        progress("Verifying what was written.");
        const { readAndCheck } = await import("./restore.ts");
        const { entries, notes = [] } = await readAndCheck(partial);
        await rename(partial, file!);
        progress("The key of secrets at rest (secret.key, SLIPWAY_SECRET_KEY) is not in it: keep that elsewhere.");
        for (const note of notes) progress(note);
        return { file: file!, bytes, sha256: hash.digest("hex"), files: entries.length, rows: entries.reduce((sum, entry) => sum + (entry.rows ?? 0), 0), notes };
      } finally {
        await rm(partial, { force: true });
      }
    },
    render: ({ file, bytes, sha256, files, rows }: BackupReport) => `${file}: ${megabytes(bytes)}, ${counted(files, "file")}, ${counted(rows, "row")}, sha256 ${sha256}`,
  },
  {
    words: ["doctor"],
    summary: "what is wrong with this installation, and what to do: the running server's view, or this machine's when none answers",
    options: [
      { flags: "--data <directory>", description: "data directory to look at when no server answers" },
      { flags: "--config <file>", description: "settings to look at when no server answers" },
    ],
    run: async ({ api, progress }, { options }): Promise<DoctorReport> => {
      try {
        return { server: api.baseUrl, ...(await api.get<{ checks: DoctorResult[] }>("/api/doctor")) };
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== "SERVER_UNREACHABLE") throw error;
        progress(`No server answers at ${api.baseUrl}; these are checks of this machine.`);
        return { server: null, checks: await (await import("./doctor.ts")).examineMachine(options) };
      }
    },
    render: ({ checks }: DoctorReport) =>
      [
        ...checks.map(({ name, state, finding, advice }) => `${marks[state]} ${name}: ${finding}${advice === "" ? "" : `\n    ${advice}`}`),
        "",
        `${checks.filter(({ state }) => state === "problem").length} problems, ${checks.filter(({ state }) => state === "warning").length} warnings.`,
      ].join("\n"),
  },
  {
    words: ["restore"],
    summary: "bring a backup back into an empty data directory, with no server running",
    positionals: [{ name: "<file>", description: "archive that `slipway backup` wrote" }],
    options: [
      { flags: "--data <directory>", description: "data directory to make", required: true },
      { flags: "--database-url <url>", description: "empty Postgres database to fill instead of SQLite" },
    ],
    run: async ({ progress }, { positionals: [file], options }) =>
      (await import("./restore.ts")).restoreBackup({ archive: file!, data: String(options.data), databaseUrl: options.databaseUrl as string | undefined }, progress),
    render: ({ data, takenAt, files, rows, bytes }: RestoreReport) =>
      `${data} is as it was at ${takenAt}: ${counted(files, "file")}, ${counted(rows, "row")}, ${megabytes(bytes)}. Start it with: slipway up --data ${data}`,
  },
  {
    words: ["move"],
    summary: "move the tables of a data directory from SQLite to Postgres, with no server running",
    options: [
      { flags: "--to <url>", description: "empty Postgres database, postgres://user:password@host/name", required: true },
      { flags: "--data <directory>", description: "data directory that holds the SQLite database", default: "slipway-data" },
    ],
    run: async ({ progress }, { options }) => (await import("./move.ts")).moveDatabase({ to: String(options.to), data: String(options.data) }, progress),
    render: ({ data, tables, rows }: MoveReport) =>
      `${counted(rows, "row")} of ${counted(tables, "table")} ${rows === 1 ? "is" : "are"} in Postgres, compared one by one. Start with: SLIPWAY_DATABASE_URL=... slipway up --data ${data}`,
  },
];
