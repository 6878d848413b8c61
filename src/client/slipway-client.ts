import type { ApiClient } from "../core/api-client.ts";
import { deployFiles, type DeployFiles, type DeployResult, type Model, type ModelVersion, type Policy, type PolicyRevision } from "../registry/index.ts";
import type { Prediction, PredictionExplanation, ServedVersion, TruthRecord } from "../serving/index.ts";
import type { DriftReport, ServingSeries } from "../monitoring/index.ts";
import { AbTestsClient } from "./ab-tests-client.ts";
import { DatasetsClient } from "./datasets-client.ts";
import { GatewayClient } from "./gateway-client.ts";
import { HttpApiClient } from "./http-api-client.ts";
import { KeysClient } from "./keys-client.ts";
import { RolloutsClient } from "./rollouts-client.ts";
import { TracesClient } from "./traces-client.ts";
import { WorkflowsClient } from "./workflows-client.ts";

export interface DeployOptions extends DeployFiles {
  onProgress?: (text: string) => void;
}

/** One tensor of a request: nested or flat data in row-major order. */
export interface InferInput {
  name: string;
  datatype: string;
  shape: readonly number[];
  data: readonly unknown[];
}

export interface InferResult {
  predictionId: string;
  model: string;
  version: string;
  /** By output name; flat data in row-major order. */
  outputs: Record<string, { datatype: string; shape: number[]; data: unknown[] }>;
}

/** The client for TypeScript and JavaScript programs; failures are AppErrors with the server's code, message and problems. */
export class SlipwayClient {
  readonly api: ApiClient;
  readonly workflows: WorkflowsClient;
  readonly datasets: DatasetsClient;
  readonly rollouts: RolloutsClient;
  readonly abTests: AbTestsClient;
  readonly gateway: GatewayClient;
  readonly keys: KeysClient;
  readonly traces: TracesClient;

  /** `apiKey` for a server that asks for keys: `slipway keys create NAME --role ROLE` makes one. */
  constructor(options: { url?: string; apiKey?: string } = {}) {
    this.api = new HttpApiClient(options.url ?? "http://127.0.0.1:4400", { apiKey: options.apiKey });
    this.workflows = new WorkflowsClient(this.api);
    this.datasets = new DatasetsClient(this.api);
    this.rollouts = new RolloutsClient(this.api);
    this.abTests = new AbTestsClient(this.api);
    this.gateway = new GatewayClient(this.api);
    this.keys = new KeysClient(this.api);
    this.traces = new TracesClient(this.api);
  }

  /** Uploads, registers, loads, warms, then gives the version the traffic. */
  deploy(options: DeployOptions): Promise<DeployResult> {
    const { onProgress, ...files } = options;
    return deployFiles(this.api, files, onProgress);
  }

  async infer(model: string, inputs: readonly InferInput[], options: { version?: string; id?: string; outputs?: readonly string[] } = {}): Promise<InferResult> {
    const path = `/v2/models/${encodeURIComponent(model)}${options.version === undefined ? "" : `/versions/${options.version}`}/infer`;
    const answer = await this.api.send<{
      model_name: string; model_version: string; parameters: { prediction_id: string };
      outputs: { name: string; datatype: string; shape: number[]; data: unknown[] }[];
    }>("POST", path, { id: options.id, inputs, outputs: options.outputs?.map((name) => ({ name })) });
    return {
      predictionId: answer.parameters.prediction_id,
      model: answer.model_name,
      version: answer.model_version,
      outputs: Object.fromEntries(answer.outputs.map(({ name, datatype, shape, data }) => [name, { datatype, shape, data }])),
    };
  }

  /** Rows as values, lists or objects by column; answers one prediction for each. */
  async predict(model: string, instances: readonly unknown[]): Promise<unknown[]> {
    return (await this.api.send<{ predictions: unknown[] }>("POST", `/v1/models/${encodeURIComponent(model)}:predict`, { instances })).predictions;
  }

  sendTruth(records: readonly (Omit<TruthRecord, "row"> & { row?: number })[]): Promise<{ added: number; corrected: number; unchanged: number }> {
    return this.api.send("POST", "/api/truth", { records });
  }

  why(predictionId: string): Promise<PredictionExplanation> {
    return this.api.get(`/api/predictions/${encodeURIComponent(predictionId)}`);
  }

  async models(): Promise<(Model & { served: ServedVersion[] })[]> {
    return (await this.api.get<{ models: (Model & { served: ServedVersion[] })[] }>("/api/models")).models;
  }

  model(name: string): Promise<{ model: Model; versions: ModelVersion[]; served: ServedVersion[] }> {
    return this.api.get(`/api/models/${encodeURIComponent(name)}`);
  }

  async predictions(model: string, query: { version?: string; outcome?: "ok" | "error"; before?: string; shadow?: boolean; limit?: number } = {}): Promise<Prediction[]> {
    return (await this.api.get<{ predictions: Prediction[] }>(`/api/models/${encodeURIComponent(model)}/predictions`, { ...query, shadow: query.shadow === true ? "true" : undefined })).predictions;
  }

  /** Gives the traffic to a version, loaded and warmed first. */
  activate(model: string, version: string): Promise<Model> {
    return this.api.send("PUT", `/api/models/${encodeURIComponent(model)}/aliases/champion`, { version });
  }

  policy(model: string): Promise<PolicyRevision> {
    return this.api.get(`/api/models/${encodeURIComponent(model)}/policy`);
  }

  /** `revision` is the one that was read. */
  changePolicy(model: string, change: { revision: number; reason: string; policy: Policy }): Promise<PolicyRevision> {
    return this.api.send("PUT", `/api/models/${encodeURIComponent(model)}/policy`, change);
  }

  series(model: string, query: { from?: number; to?: number; points?: number } = {}): Promise<ServingSeries> {
    return this.api.get(`/api/models/${encodeURIComponent(model)}/series`, query);
  }

  drift(model: string, version?: string): Promise<DriftReport> {
    return this.api.get(`/api/models/${encodeURIComponent(model)}/drift`, { version });
  }
}
