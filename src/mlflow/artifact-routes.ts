import { Readable } from "node:stream";
import { z } from "zod";
import type { Caller } from "../core/caller.ts";
import type { EpochMs } from "../core/clock.ts";
import { AppError } from "../core/errors.ts";
import { HttpAnswer, route, type Route } from "../core/route.ts";
import { nameOfPlace, placeBelow, type ArtifactEntry, type ArtifactOwner, type ArtifactPlace, type ArtifactService } from "../tracking/index.ts";
import { byteRangeOf } from "./byte-range.ts";
import { message, requiredText, text, withRunId } from "./request-fields.ts";
import { mlflowError } from "./wire-error.ts";

const tag = "MLflow";
const Nothing = z.object({});
const FileInfos = z.object({
  root_uri: z.string().optional(),
  files: z.array(z.object({ path: z.string(), is_dir: z.boolean(), file_size: z.number().int().optional() })),
});
const RestOfPath = z.object({ "*": z.string().meta({ description: "`<experiment>/<run>/artifacts/...`, as artifact URIs have it" }) });
const errorBody = mlflowError;

export interface ArtifactRouteParts {
  artifacts: ArtifactService;
  /** Throws TRACKING_RUN_NOT_FOUND, also for what the caller may not see. */
  run(caller: Caller, run: string): Promise<ArtifactOwner>;
  /** The address of a version's files, and their place where this server reads it. Throws MODEL_NOT_FOUND, VERSION_NOT_FOUND. */
  filesOfVersion(caller: Caller, model: string, version: string): Promise<{ uri: string; place: ArtifactPlace | null }>;
  /** Is told of each file that was stored by its path. */
  written(caller: Caller, place: ArtifactPlace, now: EpochMs): Promise<void>;
  /** What a file holds that nobody stored by this path, and that is made where it is asked for; null for others. */
  made(caller: Caller, path: string): Promise<Buffer | null>;
  /** Throws LOGGED_MODEL_NOT_FOUND. */
  loggedModel(caller: Caller, model: string): Promise<ArtifactOwner>;
}

/** What MLflow's own pages may send at once. */
const maxPageUploadBytes = 10 << 20;

