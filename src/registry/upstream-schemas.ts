import { z } from "zod";
import { ExampleTensor, TensorSpec } from "./schemas.ts";

/** What the server upstream speaks. */
export const UpstreamProtocol = z.enum(["open-inference", "tf-serving", "torchserve", "sagemaker", "json"]).meta({ id: "UpstreamProtocol" });
export type UpstreamProtocol = z.infer<typeof UpstreamProtocol>;

/**
 * How the rows of a request are written as JSON, for protocols that leave it open:
 * - `instances`: `{"instances": [row, ...]}`, a row being the value of an only input, else an object by input
 * - `inputs`: `{"inputs": {"name": [...], ...}}`
 * - `records`: `[{"name": value, ...}, ...]`
 * - `columns`: `{"name": [value, ...], ...}`
 * - `split`: `{"dataframe_split": {"columns": [...], "data": [[...], ...]}}`
 * - `array`: the value of the only input and nothing around it
 * - `csv`: a line for each row, inputs in the order of the signature; the answer is lines too, or JSON
 */
const UpstreamFormat = z.enum(["instances", "inputs", "records", "columns", "split", "array", "csv"]).meta({ id: "UpstreamFormat" });

/** What JSON says for NaN and the infinities, which it has no word for: nothing (such a request is refused), `null`, or the words NaN, Infinity, -Infinity. */
export const UpstreamMissing = z.enum(["refuse", "null", "word"]).meta({ id: "UpstreamMissing" });
export type UpstreamMissing = z.infer<typeof UpstreamMissing>;

/** A signature that a deployer gives where no metadata tells it. */
const GivenSignature = z
  .strictObject({
    inputs: z.array(TensorSpec).min(1).max(1000),
    outputs: z.array(TensorSpec).min(1).max(1000),
    batchable: z.boolean().optional().meta({ description: "Whether the first dimension counts rows; where it is not said, whether it is open in every tensor" }),
    inputExample: z.array(ExampleTensor).optional().meta({ description: "Sent once before the version is written: a server that cannot answer it is refused" }),
  })
  .meta({ id: "GivenSignature" });

const place = z.string().max(1000).regex(/^\/[\x21-\x7e]*$/, "a path that begins with / and has no spaces");
const pathWord = z.string().min(1).max(200);

const basics = {
  url: z.url({ protocol: /^https?$/ }).max(1000).refine(isPlain, "an address without user, query and fragment: give secrets as headers").meta({ example: "http://models.internal:8080" }),
  protocol: UpstreamProtocol,
  model: pathWord.optional().meta({ description: "The model's name upstream; the name that it is deployed under where it is not said" }),
  version: pathWord.optional().meta({ description: "The version upstream; where it is not said the server upstream decides, and may change it" }),
  path: place.optional().meta({ description: "Where predictions are asked for, in the place of the protocol's own path; it is no secret" }),
  healthPath: place.optional().meta({ description: "What answers 2xx while predictions can be had, in the place of the protocol's own path" }),
  signatureName: pathWord.optional().meta({ description: "Of tf-serving; serving_default where it is not said" }),
  format: UpstreamFormat.optional().meta({ description: "Of torchserve, sagemaker and json: instances where it is not said. Of tf-serving inputs or instances" }),
  missing: UpstreamMissing.optional().meta({ description: "refuse where it is not said, but for tf-serving, whose word is NaN" }),
  timeoutMs: z.number().int().min(10).max(600_000).default(2000).meta({ description: "For one whole request upstream" }),
  maxAnswerBytes: z.number().int().min(1024).max(2 ** 30).default(64 << 20),
  requestsAtOnce: z.number().int().min(1).max(1024).default(32).meta({ description: "Requests upstream at once; more wait in the queue" }),
  joinRequests: z.boolean().default(false).meta({ description: "Whether requests of several callers may go upstream as one: servers upstream do that themselves" }),
};

/** A server that exists, as a version of a model. */
export const UpstreamRequest = z
  .strictObject({
    ...basics,
    headers: z
      .record(z.string().max(200).regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().max(8000).regex(/^[\x20-\x7e]*$/, "one line of printable characters"))
      .refine((headers) => Object.keys(headers).length <= 32, "at most 32 headers")
      .default({})
      .meta({ description: "Sent with every request upstream, such as Authorization. Kept sealed beside the database, and never shown again" }),
    signature: GivenSignature.optional().meta({ description: "Needed where the protocol has no metadata: torchserve, sagemaker, json" }),
  })
  .meta({ id: "UpstreamRequest" });
export type UpstreamRequest = z.infer<typeof UpstreamRequest>;

/** The artifact of a version that is answered upstream: everything but the values of its headers. */
export const UpstreamDocument = z.strictObject({
  documentVersion: z.literal(1),
  ...basics,
  model: pathWord,
  signatureName: pathWord,
  format: UpstreamFormat,
  missing: UpstreamMissing,
  /** Of open-inference: the server said that it takes tensors as bytes, which are exact. */
  binary: z.boolean(),
  /** Names of the headers whose values are sealed under this id; null where there are none. */
  secrets: z.strictObject({ id: z.string(), names: z.array(z.string()) }).nullable(),
});
export type UpstreamDocument = z.infer<typeof UpstreamDocument>;

function isPlain(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "" && !text.includes("?") && !text.includes("#");
}
