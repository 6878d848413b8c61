import { z } from "zod";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import type { DatasetService } from "./dataset-service.ts";
import { DatasetName, DatasetRows, DatasetUse, DatasetVersion, DatasetVersionSummary, HeldDataset, LoggedDataset, NewDatasetVersion } from "./schemas.ts";

const tag = "Datasets";
const Limit = z.coerce.number().int().min(1).max(500).default(100);
const Offset = z.coerce.number().int().min(0).default(0);
const Number9 = z.string().regex(/^[1-9][0-9]{0,8}$/, "a version number such as 3").meta({ description: "Number of a version, counted from 1", example: "1" });
const DatasetParams = z.strictObject({ dataset: DatasetName });
const VersionParams = z.strictObject({ dataset: DatasetName, version: Number9 });

const mediaTypes = { parquet: "application/vnd.apache.parquet", csv: "text/csv; charset=utf-8" };

/** A dataset is judged by its handler: what the caller may not see answers as what is missing. */
export function datasetRoutes(datasets: DatasetService): Route[] {
  return [
    route({
      method: "GET", path: "/api/datasets", access: "viewer", on: "some", operationId: "listDatasets", tag,
      summary: "The datasets of the teams that the caller may see, by name",
      query: z.strictObject({ after: z.string().max(128).optional(), limit: Limit }),
      response: z.object({ datasets: z.array(HeldDataset), next: z.string().nullable().meta({ description: "Give it as after for the rest; null at the end" }) }),
      handle: async ({ query: { after = null, limit }, caller }) => {
        const found = await datasets.list(caller, { after, limit: limit + 1 });
        const page = found.slice(0, limit);
        return { datasets: page, next: found.length > limit ? page.at(-1)!.name : null };
      },
    }),
    route({
      method: "POST", path: "/api/datasets/:dataset/versions", access: "contributor", on: "some", operationId: "addDatasetVersion", tag,
      summary: "Add a version to a dataset, which is made where it is not there",
      description: "The file was uploaded with PUT /api/blobs. It is read and profiled whole before anything is written. A latest version of the same content is answered as it is, with created false.",
      params: DatasetParams,
      body: { kind: "json", schema: NewDatasetVersion },
      response: z.object({ version: DatasetVersion, created: z.boolean() }),
      handle: async ({ params: { dataset }, body, caller, now, auditAs }) => {
        auditAs({ object: `dataset:${dataset}`, detail: { digest: body.digest } });
        const added = await datasets.add(caller, dataset, body, now);
        auditAs({ detail: { version: added.version.version, digest: body.digest, created: added.created } });
        return added;
      },
    }),
    route({
      method: "GET", path: "/api/datasets/:dataset", access: "viewer", on: "some", operationId: "getDataset", tag,
      summary: "One dataset with its versions, newest first",
      params: DatasetParams,
      query: z.strictObject({ before: z.coerce.number().int().min(1).optional(), limit: Limit }),
      response: z.object({
        dataset: HeldDataset, versions: z.array(DatasetVersionSummary),
        next: z.number().int().nullable().meta({ description: "Give it as before for older versions; null at the end" }),
      }),
      handle: async ({ params, query: { before = null, limit }, caller }) => {
        const dataset = await datasets.dataset(caller, params.dataset);
        const found = await datasets.versions(caller, params.dataset, { before, limit: limit + 1 });
        const versions = found.slice(0, limit).map(({ profile: _profile, ...version }) => version);
        return { dataset, versions, next: found.length > limit ? versions.at(-1)!.version : null };
      },
    }),
    route({
      method: "DELETE", path: "/api/datasets/:dataset", access: "admin", on: "some", operationId: "removeDataset", tag,
      summary: "Remove a dataset with all versions",
      description: "What was made from it stays: contracts and evaluations name its content by digest. Files that nothing else names are removed within a day.",
      params: DatasetParams,
      response: HeldDataset,
      handle: ({ params: { dataset }, caller, now, auditAs }) => {
        auditAs({ object: `dataset:${dataset}` });
        return datasets.remove(caller, dataset, now);
      },
    }),
    route({
      method: "GET", path: "/api/datasets/:dataset/versions/:version", access: "viewer", on: "some", operationId: "getDatasetVersion", tag,
      summary: "One version with its columns and their profile",
      params: VersionParams,
      response: DatasetVersion,
      handle: ({ params, caller }) => datasets.version(caller, params.dataset, Number(params.version)),
    }),
    route({
      method: "GET", path: "/api/datasets/:dataset/versions/:version/use", access: "viewer", on: "some", operationId: "getDatasetUse", tag,
      summary: "Where a version's content is used: models and evaluations that the caller may see",
      params: VersionParams,
      response: DatasetUse,
      handle: ({ params, caller }) => datasets.use(caller, params.dataset, Number(params.version)),
    }),
    route({
      method: "GET", path: "/api/datasets/:dataset/versions/:version/rows", access: "viewer", on: "some", operationId: "previewDataset", tag,
      summary: "Some rows of a version, to look at",
      params: VersionParams,
      query: z.strictObject({ offset: Offset, limit: z.coerce.number().int().min(1).max(100).default(20) }),
      response: DatasetRows,
      handle: ({ params, query, caller }) => datasets.rows(caller, params.dataset, Number(params.version), query),
    }),
    route({
      method: "GET", path: "/api/datasets/:dataset/versions/:version/content", access: "viewer", on: "some", operationId: "downloadDataset", tag,
      summary: "The file of a version, as it was added",
      params: VersionParams,
      response: { mediaType: "application/octet-stream", description: "The file: CSV or Parquet" },
      handle: async ({ params, caller }) => {
        const { version, content } = await datasets.content(caller, params.dataset, Number(params.version));
        return new HttpAnswer(200, {
          "Content-Type": mediaTypes[version.format], "Content-Length": String(version.bytes), ETag: `"${version.digest}"`,
          "Content-Disposition": `attachment; filename="${version.dataset}-${version.version}.${version.format}"`,
        }, content);
      },
    }),
    route({
      method: "GET", path: "/api/logged-datasets", access: "viewer", on: "some", operationId: "listLoggedDatasets", tag,
      summary: "What runs logged as their datasets, newest first: of experiments that the caller may see",
      description: "MLflow's clients log what a dataset was, not its content.",
      query: z.strictObject({ name: z.string().max(1000).optional(), experiment: z.string().max(40).optional(), offset: Offset, limit: Limit }),
      response: z.object({ datasets: z.array(LoggedDataset) }),
      handle: async ({ query: { name, experiment, ...page }, caller }) => ({
        datasets: await datasets.logged(caller, { ...page, ...(name === undefined ? {} : { name }), ...(experiment === undefined ? {} : { experiment }) }),
      }),
    }),
  ];
}
