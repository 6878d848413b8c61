import { Readable } from "node:stream";
import type { AnswerMemory } from "../../core/answer-memory.ts";
import type { Clock } from "../../core/clock.ts";
import type { EgressClient } from "../../core/egress.ts";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Logger } from "../../core/logger.ts";
import { canonicalJson } from "../../core/canonical-json.ts";
import { elementCount } from "../../core/tensor.ts";
import type { BlobStore, ExampleTensor, SourceModel, TensorSpec, UpstreamDocument, UpstreamRequest, UpstreamSource } from "../../registry/index.ts";
import { tensorOfFlat } from "./json-tensors.ts";
import type { UpstreamHeaders } from "./upstream-headers.ts";
import { readDocument } from "./upstream-runtime.ts";
import { UpstreamServer } from "./upstream-server.ts";

export interface UpstreamVersionsOptions {
  egress: EgressClient;
  /** Without it the answers under way have no bound together. */
  answers?: AnswerMemory;
  headers: UpstreamHeaders;
  blobs: BlobStore;
  clock: Clock;
  logger: Logger;
}

/** Makes versions out of servers: asks what they take and answer, tries them, and writes down how they are asked. */
export class UpstreamVersions implements UpstreamSource {
  readonly #options: UpstreamVersionsOptions;

  constructor(options: UpstreamVersionsOptions) {
    this.#options = options;
  }

  async document(digest: string): Promise<UpstreamDocument> {
    return readDocument(await this.#options.blobs.verifiedPath(digest));
  }

  async read(model: string, request: UpstreamRequest, former: UpstreamDocument | null): Promise<SourceModel> {
    const { egress, answers, clock, logger, blobs, headers } = this.#options;
    const { signature: given, headers: secrets, ...rest } = request;
    // Before anything is asked of anybody.
    egress.assertPlausible(request.url);
    const draft: UpstreamDocument = {
      documentVersion: 1, ...rest, model: request.model ?? model, signatureName: request.signatureName ?? "serving_default",
      format: formatOf(request), missing: request.missing ?? (request.protocol === "tf-serving" ? "word" : "refuse"), binary: false, secrets: null,
    };
    const server = (document: UpstreamDocument): UpstreamServer => new UpstreamServer({ document, headers: secrets, egress, answers, clock, logger, logFields: { model, url: request.url } });
    const first = server(draft);
    const away = await first.check();
    if (away !== null) throw new AppError("UPSTREAM_UNREACHABLE", away);
    const metadata = await first.metadata().catch((error: unknown) => unlessGiven(error, given !== undefined));
    const inputs = given?.inputs ?? metadata?.inputs ?? [];
    const outputs = given?.outputs ?? metadata?.outputs ?? [];
    if (inputs.length === 0 || outputs.length === 0) {
      throw new AppError("MODEL_SOURCE_INVALID", "The server upstream does not say what its model takes and answers: give the signature as a file (--signature), with inputs and outputs.");
    }
    assertNamesOnce([...inputs], [...outputs]);
    const plain: UpstreamDocument = { ...draft, binary: metadata?.binary ?? false };
    const example = given?.inputExample ?? null;
    const notes = [...(metadata?.notes ?? [])];
    if (example !== null) await this.#try(server(plain), { inputs, outputs }, example);
    else if (metadata === null) notes.push("No input example was given: whether the server upstream answers as the signature says shows with the first request.");
    if (request.version === undefined) notes.push("The server upstream decides which of its versions answers.");
    const document = { ...plain, secrets: await this.#keep(secrets, plain, former) };
    const stored = await blobs.put(Readable.from([Buffer.from(canonicalJson(document))]));
    if (document.secrets !== null) await headers.noteArtifact(document.secrets.id, stored.digest);
    const tensors = [...inputs, ...outputs];
    return {
      files: [{ path: "upstream.json", ...stored }],
      flavours: [],
      signature: { inputs, outputs },
      example,
      runtime: { kind: "upstream", upstream: { protocol: request.protocol, url: request.url, requestsAtOnce: request.requestsAtOnce, joinRequests: request.joinRequests } },
      batchable: given?.batchable ?? tensors.every(({ shape }) => shape[0] === -1),
      evaluation: {},
      notes,
      lineage: {},
    };
  }

  /** Throws MODEL_PROBE_FAILED, or why the server could not be asked. */
  async #try(server: UpstreamServer, shape: { inputs: TensorSpec[]; outputs: TensorSpec[] }, example: readonly ExampleTensor[]): Promise<void> {
    const inputs = shape.inputs.map((spec) => {
      const tensor = example.find(({ name }) => name === spec.name);
      const fits = tensor?.datatype === spec.datatype && tensor.shape.length === spec.shape.length && spec.shape.every((size, index) => size === -1 || size === tensor.shape[index]) && tensor.data.length === elementCount(tensor.shape);
      if (tensor === undefined || !fits) throw new AppError("MODEL_SOURCE_INVALID", `The input example does not fit the signature in ${JSON.stringify(spec.name)}.`);
      try {
        return tensorOfFlat(spec, tensor.shape, tensor.data.map((value) => exactValueOf(value, spec)));
      } catch (cause) {
        throw new AppError("MODEL_SOURCE_INVALID", `The input example has values in ${JSON.stringify(spec.name)} that are no ${spec.datatype}.`, { cause });
      }
    });
    try {
      await server.ask(inputs, shape);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.code !== "MODEL_RUN_FAILED" && error.code !== "UPSTREAM_BAD_ANSWER" && error.code !== "UPSTREAM_FAILED") throw error;
      throw new AppError("MODEL_PROBE_FAILED", `The server upstream does not answer the input example as the signature says: ${error.message}`, { cause: error });
    }
  }

