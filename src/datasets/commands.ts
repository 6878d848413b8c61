import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { addDataset } from "./add-dataset.ts";
import type { DatasetVersion, DatasetVersionSummary, HeldDataset } from "./schemas.ts";

const datasetPath = (name: string): string => `/api/datasets/${encodeURIComponent(name)}`;
const count = (value: number): string => value.toLocaleString("en");

const list: Command = {
  words: ["datasets"],
  summary: "list the datasets",
  run: async ({ api }) => {
    const datasets: HeldDataset[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const page: { datasets: HeldDataset[]; next: string | null } = await api.get("/api/datasets", { after, limit: 500 });
      datasets.push(...page.datasets);
      after = page.next;
    }
    return { datasets };
  },
  render: ({ datasets }: { datasets: HeldDataset[] }) =>
    datasets.length === 0
      ? "No datasets yet. Add one: slipway datasets add data.parquet --name my-data"
      : textTable(["DATASET", "LATEST", "TEAM", "CHANGED", "DESCRIPTION"], datasets.map(({ name, latestVersion, team, updatedAt, description }) => [name, String(latestVersion), team, new Date(updatedAt).toISOString(), description])),
};

/** The same under the word that stands beside `show`. */
const listToo: Command = { ...list, words: ["datasets", "list"] };

const show: Command = {
  words: ["datasets", "show"],
  summary: "show a dataset's versions and the columns of the latest",
  namesKeys: true,
  positionals: [{ name: "<dataset>", description: "name of the dataset" }],
  run: ({ api }, { positionals }) => api.get(datasetPath(positionals[0]!)),
  render: ({ versions }: { dataset: HeldDataset; versions: DatasetVersionSummary[] }) =>
    [
      textTable(
        ["VERSION", "ROWS", "FORMAT", "BYTES", "TARGET", "ADDED", "BY", "DIGEST"],
        versions.map(({ version, rows, format, bytes, target, createdAt, owner, digest }) => [String(version), count(rows), format, count(bytes), target ?? "-", new Date(createdAt).toISOString(), owner, digest.slice(0, 19)]),
      ),
      textTable(["COLUMN", "KIND"], (versions[0]?.columns ?? []).map(({ name, kind }) => [name, kind])),
    ].join("\n\n"),
};

const add: Command = {
  words: ["datasets", "add"],
  summary: "add a file as the next version of a dataset",
  positionals: [{ name: "<file>", description: "table, .parquet or .csv" }],
  options: [
    { flags: "--name <name>", description: "dataset to which the version belongs; it is made where it is not there", required: true },
    { flags: "--target <column>", description: "column that models are to predict" },
    { flags: "--source <text>", description: "where the data is from" },
    { flags: "--description <text>", description: "what the dataset holds" },
    { flags: "--team <team>", description: "whose a new dataset is; default when it is left out" },
  ],
  run: ({ api, progress }, { positionals, options }) => {
    const { name, target, source, description, team } = options as Record<string, string | undefined>;
    if (name === undefined) throw new AppError("INVALID_REQUEST", "Name the dataset with --name.");
    return addDataset(api, { file: positionals[0]!, name, target, source, description, team }, progress);
  },
  render: ({ version: { dataset, version, rows, columns }, created }: { version: DatasetVersion; created: boolean }) =>
    `Version ${version} of ${dataset} is ${created ? "added" : "what is there already"}: ${count(rows)} ${rows === 1 ? "row" : "rows"} of ${count(columns.length)} ${columns.length === 1 ? "column" : "columns"}.`,
};

const remove: Command = {
  words: ["datasets", "rm"],
  summary: "remove a dataset with all versions",
  positionals: [{ name: "<dataset>", description: "name of the dataset" }],
  run: ({ api }, { positionals }) => api.send("DELETE", datasetPath(positionals[0]!)),
  render: ({ name }: HeldDataset) => `The dataset ${name} is removed.`,
};

export const datasetCommands: readonly Command[] = [list, listToo, show, add, remove];
