import { Readable } from "node:stream";
import type { EgressAnswer, EgressClient } from "../../core/egress.ts";
import { AppError } from "../../core/errors.ts";
import type { ImportSource, SourceArtifacts, SourceExperiment, SourceFile, SourceLoggedModel, SourceModel, SourcePage, SourceRun } from "../../importing/import-source.ts";
import type { LoggedModelStatus, Metric, Tag } from "../../tracking/schemas.ts";
import { lifecycleOf, loggedModelOf, numberOf, runStatusOf, textOf } from "./mlflow-values.ts";

const timeoutMs = 60_000;
const mostJsonBytes = 256 << 20;
const metricPage = 1000;

type Fields = Record<string, unknown>;

/** A running MLflow server, over its REST interface and the egress port. */
export class RestSource implements ImportSource {
  readonly #egress: EgressClient;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ egress, url, authorization }: { egress: EgressClient; url: string; authorization: string | undefined }) {
    this.#egress = egress;
    this.#base = url.replace(/\/+$/, "");
    this.#headers = { accept: "application/json", ...(authorization === undefined ? {} : { authorization }) };
  }

  async experiments(): Promise<SourceExperiment[]> {
    const found = await this.#all("POST", "experiments/search", { view_type: "ALL", max_results: 1000 }, "experiments");
    return found.map((fields) => ({
      id: textOf(fields.experiment_id), name: textOf(fields.name), lifecycle: lifecycleOf(fields.lifecycle_stage),
      createdAt: numberOf(fields.creation_time), updatedAt: numberOf(fields.last_update_time), tags: tagsOf(fields.tags),
    }));
  }

  async runs({ id }: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceRun>> {
    const answer = await this.#call("POST", "runs/search", {
      experiment_ids: [id], run_view_type: "ALL", max_results: limit, order_by: ["attributes.run_id ASC"], ...(after === null ? {} : { page_token: after }),
    });
    return { items: listOf(answer.runs).map(runOf), next: textOf(answer.next_page_token) || null };
  }

  async *metrics(_experiment: SourceExperiment, run: SourceRun): AsyncGenerator<Metric[]> {
    const { run: found } = await this.#call("GET", "runs/get", { run_id: run.id });
    const keys = listOf((fieldsOf(fieldsOf(found).data)).metrics).map(({ key }) => textOf(key));
    for (const key of keys) {
      let token = "";
      do {
        const answer = await this.#call("GET", "metrics/get-history", { run_id: run.id, metric_key: key, max_results: String(metricPage), ...(token === "" ? {} : { page_token: token }) });
        const points = listOf(answer.metrics).map(metricOf);
        for (let start = 0; start < points.length; start += metricPage) yield points.slice(start, start + metricPage);
        token = textOf(answer.next_page_token);
      } while (token !== "");
    }
  }

  async artifacts(_experiment: SourceExperiment, of: { run: SourceRun } | { model: SourceLoggedModel }): Promise<SourceArtifacts> {
    const uri = "run" in of ? of.run.artifactUri : of.model.artifactUri;
    const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(uri)?.[1]?.toLowerCase();
    if (scheme !== undefined && scheme !== "file" && scheme !== "mlflow-artifacts") return { kind: "kept", uri };
    return { kind: "files", files: this.#files(of, "") };
  }

  async loggedModels({ id }: SourceExperiment, after: string | null, limit: number): Promise<SourcePage<SourceLoggedModel>> {
    const answer = await this.#call("POST", "logged-models/search", { experiment_ids: [id], max_results: limit, ...(after === null ? {} : { page_token: after }) }, true);
    return { items: listOf(answer.models).map(modelOf), next: textOf(answer.next_page_token) || null };
  }

  async modelNames(): Promise<string[]> {
    return (await this.#all("GET", "registered-models/search", { max_results: "1000" }, "registered_models")).map(({ name }) => textOf(name));
  }

  async model(name: string): Promise<SourceModel> {
    const { registered_model: found } = await this.#call("GET", "registered-models/get", { name });
    const model = fieldsOf(found);
    const versions = await this.#all("GET", "model-versions/search", { filter: `name='${name.replaceAll("'", "''")}'`, max_results: "1000" }, "model_versions");
    return {
      name, createdAt: numberOf(model.creation_timestamp) ?? 0, description: textOf(model.description), tags: tagsOf(model.tags),
      aliases: Object.fromEntries(listOf(model.aliases).map(({ alias, version }) => [textOf(alias), textOf(version)])),
      versions: versions.map((fields) => ({
        version: Number(fields.version), createdAt: numberOf(fields.creation_timestamp) ?? 0, description: textOf(fields.description), stage: textOf(fields.current_stage),
        source: textOf(fields.source), runId: textOf(fields.run_id) || null, runLink: textOf(fields.run_link), loggedModel: loggedModelOf(textOf(fields.source)), tags: tagsOf(fields.tags),
      })).sort((left, right) => left.version - right.version),
    };
  }

  async cannotCome(): Promise<string[]> {
    return ["Traces, assessments, evaluation datasets, scorers, webhooks and users of the server, where it has any, stay: there is no place for them here."];
  }

  async close(): Promise<void> {
    // Every request has a connection of its own.
  }

  async *#files(of: { run: SourceRun } | { model: SourceLoggedModel }, folder: string): AsyncGenerator<SourceFile> {
    for (const { path, is_dir: isFolder, file_size: size } of await this.#listed(of, folder)) {
      const name = textOf(path);
      if (isFolder === true) yield* this.#files(of, name);
      else yield { path: name, bytes: numberOf(size), open: () => this.#file(of, name) };
    }
  }

  async #listed(of: { run: SourceRun } | { model: SourceLoggedModel }, folder: string): Promise<Fields[]> {
    if ("run" in of) return this.#all("GET", "artifacts/list", { run_id: of.run.id, ...(folder === "" ? {} : { path: folder }) }, "files");
    const path = `logged-models/${encodeURIComponent(of.model.id)}/artifacts/directories`;
    return this.#all("GET", path, folder === "" ? {} : { artifact_directory_path: folder }, "files");
  }

  async #file(of: { run: SourceRun } | { model: SourceLoggedModel }, path: string): Promise<Readable> {
    const place = "run" in of
      ? `/get-artifact?${new URLSearchParams({ run_id: of.run.id, path }).toString()}`
      : `/ajax-api/2.0/mlflow/logged-models/${encodeURIComponent(of.model.id)}/artifacts/files?${new URLSearchParams({ artifact_file_path: path }).toString()}`;
    const answer = await this.#egress.open({ method: "GET", url: `${this.#base}${place}`, headers: this.#headers, body: null, timeoutMs });
    const content = Readable.from(answer.body, { objectMode: false });
    // Also where nobody began to read.
    content.once("close", () => answer.close());
    if (answer.status === 200) return content;
    content.destroy();
    throw new AppError("IMPORT_SOURCE_INVALID", `The server of the source answered ${answer.status} for it.`);
  }

  async #all(method: "GET" | "POST", path: string, query: Fields, list: string): Promise<Fields[]> {
    const found: Fields[] = [];
    for (let token = ""; ; ) {
      const answer = await this.#call(method, path, { ...query, ...(token === "" ? {} : { page_token: token }) });
      found.push(...listOf(answer[list]));
      token = textOf(answer.next_page_token);
      if (token === "") return found;
    }
  }

  /** Where a kind of objects is `optional`, a server that does not know it has none. */
  async #call(method: "GET" | "POST", path: string, fields: Fields, optional = false): Promise<Fields> {
    const query = method === "GET" ? `?${new URLSearchParams(fields as Record<string, string>).toString()}` : "";
    const { status, body } = await this.#send(method, `/api/2.0/mlflow/${path}${query}`, method === "GET" ? null : JSON.stringify(fields), mostJsonBytes);
    if (optional && (status === 404 || status === 405)) return {};
    if (status === 401 || status === 403) throw new AppError("IMPORT_SOURCE_INVALID", "The server of the source asks for other credentials: set them as SLIPWAY_IMPORT_AUTHORIZATION.");
    if (status !== 200) throw new AppError("IMPORT_SOURCE_INVALID", `The server of the source answered ${status}: it is no MLflow server, or one that cannot do this.`);
    try {
      // Python writes what JSON does not have.
      return fieldsOf(JSON.parse(Buffer.from(body).toString("utf8")));
    } catch (cause) {
      throw new AppError("IMPORT_SOURCE_INVALID", "The server of the source answered something else than JSON.", { cause });
    }
  }

  #send(method: "GET" | "POST", path: string, body: string | null, maxResponseBytes: number): Promise<EgressAnswer> {
    const headers = body === null ? this.#headers : { ...this.#headers, "content-type": "application/json" };
    return this.#egress.send({ method, url: `${this.#base}${path}`, headers, body, timeoutMs, maxResponseBytes });
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function tagsOf(value: unknown): Tag[] {
  return listOf(value).map(({ key, value: text }) => ({ key: textOf(key), value: textOf(text) }));
}

