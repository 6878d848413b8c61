import { isAbsolute, resolve } from "node:path";
import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { followToEnd, type WorkflowRun } from "../workflows/index.ts";
import type { ImportKind, ImportReport } from "./schemas.ts";

const commandOf = (kind: ImportKind, summary: string, from: string): Command => ({
  words: ["import", kind],
  summary,
  options: [
    { flags: "--from <source>", description: from, required: true },
    ...(kind === "mlflow" ? [{ flags: "--artifacts <folders...>", description: "further folders of the server's machine below which artifacts may be read" }] : []),
    { flags: "--experiments <names...>", description: "only these experiments, and no registered models" },
    { flags: "--team <team>", description: "whose new experiments and models become; default when it is left out" },
    { flags: "--dry-run", description: "count what would come, write nothing" },
    { flags: "--detach", description: "do not wait for its end" },
  ],
  run: async (context, { options }) => {
    const { from: source, team } = options as Record<string, string | undefined>;
    const { experiments, artifacts } = options as unknown as Record<string, string[] | undefined>;
    const { run } = await context.api.send<{ run: WorkflowRun }>("POST", "/api/imports", {
      kind, from: sourceFor(source!, context.api.baseUrl), experiments, artifacts: artifacts?.map((folder) => pathFor(folder, context.api.baseUrl)), team, dryRun: options.dryRun === true,
    });
    if (options.detach === true) return { run: run.id };
    const ended = await followToEnd(context.api, run.id, context.progress);
    if (ended.state !== "succeeded") {
      throw new AppError("STEP_FAILED", `The import ${run.id} is ${ended.state}: ${ended.error?.message ?? "nothing more is known"} It goes on where it was with: slipway workflows retry ${run.id}`);
    }
    return { run: run.id, ...(await context.api.get<ImportReport>(`/api/imports/${encodeURIComponent(run.id)}/report`)) };
  },
  render: (result: { run: string } | ({ run: string } & ImportReport)) =>
    "counts" in result ? `${reportText(result)}\nAgain: slipway import report ${result.run}` : `${result.run} is started. Its report when it has ended: slipway import report ${result.run}`,
});

const report: Command = {
  words: ["import", "report"],
  summary: "what an import brought, what it could not, and why",
  positionals: [{ name: "<run>", description: "run id of the import" }],
  run: ({ api }, { positionals }) => api.get(`/api/imports/${encodeURIComponent(positionals[0]!)}/report`),
  render: (result: ImportReport) => reportText(result),
};

export const importCommands: readonly Command[] = [
  commandOf("mlflow", "bring the experiments, runs and models of an MLflow store over", "sqlite:///FILE, the URL of an MLflow server, or a folder mlruns; files are those of the server's machine"),
  commandOf("wandb", "bring the offline runs of W&B over", "a folder wandb, on the server's machine"),
  report,
];

/** Short for people: what came, then what did not. */
function reportText({ dryRun, counts, notes, furtherNotes }: ImportReport): string {
  const rows = Object.entries(counts).map(([kind, count]) => [String(count), kind]);
  const head = dryRun ? "Nothing was written. There are:" : "What came:";
  const lines = rows.length === 0 ? ["Nothing came."] : [head, textTable(["COUNT", "KIND"], rows)];
  if (notes.length > 0) lines.push("", "What to know:", ...notes.map(({ object, why }) => `  ${object}: ${why}`));
  if (furtherNotes > 0) lines.push(`  and ${furtherNotes} more of the kind`);
  return lines.join("\n");
}

/** Paths are relative to where the command is run, as people expect; a server elsewhere would read another file. */
function sourceFor(source: string, baseUrl: string): string {
  if (/^https?:\/\//i.test(source)) return source;
  const file = /^sqlite:\/\/\/(.*)$/is.exec(source)?.[1];
  return file === undefined ? pathFor(source, baseUrl) : `sqlite:///${pathFor(file, baseUrl)}`;
}

function pathFor(path: string, baseUrl: string): string {
  if (isAbsolute(path)) return path;
  if (isLocal(baseUrl)) return resolve(path);
  throw new AppError("INVALID_REQUEST", `${path} is relative, and the server is on another machine: give the absolute path of the file there, after copying it.`);
}

function isLocal(baseUrl: string): boolean {
  const { hostname } = new URL(baseUrl);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
