import { readFile } from "node:fs/promises";
import type { Command } from "../core/command.ts";
import { AppError } from "../core/errors.ts";
import { textTable } from "../core/text-table.ts";
import { deployFiles } from "./deploy-files.ts";
import type { PolicyRevision } from "./policy-schemas.ts";
import type { DeployResult } from "./deploy-schemas.ts";
import { deployKindOptions, readDeployKind } from "./deploy-kind.ts";
import type { Model, ModelVersion } from "./schemas.ts";

const modelPath = (name: string): string => `/api/models/${encodeURIComponent(name)}`;

const deploy: Command = {
  words: ["deploy"],
  summary: "make a model file, a server that exists or a table of predictions a served version",
  positionals: [{ name: "<file>", description: "ONNX model; a model of Python (.pkl, .joblib, .skops, .ubj, .pt); a folder with an MLmodel file; runs:/RUN/path, models:/m-ID or hf://owner/name[@revision][/folder]; http(s)://HOST:PORT of a server; a table (.parquet, .csv) to look up" }],
  options: [
    { flags: "--name <name>", description: "model to which the version belongs", required: true },
    { flags: "--reference <file>", description: "training data, .parquet or .csv, or dataset:NAME[@VERSION]: the profile that live inputs are compared with" },
    { flags: "--target <column>", description: "column of the reference data that the model predicts" },
    { flags: "--columns <names>", description: "columns in the order of the model's input vector, comma-separated" },
    { flags: "--allow-missing", description: "accept NaN in float inputs" },
    { flags: "--metric <name=value...>", description: "metrics on the evaluation set, such as auc=0.71" },
    { flags: "--revision <id>", description: "code revision that trained the model" },
    { flags: "--description <text>", description: "what the model does" },
    { flags: "--team <team>", description: "whose a new model is; default when it is left out" },
    { flags: "--no-activate", description: "load the version without giving it traffic" },
    ...deployKindOptions,
  ],
  run: async ({ api, progress }, { positionals, options }) => {
    const { name, reference, target, columns, allowMissing, revision, description, team, activate } = options as Record<string, string | undefined>;
    return deployFiles(
      api,
      {
        file: positionals[0]!,
        name: name!,
        reference,
        target,
        columns: columns?.split(",").map((column) => column.trim()),
        allowMissing: Boolean(allowMissing),
        evaluation: metricsOf(options.metric as unknown as string[] | undefined),
        codeRevision: revision,
        description,
        ...(team === undefined ? {} : { team }),
        ...((activate as unknown) === false ? { activate: false } : {}),
        ...(await readDeployKind(options)),
      },
      progress,
    );
  },
  render: ({ version, created, active, notes }: DeployResult) => {
    const { signature } = version.contract;
    const shapes = (tensors: typeof signature.inputs): string => tensors.map(({ name, datatype, shape }) => `${name} ${datatype}[${shape.join(", ")}]`).join(", ");
    return [
      `${version.model} version ${version.version} is ${created ? "registered" : "what is registered already"}${active ? " and serves" : ""}.`,
      `  takes   ${shapes(signature.inputs)}`,
      `  answers ${shapes(signature.outputs)}`,
      ...notes.map((note) => `  note    ${note}`),
    ].join("\n");
  },
};

const listModels: Command = {
  words: ["models"],
  summary: "list the models",
  run: ({ api }) => api.get("/api/models"),
  render: ({ models }: { models: (Model & { live: { requestsPerSecond: number; p95Ms: number | null } | null; served: { active: boolean; state: string }[] })[] }) =>
    models.length === 0
      ? "No models yet. Deploy one: slipway deploy model.onnx --name my-model"
      : textTable(
          ["MODEL", "CHAMPION", "LATEST", "STATE", "REQUESTS/S", "P95 MS"],
          models.map(({ name, aliases, latestVersion, served, live }) => [
            name, aliases.champion ?? "-", latestVersion ?? "-", served.find(({ active }) => active)?.state ?? "not loaded",
            live === null ? "-" : live.requestsPerSecond.toFixed(1), live?.p95Ms?.toFixed(2) ?? "-",
          ]),
        ),
};

