import type { ApiClient } from "../core/api-client.ts";
import { AppError } from "../core/errors.ts";
import { modelAddress, serverAddress, type DeployRequest, type DeployResult } from "./deploy-schemas.ts";
import { uploadFile, uploadModel } from "./upload-model.ts";
import type { UpstreamRequest } from "./upstream-schemas.ts";

export type DeployFiles = Partial<Omit<DeployRequest, "artifact" | "source" | "upstream" | "fileName" | "reference">> & {
  /**
   * Path of the model file, of a folder with a model, or of a table to look up; or where the server finds it: runs:/RUN/path, models:/m-ID,
   * hf://owner/name@revision; or the address of a server that answers for itself: http(s)://HOST:PORT.
   */
  file: string;
  /** How that server is spoken to. */
  upstream?: Pick<UpstreamRequest, "protocol"> & Partial<Omit<UpstreamRequest, "url" | "protocol">>;
  name: string;
  /** Path of the training data, Parquet or CSV by its ending; or `dataset:NAME[@VERSION]`. */
  reference?: string | undefined;
};

const reminderSeconds = 15;

/** Uploads local files and deploys them: what the command line and the SDK do. */
export async function deployFiles(api: ApiClient, files: DeployFiles, onProgress: (text: string) => void = () => undefined): Promise<DeployResult> {
  const { file, name, reference, upstream, ...rest } = files;
  const held = reference === undefined ? null : datasetOf(reference);
  const format = reference === undefined || held !== null ? undefined : formatOf(reference);
  const isSource = modelAddress.test(file);
  const isServer = serverAddress.test(file);
  if (isServer !== (upstream !== undefined)) {
    throw new AppError("INVALID_REQUEST", isServer ? "Say what the server speaks: a protocol, such as open-inference." : "A protocol belongs to the address of a server, such as http://models.internal:8080.");
  }
  if (!isSource && !isServer && /\.(parquet|pq|csv)$/i.test(file) && rest.lookup === undefined) {
    throw new AppError("INVALID_REQUEST", `${file} is a table. Rows of it are answered with --runtime lookup --key COLUMNS; training data come with --reference beside a model.`);
  }
  const model = isServer ? { upstream: { url: file, ...upstream } } : isSource ? { source: file } : await uploadModel(api, file, onProgress);
  const uploaded = reference === undefined || held !== null ? undefined : await uploadFile(api, reference, "reference data", onProgress);
  if (isSource || isServer) onProgress(`The server reads ${file} …`);
  onProgress("Reading, trying and profiling the files, then loading and warming up the version …");
  const request = {
    ...model,
    ...(held !== null ? { reference: held } : uploaded === undefined ? {} : { reference: { digest: uploaded, format } }),
    ...rest,
  };
  let seconds = 0;
  const reminder = setInterval(() => onProgress(`Still at it after ${(seconds += reminderSeconds)} s. A model of Python needs an environment with its packages, which is built once.`), reminderSeconds * 1000);
  return api.send<DeployResult>("POST", `/api/models/${encodeURIComponent(name)}/versions`, request).finally(() => clearInterval(reminder));
}

/** Null for the path of a file. */
function datasetOf(reference: string): { dataset: string; version?: number } | null {
  if (!reference.startsWith("dataset:")) return null;
  const [, dataset, version] = /^dataset:([^@]+)(?:@([1-9][0-9]{0,8}))?$/.exec(reference) ?? [];
  if (dataset === undefined) throw new AppError("INVALID_REQUEST", `${reference} is no dataset such as dataset:flights or dataset:flights@2.`);
  return { dataset, ...(version === undefined ? {} : { version: Number(version) }) };
}

function formatOf(path: string): "parquet" | "csv" {
  if (/\.(parquet|pq)$/i.test(path)) return "parquet";
  if (/\.csv$/i.test(path)) return "csv";
  throw new AppError("REFERENCE_INVALID", `${path} ends neither in .parquet nor in .csv.`);
}