  /** The same values in the same document keep their id, so that to deploy again is no new version. */
  async #keep(secrets: Readonly<Record<string, string>>, document: UpstreamDocument, former: UpstreamDocument | null): Promise<UpstreamDocument["secrets"]> {
    const names = Object.keys(secrets).sort();
    if (names.length === 0) return null;
    const { headers } = this.#options;
    const { url } = document;
    if (former !== null && former.secrets !== null && canonicalJson({ ...former, secrets: null }) === canonicalJson(document)) {
      const kept = await headers.read(former.secrets.id, url).catch(() => null);
      if (kept !== null && canonicalJson(kept) === canonicalJson(secrets)) return former.secrets;
    }
    return { id: await headers.keep(secrets, url), names };
  }
}

/** Integers beyond 2^53 come as texts. */
function exactValueOf(value: number | string | boolean, { datatype }: TensorSpec): number | bigint | string | boolean {
  if (typeof value !== "string" || datatype === "BYTES") return value;
  return datatype.startsWith("FP") ? Number(value) : BigInt(value);
}

function formatOf({ protocol, format }: UpstreamRequest): UpstreamDocument["format"] {
  if (protocol === "tf-serving") {
    if (format !== undefined && format !== "inputs" && format !== "instances") throw new AppError("INVALID_REQUEST", "TF Serving takes the formats inputs and instances.");
    return format ?? "inputs";
  }
  return format ?? "instances";
}

/** Metadata that cannot be read is no matter where the deployer has said everything. */
function unlessGiven(error: unknown, given: boolean): null {
  if (given && error instanceof AppError && (error.code === "MODEL_SOURCE_INVALID" || error.code === "UPSTREAM_REFUSED" || error.code === "UPSTREAM_BAD_ANSWER" || error.code === "MODEL_RUN_FAILED")) return null;
  throw error;
}

function assertNamesOnce(...sides: TensorSpec[][]): void {
  for (const side of sides) {
    const names = side.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new AppError("MODEL_SOURCE_INVALID", `The signature has ${JSON.stringify(twice.slice(0, 100))} twice.`);
  }
}
