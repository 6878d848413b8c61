import { z } from "zod";
import { Digest, RegistryName, VersionNumber } from "../core/names.ts";
import { route, type Route } from "../core/route.ts";
import type { BlobStore } from "./blob-store.ts";
import { catalogRoutes } from "./catalog-routes.ts";
import type { RegistryService } from "./registry-service.ts";
import { PolicyRevision } from "./policy-schemas.ts";
import { ModelVersion } from "./schemas.ts";

const ModelParams = z.strictObject({ model: RegistryName });
const VersionParams = z.strictObject({ model: RegistryName, version: VersionNumber });
const tag = "Registry";

/** Largest file that `PUT /api/blobs` takes. */
const maxBlobBytes = 2 ** 40;

export function registryRoutes(registry: RegistryService, blobs: BlobStore): Route[] {
  return [
    ...catalogRoutes(registry.catalog),
    route({
      method: "PUT",
      path: "/api/blobs",
      access: "contributor",
      on: "some",
      operationId: "uploadBlob",
      summary: "Upload a file and get its digest",
      description: "The body is the file. It is kept for a day when neither a version nor a dataset names it. Its uploader may use it, and whoever sees what names it.",
      tag,
      query: z.strictObject({ digest: Digest.optional() }),
      body: { kind: "stream", description: "The file's bytes" },
      response: z.object({ digest: Digest, bytes: z.number().int() }),
      handle: async ({ body, query, caller, now, auditAs }) => {
        const blob = await blobs.put(body, { maxBytes: maxBlobBytes, ...(query.digest === undefined ? {} : { expectedDigest: query.digest }) });
        auditAs({ object: `blob:${blob.digest}`, detail: { bytes: blob.bytes } });
        await registry.noteUpload(blob.digest, caller, now);
        return blob;
      },
    }),
    route({
      method: "GET",
      path: "/api/models/:model/versions/:version",
      access: "viewer",
      on: { kind: "model", parameter: "model" },
      operationId: "getVersion",
      summary: "One version with its contract",
      tag,
      params: VersionParams,
      response: ModelVersion,
      handle: ({ params }) => registry.version(params.model, params.version),
    }),
    route({
      method: "GET",
      path: "/api/models/:model/policy",
      access: "viewer",
      on: { kind: "model", parameter: "model" },
      operationId: "getPolicy",
      summary: "The model's policy; revision 0 is the defaults",
      tag,
      params: ModelParams,
      response: PolicyRevision,
      handle: ({ params }) => registry.policy(params.model),
    }),
    route({
      method: "GET",
      path: "/api/models/:model/policy/revisions",
      access: "viewer",
      on: { kind: "model", parameter: "model" },
      operationId: "listPolicyRevisions",
      summary: "Who changed the policy, when and why; newest first",
      tag,
      params: ModelParams,
      response: z.object({ revisions: z.array(PolicyRevision) }),
      handle: async ({ params }) => ({ revisions: await registry.policyRevisions(params.model) }),
    }),
  ];
}