/** Artifacts through the server: MLflow's proxied artifact access, and the older routes by run and by model version. */
export function artifactRoutes(parts: ArtifactRouteParts): Route[] {
  const { artifacts } = parts;
  const everywhere = ["/api/2.0", "/ajax-api/2.0"].flatMap((prefix) => {
    const twin = prefix === "/api/2.0" ? "" : "Twin";
    const proxied = `${prefix}/mlflow-artifacts/artifacts`;
    return [
      route({
        method: "PUT", path: `${proxied}/*`, access: "contributor", on: "some", audited: false, errorBody, tag,
        operationId: `mlflowUploadArtifact${twin}`, summary: "Store a file, replacing what is there",
        description: "The body is the file. It is streamed to disk and appears whole or not at all.",
        params: RestOfPath, body: { kind: "stream", description: "The file's bytes" }, response: Nothing,
        handle: async ({ params, body, caller, now }) => {
          await artifacts.write(caller, params["*"], body);
          await parts.written(caller, params["*"], now);
          return {};
        },
      }),
      route({
        method: "GET", path: `${proxied}/*`, access: "viewer", on: "some", errorBody, tag,
        operationId: `mlflowDownloadArtifact${twin}`, summary: "A file, or a range of its bytes",
        params: RestOfPath, response: { mediaType: "application/octet-stream", description: "The file's bytes" },
        handle: async ({ params, headers, caller }) => {
          try {
            return await download(artifacts, caller, params["*"], headers.range as string | undefined);
          } catch (error) {
            const made = error instanceof AppError && error.code === "ARTIFACT_NOT_FOUND" ? await parts.made(caller, params["*"]) : null;
            if (made === null) throw error;
            return new HttpAnswer(200, { "Content-Type": "application/octet-stream", "Content-Length": String(made.length) }, made);
          }
        },
      }),
      route({
        method: "DELETE", path: `${proxied}/*`, access: "contributor", on: "some", errorBody, tag,
        operationId: `mlflowDeleteArtifact${twin}`, summary: "Remove a file, or a folder with all below",
        params: RestOfPath, response: Nothing,
        handle: async ({ params, caller, auditAs }) => {
          auditAs({ object: `artifact:${params["*"].slice(0, 300)}` });
          await artifacts.remove(caller, params["*"]);
          return {};
        },
      }),
      route({
        method: "GET", path: proxied, access: "viewer", on: "some", errorBody, tag,
        operationId: `mlflowListProxiedArtifacts${twin}`, summary: "Files and folders at a path",
        query: message({ path: text }), response: FileInfos,
        handle: async ({ query, caller }) => ({ files: fileInfos(await artifacts.list(caller, trimmed(query.path))) }),
      }),
      ...(["create", "complete", "abort"] as const).map((step) =>
        route({
          method: "POST", path: `${prefix}/mlflow-artifacts/mpu/${step}/*`, access: "contributor", on: "some", audited: false, errorBody, tag,
          operationId: `mlflow${step[0]!.toUpperCase()}${step.slice(1)}MultipartUpload${twin}`, summary: "Not supported: send the file in one request, which is streamed",
          params: RestOfPath, response: Nothing,
          handle: () => {
            throw new AppError("NOT_SUPPORTED", "Multipart upload is not supported for the current artifact repository");
          },
        }),
      ),
      route({
        method: "GET", path: `${prefix}/mlflow/artifacts/list`, access: "viewer", on: "some", errorBody, tag,
        operationId: `mlflowListArtifacts${twin}`, summary: "Files and folders of a run",
        query: withRunId(message({ run_id: requiredText, path: text, page_token: text })), response: FileInfos,
        handle: async ({ query, caller }) => {
          judgePath(query.path ?? "");
          const run = await parts.run(caller, query.run_id);
          const relative = trimmed(query.path);
          const place = artifacts.placeOf(run, relative);
          const entries = place === null ? [] : await artifacts.list(caller, place);
          return { root_uri: run.artifactUri, files: fileInfos(entries, relative) };
        },
      }),
      route({
        method: "GET", path: twin === "" ? "/get-artifact" : `${prefix}/mlflow/get-artifact`, access: "viewer", on: "some", errorBody, tag,
        operationId: `mlflowGetArtifact${twin}`, summary: "A file of a run",
        query: withRunId(message({ run_id: requiredText, path: requiredText })), response: { mediaType: "application/octet-stream", description: "The file's bytes" },
        handle: async ({ query, headers, caller }) => {
          judgePath(query.path);
          return download(artifacts, caller, heldPlace(artifacts, await parts.run(caller, query.run_id), query.path), headers.range as string | undefined);
        },
      }),
      route({
        method: "GET", path: twin === "" ? "/model-versions/get-artifact" : `${prefix}/mlflow/model-versions/get-artifact`,
        // As a caller writes it whose tracking URI ends with a slash.
        ...(twin === "" && { aliases: ["//model-versions/get-artifact"] }), access: "viewer", on: "some", errorBody, tag,
        operationId: `mlflowGetModelVersionArtifact${twin}`, summary: "A file of a model version's source",
        query: message({ name: requiredText, version: requiredText, path: requiredText }), response: { mediaType: "application/octet-stream", description: "The file's bytes" },
        handle: async ({ query, headers, caller }) => {
          judgePath(query.path);
          const { uri, place } = await parts.filesOfVersion(caller, query.name, query.version);
          if (place === null) throw elsewhere(uri);
          return download(artifacts, caller, placeBelow(place, query.path), headers.range as string | undefined);
        },
      }),
    ];
  });
  return [...everywhere, ...pageRoutes(parts)];
}

