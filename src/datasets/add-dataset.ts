import type { ApiClient } from "../core/api-client.ts";
import { AppError } from "../core/errors.ts";
import type { DatasetVersion } from "./schemas.ts";

export interface DatasetFile {
  /** Path of a table, Parquet or CSV by its ending. */
  file: string;
  name: string;
  target?: string | undefined;
  source?: string | undefined;
  description?: string | undefined;
  team?: string | undefined;
}

/** Uploads a local file and adds it to a dataset: what the command line and the SDK do. */
export async function addDataset(api: ApiClient, { file, name, ...facts }: DatasetFile, onProgress: (text: string) => void = () => undefined): Promise<{ version: DatasetVersion; created: boolean }> {
  const format = /\.(parquet|pq)$/i.test(file) ? "parquet" : /\.csv$/i.test(file) ? "csv" : null;
  if (format === null) throw new AppError("REFERENCE_INVALID", `${file} ends neither in .parquet nor in .csv.`);
  let shown = -1;
  const { digest } = await api.uploadFile(file, (sent, total) => {
    const percent = total === 0 ? 100 : Math.floor((sent / total) * 10) * 10;
    if (percent !== shown) onProgress(`Uploading the data: ${(shown = percent)}%`);
  });
  onProgress("Reading and profiling the data …");
  return api.send("POST", `/api/datasets/${encodeURIComponent(name)}/versions`, { digest, format, ...facts });
}
