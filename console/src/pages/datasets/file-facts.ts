import type { DatasetFormat } from "../../data/types.ts";

/** What a file's ending says; null for others. */
export function formatOf(fileName: string): DatasetFormat | null {
  const ending = /\.([a-z0-9]+)$/i.exec(fileName)?.[1]?.toLowerCase();
  return ending === "parquet" || ending === "pq" ? "parquet" : ending === "csv" ? "csv" : null;
}

/** A dataset's name out of a file's: without its ending, and with a dash for what names do not have. Empty where nothing is left of it. */
export function nameOf(fileName: string): string {
  return fileName.replace(/\.[^.]*$/, "").replaceAll(/[^A-Za-z0-9._-]+/g, "-").replaceAll(/\.{2,}/g, ".").replace(/^[^A-Za-z0-9]+/, "").slice(0, 120).replace(/[-.]+$/, "");
}