/** The same under the word that stands beside `show`. */
const listModelsToo: Command = { ...listModels, words: ["models", "list"] };

const showModel: Command = {
  words: ["models", "show"],
  summary: "show a model's versions",
  positionals: [{ name: "<model>", description: "name of the model" }],
  run: ({ api }, { positionals }) => api.get(modelPath(positionals[0]!)),
  render: ({ model, versions, served }: { model: Model; versions: ModelVersion[]; served: { version: string; state: string; placement: string; breaker?: string | null }[] }) =>
    textTable(
      ["VERSION", "STAGE", "ALIASES", "STATE", "RUNS", "REGISTERED", "DIGEST"],
      versions.map(({ version, stage, createdAt, contract }) => {
        const loaded = served.find((candidate) => candidate.version === version);
        const aliases = Object.entries(model.aliases).flatMap(([alias, number]) => (number === version ? [alias] : []));
        const breaker = loaded?.breaker ?? "closed";
        const state = `${loaded?.state ?? "not loaded"}${breaker === "closed" ? "" : `, breaker ${breaker}`}`;
        return [version, stage, aliases.join(", ") || "-", state, loaded?.placement ?? "-", new Date(createdAt).toISOString(), contract.runtime.artifacts[0]?.digest.slice(0, 19) ?? "-"];
      }),
    ),
};

const activate: Command = {
  words: ["activate"],
  summary: "give the traffic of a model to a version, loaded and warmed first",
  positionals: [{ name: "<model>", description: "name of the model" }, { name: "<version>", description: "number of the version" }],
  run: ({ api }, { positionals }) => api.send("PUT", `${modelPath(positionals[0]!)}/aliases/champion`, { version: positionals[1] }),
  render: ({ name, aliases }: Model) => `Version ${aliases.champion} of ${name} serves.`,
};

const showPolicy: Command = {
  words: ["policy", "show"],
  summary: "show a model's policy as JSON",
  positionals: [{ name: "<model>", description: "name of the model" }],
  run: ({ api }, { positionals }) => api.get(`${modelPath(positionals[0]!)}/policy`),
  render: (revision: PolicyRevision) => JSON.stringify(revision, null, 2),
};

const setPolicy: Command = {
  words: ["policy", "set"],
  summary: "change a model's policy",
  positionals: [{ name: "<model>", description: "name of the model" }, { name: "<file>", description: "JSON file with the policy; what it leaves out takes its default" }],
  options: [{ flags: "--reason <text>", description: "why", required: true }],
  run: async ({ api }, { positionals, options }) => {
    const [model, file] = positionals as [string, string];
    const { revision } = await api.get<PolicyRevision>(`${modelPath(model)}/policy`);
    return api.send("PUT", `${modelPath(model)}/policy`, { revision, reason: options.reason, policy: await readJson(file) });
  },
  render: ({ model, revision }: PolicyRevision) => `The policy of ${model} is now at revision ${revision}.`,
};

export const registryCommands: readonly Command[] = [deploy, listModels, listModelsToo, showModel, activate, showPolicy, setPolicy];

function metricsOf(given: readonly string[] | undefined): Record<string, number> {
  return Object.fromEntries(
    (given ?? []).map((text): [string, number] => {
      const separator = text.lastIndexOf("=");
      const value = Number(text.slice(separator + 1));
      if (separator < 1 || text.length === separator + 1 || !Number.isFinite(value)) {
        throw new AppError("INVALID_REQUEST", `${text} is not a metric such as auc=0.71.`);
      }
      return [text.slice(0, separator), value];
    }),
  );
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    throw new AppError("POLICY_INVALID", `${path} is not a readable JSON file.`, { cause });
  }
}