function metricOf(fields: Fields): Metric {
  return { key: textOf(fields.key), value: Number(fields.value ?? 0), timestamp: numberOf(fields.timestamp) ?? 0, step: numberOf(fields.step) ?? 0 };
}

function runOf(fields: Fields): SourceRun {
  const [info, data, inputs, outputs] = [fieldsOf(fields.info), fieldsOf(fields.data), fieldsOf(fields.inputs), fieldsOf(fields.outputs)];
  const tags = tagsOf(data.tags);
  return {
    id: textOf(info.run_id) || textOf(info.run_uuid), name: textOf(info.run_name) || (tags.find(({ key }) => key === "mlflow.runName")?.value ?? ""), user: textOf(info.user_id),
    status: runStatusOf(info.status), startTime: numberOf(info.start_time) ?? 0, endTime: numberOf(info.end_time), lifecycle: lifecycleOf(info.lifecycle_stage),
    artifactUri: textOf(info.artifact_uri), params: tagsOf(data.params), tags,
    datasets: listOf(inputs.dataset_inputs).map((input) => {
      const dataset = fieldsOf(input.dataset);
      return {
        tags: tagsOf(input.tags),
        dataset: {
          name: textOf(dataset.name), digest: textOf(dataset.digest), sourceType: textOf(dataset.source_type), source: textOf(dataset.source),
          ...(textOf(dataset.schema) === "" ? {} : { schema: textOf(dataset.schema) }), ...(textOf(dataset.profile) === "" ? {} : { profile: textOf(dataset.profile) }),
        },
      };
    }),
    modelInputs: listOf(inputs.model_inputs).map(({ model_id: model }) => textOf(model)),
    modelOutputs: listOf(outputs.model_outputs).map(({ model_id: model, step }) => ({ model: textOf(model), step: numberOf(step) ?? 0 })), notes: [],
  };
}

function modelOf(fields: Fields): SourceLoggedModel {
  const [info, data] = [fieldsOf(fields.info), fieldsOf(fields.data)];
  const status = textOf(info.status);
  return {
    id: textOf(info.model_id), name: textOf(info.name), createdAt: numberOf(info.creation_timestamp_ms) ?? 0, updatedAt: numberOf(info.last_updated_timestamp_ms) ?? 0,
    status: (status === "LOGGED_MODEL_READY" || status === "LOGGED_MODEL_UPLOAD_FAILED" ? status : "LOGGED_MODEL_PENDING") satisfies LoggedModelStatus,
    modelType: textOf(info.model_type), sourceRun: textOf(info.source_run_id) || null, artifactUri: textOf(info.artifact_uri), params: tagsOf(data.params), tags: tagsOf(info.tags),
    metrics: listOf(data.metrics).map((metric) => ({
      ...metricOf(metric), run: textOf(metric.run_id),
      ...(textOf(metric.dataset_name) === "" ? {} : { datasetName: textOf(metric.dataset_name) }), ...(textOf(metric.dataset_digest) === "" ? {} : { datasetDigest: textOf(metric.dataset_digest) }),
    })),
  };
}