/** What the pages of MLflow ask for beside what its clients do. */
function pageRoutes({ artifacts, ...parts }: ArtifactRouteParts): Route[] {
  return [
    route({
      method: "POST", path: "/ajax-api/2.0/mlflow/upload-artifact", access: "contributor", on: "some", audited: false, errorBody, tag,
      operationId: "mlflowUploadSmallArtifact", summary: "Store a small file of a run",
      query: message({ run_uuid: text, path: text }), body: { kind: "stream", description: "The file's bytes, at most 10 MiB" }, response: Nothing,
      handle: async ({ query: { run_uuid: run, path }, body, caller }) => {
        if (run === undefined || run === "") throw invalid("Request must specify run_uuid.");
        if (path === undefined || path === "") throw invalid("Request must specify path.");
        // The store judges paths too; here it would only after the file has come.
        judgePath(path);
        const place = heldPlace(artifacts, await parts.run(caller, run), path);
        const content = await smallBody(body);
        await artifacts.write(caller, place, Readable.from([content]));
        return {};
      },
    }),
    route({
      method: "GET", path: "/ajax-api/2.0/mlflow/logged-models/:loggedModel/artifacts/files", access: "viewer", on: "some", errorBody, tag,
      operationId: "mlflowGetLoggedModelArtifact", summary: "A file of a logged model",
      params: z.object({ loggedModel: z.string() }), query: message({ artifact_file_path: requiredText }), response: { mediaType: "application/octet-stream", description: "The file's bytes" },
      handle: async ({ params, query, headers, caller }) =>
        download(artifacts, caller, heldPlace(artifacts, await parts.loggedModel(caller, params.loggedModel), query.artifact_file_path), headers.range as string | undefined),
    }),
  ];
}

async function smallBody(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body) {
    if ((bytes += piece.length) > maxPageUploadBytes) throw invalid("Artifact size is too large. Max size is 10MB.");
    pieces.push(piece);
  }
  if (bytes === 0) throw invalid("Request must specify data.");
  return Buffer.concat(pieces);
}

/** Said before anything is looked up, in the words that MLflow's clients know. The store judges all paths again, and more strictly. */
function judgePath(path: string): void {
  if (path.startsWith("/") || path.split(/[/\\]/).includes("..")) throw invalid("Invalid path");
}

function invalid(why: string): AppError {
  return new AppError("INVALID_PARAMETER", why);
}

/** One answer for whole files and for ranges of them; never shown as a page by a browser. */
async function download(artifacts: ArtifactService, caller: Caller, place: ArtifactPlace, rangeHeader: string | undefined): Promise<HttpAnswer> {
  const { bytes, modifiedAt } = await artifacts.stat(caller, place);
  const range = byteRangeOf(rangeHeader, bytes);
  const name = nameOfPlace(place);
  const headers: Record<string, string> = {
    "Accept-Ranges": "bytes",
    "Content-Type": "application/octet-stream",
    "Content-Disposition": `attachment; filename*=UTF-8''${encodeURIComponent(name).replace(/['()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)}`,
    ETag: `"${bytes.toString(16)}-${Math.trunc(modifiedAt).toString(16)}"`,
  };
  if (range === "unsatisfiable") return new HttpAnswer(416, { ...headers, "Content-Range": `bytes */${bytes}` }, null);
  if (range === "whole") return new HttpAnswer(200, { ...headers, "Content-Length": String(bytes) }, await artifacts.read(caller, place, { start: 0, end: bytes }));
  return new HttpAnswer(
    206,
    { ...headers, "Content-Length": String(range.end - range.start), "Content-Range": `bytes ${range.start}-${range.end - 1}/${bytes}` },
    await artifacts.read(caller, place, range),
  );
}

function fileInfos(entries: readonly ArtifactEntry[], folder = ""): z.infer<typeof FileInfos>["files"] {
  return entries.map(({ name, isDirectory, bytes }) => ({ path: below(folder, name), is_dir: isDirectory, ...(bytes === null ? {} : { file_size: bytes }) }));
}

function below(folder: string, name: string): string {
  return folder === "" ? name : name === "" ? folder : `${folder}/${name}`;
}

/** Clients write folders with a slash at the end. */
function trimmed(path: string | undefined): string {
  return (path ?? "").replace(/\/+$/, "");
}

function heldPlace(artifacts: ArtifactService, owner: ArtifactOwner, path: string): ArtifactPlace {
  const place = artifacts.placeOf(owner, path);
  if (place === null) throw elsewhere(owner.artifactUri);
  return place;
}

function elsewhere(uri: string): AppError {
  return new AppError("ARTIFACT_NOT_FOUND", `The artifacts are at ${uri.slice(0, 300)}, which this server does not hold.`);
}
