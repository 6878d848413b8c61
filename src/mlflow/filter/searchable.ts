import type { SearchField } from "../../tracking/index.ts";

export interface SearchableAttribute {
  /** The name that the domain uses. */
  key: string;
  type: "text" | "number";
  /** IN and NOT IN are allowed. */
  lists?: true;
  /** It may only be ordered by. */
  orderOnly?: true;
}

/** What can be compared and sorted by for one kind of object. */
export interface Searchable {
  /** What may stand in front of a dot, with what it means. */
  entities: Readonly<Record<string, SearchField["kind"]>>;
  /** By the name that clients use. */
  attributes: Readonly<Record<string, SearchableAttribute>>;
  /** Attributes that stand behind `dataset.`. */
  datasetKeys?: readonly string[];
  /** Maps whose entries can be asked for by IS NULL. */
  mayLack?: readonly SearchField["kind"][];
  /** IN and NOT IN are allowed for entries of maps of text too. */
  entryLists?: true;
  /** An order may name a field again, to no effect. */
  mayRepeat?: true;
  /** A tag whose absence counts as `false`. */
  flagTag?: string;
}

const attributeEntities = { attribute: "attribute", attributes: "attribute", attr: "attribute", run: "attribute" } as const;
const tagEntities = { tag: "tag", tags: "tag" } as const;
const paramEntities = { param: "param", params: "param", parameter: "param", parameters: "param" } as const;
const metricEntities = { metric: "metric", metrics: "metric" } as const;
const isPrompt = "mlflow.prompt.is_prompt";

export const runs: Searchable = {
  entities: { ...attributeEntities, ...tagEntities, ...paramEntities, ...metricEntities, dataset: "dataset", datasets: "dataset" },
  attributes: {
    run_id: { key: "id", type: "text", lists: true },
    run_name: { key: "name", type: "text" }, "run name": { key: "name", type: "text" }, "Run name": { key: "name", type: "text" }, "Run Name": { key: "name", type: "text" },
    user_id: { key: "user", type: "text" },
    status: { key: "status", type: "text" },
    artifact_uri: { key: "artifactUri", type: "text" },
    start_time: { key: "startTime", type: "number" }, created: { key: "startTime", type: "number" }, Created: { key: "startTime", type: "number" },
    end_time: { key: "endTime", type: "number" },
  },
  datasetKeys: ["name", "digest", "context"],
  mayLack: ["param", "tag"],
};

export const traces: Searchable = {
  entities: { ...attributeEntities, trace: "attribute", ...tagEntities, metadata: "param", request_metadata: "param", span: "span", feedback: "feedback", expectation: "expectation" },
  attributes: {
    status: { key: "status", type: "text", lists: true }, state: { key: "status", type: "text", lists: true },
    request_id: { key: "id", type: "text", lists: true }, trace_id: { key: "id", type: "text", lists: true },
    client_request_id: { key: "clientRequest", type: "text" },
    name: { key: "name", type: "text" },
    run_id: { key: "run", type: "text" },
    text: { key: "text", type: "text" },
    timestamp: { key: "time", type: "number" }, timestamp_ms: { key: "time", type: "number" },
    execution_time: { key: "duration", type: "number" }, execution_time_ms: { key: "duration", type: "number" },
    end_time: { key: "end", type: "number" }, end_time_ms: { key: "end", type: "number" },
  },
  mayLack: ["tag", "param", "feedback", "expectation"],
};

export const experiments: Searchable = {
  entities: { attribute: "attribute", attributes: "attribute", ...tagEntities },
  attributes: {
    name: { key: "name", type: "text" },
    experiment_id: { key: "id", type: "text", lists: true },
    creation_time: { key: "createdAt", type: "number" },
    last_update_time: { key: "updatedAt", type: "number" },
  },
  mayLack: ["tag"],
  mayRepeat: true,
};

export const registeredModels: Searchable = {
  entities: { attribute: "attribute", attributes: "attribute", ...tagEntities },
  attributes: {
    name: { key: "name", type: "text", lists: true },
    creation_timestamp: { key: "createdAt", type: "number", orderOnly: true },
    timestamp: { key: "updatedAt", type: "number", orderOnly: true },
    last_updated_timestamp: { key: "updatedAt", type: "number", orderOnly: true },
  },
  flagTag: isPrompt,
};

export const modelVersions: Searchable = {
  entities: { attribute: "attribute", attributes: "attribute", ...tagEntities },
  attributes: {
    name: { key: "name", type: "text", lists: true },
    version_number: { key: "version", type: "number" },
    run_id: { key: "run", type: "text", lists: true },
    source_path: { key: "source", type: "text" },
    creation_timestamp: { key: "createdAt", type: "number", orderOnly: true },
    last_updated_timestamp: { key: "updatedAt", type: "number", orderOnly: true },
  },
  flagTag: isPrompt,
};

export const loggedModels: Searchable = {
  entities: { attribute: "attribute", attributes: "attribute", ...tagEntities, ...paramEntities, ...metricEntities },
  attributes: {
    name: { key: "name", type: "text", lists: true },
    model_id: { key: "id", type: "text", lists: true },
    model_type: { key: "modelType", type: "text", lists: true },
    status: { key: "status", type: "text", lists: true },
    source_run_id: { key: "sourceRun", type: "text", lists: true },
    creation_timestamp: { key: "createdAt", type: "number" }, creation_time: { key: "createdAt", type: "number" }, creation_timestamp_ms: { key: "createdAt", type: "number" },
    last_updated_timestamp: { key: "updatedAt", type: "number" }, last_updated_time: { key: "updatedAt", type: "number" }, last_updated_timestamp_ms: { key: "updatedAt", type: "number" },
  },
  entryLists: true,
};
