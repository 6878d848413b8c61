import type { ApiClient } from "../core/api-client.ts";
import { AppError } from "../core/errors.ts";
import { modelAddress, type DeployRequest, type DeployResult } from "./schemas.ts";
import { uploadFile, uploadModel } from "./upload-model.ts";

export type DeployFiles = Partial<Omit<DeployRequest, "artifact" | "source" | "fileName" | "reference">> & {
  /** Path of the model file, or of a folder with a model; or where the server finds it: runs:/RUN/path, models:/m-ID, hf://owner/name@revision. */
  file: string;
  name: string;
  /** Path of the training data, Parquet or CSV by its ending; or `dataset:NAME[@VERSION]`. */
  reference?: string | undefined;
};

/** Uploads local files and deploys them: what the command line and the SDK do. */
export async function deployFiles(api: ApiClient, files: DeployFiles, onProgress: (text: string) => void = () => undefined): Promise<DeployResult> {
  const { file, name, reference, ...rest } = files;
  const held = reference === undefined ? null : datasetOf(reference);
  const format = reference === undefined || held !== null ? undefined : formatOf(reference);
  const isSource = modelAddress.test(file);
  const model = isSource ? { source: file } : await uploadModel(api, file, onProgress);
  const uploaded = reference === undefined || held !== null ? undefined : await uploadFile(api, reference, "reference data", onProgress);
  if (isSource) onProgress(`The server reads ${file} …`);
  onProgress("Reading, trying and profiling the files, then loading and warming up the version …");
  return api.send("POST", `/api/models/${encodeURIComponent(name)}/versions`, {
    ...model,
    ...(held !== null ? { reference: held } : uploaded === undefined ? {} : { reference: { digest: uploaded, format } }),
    ...rest,
  });
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
