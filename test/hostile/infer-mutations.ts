import { deflateSync, gzipSync } from "node:zlib";
import { inferModels, type InferModel, type WireTensor } from "./infer-models.ts";
import type { SeededRandom } from "../kit/seed.ts";

/** One request as it goes on the wire, with what was done to it. */
export interface WireRequest {
  description: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

/** JSON that JSON.stringify does not write: the text stands in the body as it is. */
const verbatim = (text: string): string => `\u0001${text}\u0002`;
/** JSON.stringify escapes the marks, so they are found again even within other texts. */
export const toJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value).replace(/"\\u0001(.*?)\\u0002"/g, (_, text: string) => JSON.parse(`"${text}"`) as string));

type Loose = Record<string, unknown>;
interface LooseRequest extends Loose {
  inputs: Loose[];
}

const notTexts: readonly unknown[] = [1, null, true, {}, [], ["x"]];
const notLists: readonly unknown[] = [null, 7, "x", true, {}];
const oddNames = ["", "__proto__", "constructor", "toString", "../x", "features\u0000", "x".repeat(5000), "ｆeatures", "$where", "'; DROP TABLE models; --"];

/** Ways to make a valid JSON request wrong for certain, by what they do. */
const jsonMutations: Record<string, (request: LooseRequest, random: SeededRandom) => unknown> = {
  "one dimension more": (request, random) => edit(request, random, (input) => (input.shape as number[]).push(1)),
  "no dimensions": (request, random) => edit(request, random, (input) => (input.shape = [])),
  "a thousand dimensions": (request, random) => edit(request, random, (input) => (input.shape = new Array(1000).fill(1))),
  "a dimension that is no count": (request, random) =>
    edit(request, random, (input) => {
      const wrong = [-1, -3, 0, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, verbatim("9223372036854775807"), verbatim("18446744073709551616"), verbatim("1e400"), "3", null, true, [2], {}, verbatim("NaN")];
      (input.shape as unknown[])[random.integer(0, 1)] = random.pick(wrong);
    }),
  "dimensions whose product wraps": (request, random) => edit(request, random, (input) => (input.shape = random.pick([[2 ** 32, 2 ** 32], [65_536, 65_536], [2 ** 40, 2 ** 24], [0, 2 ** 60]]))),
  "a shape that is no list": (request, random) => edit(request, random, (input) => (input.shape = random.pick(notLists))),
  "a value too few": (request, random) => edit(request, random, (input) => (input.data as unknown[]).pop()),
  "a value too many": (request, random) => edit(request, random, (input) => (input.data as unknown[]).push((input.data as unknown[])[0])),
  "no values": (request, random) => edit(request, random, (input) => (input.data = [])),
  "ragged rows": (request, random) => edit(request, random, (input) => (input.data = [[(input.data as unknown[])[0]], input.data])),
  "data that is no list": (request, random) => edit(request, random, (input) => (input.data = random.pick(notLists))),
  "a value of a wrong kind": (request, random) =>
    edit(request, random, (input) => {
      const text = input.datatype === "BYTES";
      const wrong = text ? [1, null, true, {}, 1.5] : [null, true, {}, "", "abc", "1,5", "0x10", verbatim('"\\ud800"')];
      (input.data as unknown[])[0] = random.pick(wrong);
    }),
  "a number that is none, or too large": (request, random) =>
    edit(request, random, (input) => {
      const floats = ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1e39", `1${"0".repeat(5000)}`, "01", "1.", ".5", "+1", "1e", "--1", "0x1F", "1_000"];
      const longs = ["9223372036854775808", "-9223372036854775809", "18446744073709551615", "1.5", "1e30", "NaN", "Infinity", `${"9".repeat(5000)}`, "007", "1e-1"];
      const texts = ["NaN", "1e400", "nul", "tru", "undefined", "'x'"];
      const of = input.datatype === "FP32" ? floats : input.datatype === "INT64" ? longs : texts;
      (input.data as unknown[])[0] = verbatim(random.pick(of));
    }),
  "a datatype of another kind": (request, random) =>
    edit(request, random, (input) => {
      const all = ["FP64", "FP16", "BF16", "INT8", "UINT64", "BOOL", "BYTES", "INT64", "FP32", "fp32", "float32", "STRING", "", "__proto__", "constructor", "X".repeat(5000)];
      input.datatype = random.pick(all.filter((one) => one !== input.datatype));
    }),
  "a datatype that is no text": (request, random) => edit(request, random, (input) => (input.datatype = random.pick(notTexts))),
  "an input of an odd name": (request, random) => edit(request, random, (input) => (input.name = random.pick(oddNames))),
  "a name that is no text": (request, random) => edit(request, random, (input) => (input.name = random.pick(notTexts))),
  "a member missing": (request, random) =>
    edit(request, random, (input) => {
      const gone = random.pick(["name", "datatype", "shape", "data"]);
      Reflect.deleteProperty(input, gone);
    }),
  "an input twice": (request, random) => ({ ...request, inputs: [...request.inputs, random.pick(request.inputs)] }),
  "an input missing": (request) => ({ ...request, inputs: request.inputs.slice(1) }),
  "thousands of unknown inputs": (request, random) => ({
    ...request, inputs: [...request.inputs, ...Array.from({ length: random.integer(100, 2000) }, (_, index) => ({ name: `n${index}`, datatype: "FP32", shape: [1], data: [0] }))],
  }),
  "inputs that are no list": (request, random) => ({ ...request, inputs: random.pick(notLists) }),
  "an input that is no object": (request, random) => ({ ...request, inputs: [...request.inputs, random.pick([null, 7, "x", true, []])] }),
  "no inputs at all": () => ({}),
  "outputs that are no list": (request, random) => ({ ...request, outputs: random.pick([{}, "y", 7, true]) }),
  "an output that is not there": (request, random) => ({ ...request, outputs: [{ name: random.pick(oddNames) }] }),
  "an output that is no object": (request, random) => ({ ...request, outputs: [random.pick([7, "score", null, [], {}])] }),
  "an id that is none": (request, random) => ({ ...request, id: random.pick([7, {}, [], true, "i".repeat(1025), "i".repeat(100_000)]) }),
  "parameters that are no object": (request, random) => ({ ...request, parameters: random.pick([[], 7, "x", true]) }),
  "a length of binary data that is not there": (request, random) =>
    edit(request, random, (input) => {
      Reflect.deleteProperty(input, "data");
      input.parameters = { binary_data_size: random.pick<unknown>([0, 1, 4, -1, 2 ** 31, 2 ** 53, verbatim("9223372036854775808"), 0.5, "12", true, null]) };
    }),
  "a document that is no object": (_request, random) => random.pick<unknown>([[], null, 7, "x", true, [[]], verbatim("NaN")]),
};

function edit(request: LooseRequest, random: SeededRandom, change: (input: Loose) => void): LooseRequest {
  change(random.pick(request.inputs));
  return request;
}

/** Ways to break a JSON text that was right, whatever it says. */
const textMutations: Record<string, (text: Buffer, random: SeededRandom) => Buffer> = {
  "cut short": (text, random) => text.subarray(0, random.integer(0, text.length - 1)),
  "a bracket, colon or quote deleted": (text, random) => {
    const places = [...text.keys()].filter((at) => "{}[]:\"".includes(String.fromCharCode(text[at]!)) && text[at - 1] !== 0x5c);
    const at = random.pick(places);
    return Buffer.concat([text.subarray(0, at), text.subarray(at + 1)]);
  },
  "something behind the end": (text, random) => Buffer.concat([text, Buffer.from(random.pick(["{}", "x", ",", "]", "\u0000", "null", "/**/"]))]),
  "something before the start": (text, random) => Buffer.concat([Buffer.from(random.pick(["{", "x", ",", "\u0000", ")]}',\n", "//\n"])), text]),
  "bytes that are no UTF-8": (text, random) => {
    const quote = text.indexOf('"') + 1;
    return Buffer.concat([text.subarray(0, quote), Buffer.from(random.pick(["ff", "c0af", "eda080", "f8888080", "80", "e28f"]), "hex"), text.subarray(quote)]);
  },
  "a control character or a broken escape in a text": (text, random) => {
    const quote = text.indexOf('"') + 1;
    return Buffer.concat([text.subarray(0, quote), Buffer.from(random.pick(["\u0000", "\n", "\\x", "\\u12", "\\ud800", "\\", "\\u{1}"])), text.subarray(quote)]);
  },
  "brackets without end": (text, random) => Buffer.concat([text.subarray(0, -1), Buffer.from(`,"deep":${random.pick(["[", '{"a":', "[{"].map((one) => one.repeat(20_000)))}`)]),
  "nested deeper than anything needs": (text, random) => {
    const depth = random.integer(40, 5000);
    return Buffer.concat([text.subarray(0, -1), Buffer.from(`,"deep":${"[".repeat(depth)}${"]".repeat(depth)}}`)]);
  },
};

function jsonRequest(model: InferModel, random: SeededRandom): LooseRequest {
  return structuredClone({ id: "hostile", inputs: model.inputs(random) }) as unknown as LooseRequest;
}

const inferPath = ({ name }: InferModel): string => `/v2/models/${name}/infer`;

/** The tensor as binary data has it. */
export function binaryOf({ datatype, data }: WireTensor): Buffer {
  if (datatype === "FP32") return Buffer.from(Float32Array.from(data as number[]).buffer);
  if (datatype === "INT64") return Buffer.from(BigInt64Array.from(data.map(BigInt)).buffer);
  return Buffer.concat(
    (data as string[]).flatMap((text) => {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** A valid request with binary data. */
export function binaryRequest(inputs: readonly WireTensor[], id: string): { head: { id: string; inputs: Loose[] }; parts: Buffer[] } {
  const parts = inputs.map(binaryOf);
  const head = { id, inputs: inputs.map(({ name, datatype, shape }, index): Loose => ({ name, datatype, shape, parameters: { binary_data_size: parts[index]!.length } })) };
  return { head, parts };
}

const lengthHeader = "Inference-Header-Content-Length";

/** Binary data whose lengths, bytes or header lie. */
function binaryMutation(model: InferModel, random: SeededRandom): WireRequest {
  const { head, parts } = binaryRequest(model.inputs(random), "hostile");
  const input = random.integer(0, parts.length - 1);
  const size = (head.inputs[input]!.parameters as { binary_data_size: unknown });
  const whole = (): Buffer => Buffer.concat([toJson(head), ...parts]);
  const sent = (what: string, header: string | undefined, body = whole()): WireRequest => ({
    description: `${model.name}, binary: ${what}`, path: inferPath(model), headers: header === undefined ? {} : { [lengthHeader]: header }, body,
  });
  const right = (): string => String(toJson(head).length);
  switch (random.integer(0, 8)) {
    case 0: return sent("a header that is no length", random.pick(["-1", "abc", "1e2", "+5", "0x10", "1.0", "9".repeat(30), "9223372036854775808", ",", "1, 2", "NaN"]));
    case 1: return sent("a header one off, or far off", String(Number(right()) + random.pick([-1, 1, 3, -7, 1000, 2 ** 31])));
    case 2: return sent("no header", undefined);
    case 3:
      size.binary_data_size = random.pick<unknown>([Number(size.binary_data_size) + random.pick([-1, 1, 4, 8]), 2 ** 31, 2 ** 53, verbatim("9223372036854775808"), -4, 0.5, "8", true, null, verbatim("NaN")]);
      return sent("a size that lies", right());
    case 4: return sent("cut short", right(), whole().subarray(0, -random.integer(1, parts.reduce((sum, part) => sum + part.length, 0))));
    case 5: return sent("bytes left over", right(), Buffer.concat([whole(), random.bytes(random.integer(1, 40))]));
    case 6: {
      const part = parts[input]!;
      const { datatype } = head.inputs[input]!;
      if (datatype === "FP32") part.writeUInt32LE(random.pick([0x7fc00000, 0xffffffff, 0x7f800000, 0xff800000, 0x7f800001]), 4 * random.integer(0, part.length / 4 - 1));
      else if (datatype === "BYTES") part.writeUInt32LE(random.pick([0xffffffff, 0x7fffffff, 2 ** 31, part.readUInt32LE() + 1, part.length]), 0);
      else size.binary_data_size = part.length - 4;
      return sent("values that no input may have, or element lengths that lie", right());
    }
    case 7: {
      const { shape } = head.inputs[input]! as { shape: number[] };
      shape[random.integer(0, 1)]! += random.pick([1, 2, 65_536, 2 ** 32]);
      return sent("a shape that the bytes do not fill", right());
    }
    default:
      head.inputs[input]!.data = [1];
      return sent("data beside its binary data", right());
  }
}

/** Bodies that are one input's bytes and nothing else. */
function rawMutation(model: InferModel, random: SeededRandom): WireRequest {
  const sent = (what: string, body: Buffer): WireRequest => ({ description: `${model.name}, raw: ${what}`, path: inferPath(model), headers: { [lengthHeader]: "0" }, body });
  if (model.name === "mixed") return sent("for several inputs", random.bytes(random.integer(0, 100)));
  if (model.name === "words") return sent("bytes that are no UTF-8", Buffer.concat([Buffer.from("w"), Buffer.of(0xff, 0xfe), random.bytes(5)]));
  const row = model.name === "tabular" ? 12 : 16;
  if (model.name === "tabular" && random.next() < 0.5) {
    const body = Buffer.alloc(row * random.integer(1, 3));
    body.writeUInt32LE(random.pick([0x7fc00000, 0x7f800000, 0xff800000]), body.length - 4);
    return sent("NaN or infinity", body);
  }
  return sent("no whole rows", random.bytes(row * random.integer(0, 20) + random.pick([0, 1, 3, 5, 7]) + (random.next() < 0.5 ? 1 : 2)));
}

/** Compressed bodies that are broken, lie, or are of a kind that nobody agreed on. */
function compressedMutation(model: InferModel, random: SeededRandom): WireRequest {
  const plain = toJson(jsonRequest(model, random));
  const sent = (what: string, encoding: string, body: Buffer): WireRequest => ({
    description: `${model.name}, ${encoding}: ${what}`, path: inferPath(model), headers: { "Content-Encoding": encoding }, body,
  });
  const zipped = gzipSync(plain);
  const deflated = deflateSync(plain);
  switch (random.integer(0, 6)) {
    case 0: return sent("cut short", "gzip", zipped.subarray(0, random.integer(0, zipped.length - 1)));
    case 1: return sent("cut short", "deflate", deflated.subarray(0, random.integer(0, deflated.length - 5)));
    case 2: {
      zipped.writeUInt32LE((zipped.readUInt32LE(zipped.length - 8) ^ (1 << random.integer(0, 30))) >>> 0, zipped.length - 8);
      return sent("a checksum that lies", "gzip", zipped);
    }
    case 3: return sent("plain after all", random.pick(["gzip", "x-gzip"]), plain);
    case 4: return sent("noise", random.pick(["gzip", "deflate"]), Buffer.concat([Buffer.of(0x0f), random.bytes(random.integer(1, 300))]));
    case 5: return sent("another encoding", random.pick(["br", "zstd", "compress", "gzip, gzip", "gzip,deflate", "../gzip", "__proto__", "x".repeat(500)]), zipped);
    default: return sent("gzip twice", "gzip", gzipSync(zipped));
  }
}

/** `/v1/models/M:predict`, TF Serving's and KServe's older protocol. */
function predictMutation(model: InferModel, random: SeededRandom): WireRequest {
  const instances = model.instances(model.inputs(random)) as unknown[][];
  const sent = (what: string, value: unknown): WireRequest => ({ description: `${model.name}, v1: ${what}`, path: `/v1/models/${model.name}:predict`, headers: {}, body: toJson(value) });
  switch (random.integer(0, 6)) {
    case 0: return sent("no rows at all", random.pick<unknown>([{}, { instance: instances }, [], null, { instances: null }, { instances: 7 }, { instances: "x" }, { instances: {} }]));
    case 1: return sent("rows and columns", { instances, inputs: instances });
    case 2: return sent("a row that is none", { instances: [...instances, random.pick<unknown>([null, {}, [], [[[1]]], { unknown: 1 }])] });
    case 3: return sent("a row too long", { instances: [...instances, model.name === "mixed" ? { amounts: [1, 2, 3], country: ["DE"], weekday: [1] } : [...instances[0]!, instances[0]![0]]] });
    case 4: return sent("a name that the model does not have", { instances: [{ [random.pick(oddNames.filter((name) => name !== ""))]: [1] }] });
    case 5: return sent("no rows", { instances: [] });
    default: {
      const wrong = model.name === "words" ? 7 : verbatim(random.pick(["NaN", "1e400", "1e39", "-Infinity", '"x"', "null"]));
      return sent("a value that is none", { instances: [model.name === "mixed" ? { amounts: [1, wrong], country: ["DE"], weekday: [1] } : instances[0]!.map(() => wrong)] });
    }
  }
}

/** `/invocations`, MLflow's protocol, as JSON and CSV. */
function invocationMutation(model: InferModel, random: SeededRandom): WireRequest {
  const instances = model.instances(model.inputs(random));
  const sent = (what: string, body: Buffer, contentType?: string): WireRequest => ({
    description: `${model.name}, invocations: ${what}`, path: "/invocations",
    headers: { "X-Slipway-Model": model.name, ...(contentType === undefined ? {} : { "Content-Type": contentType }) }, body,
  });
  switch (random.integer(0, 5)) {
    case 0: return sent("no known form", toJson(random.pick<unknown>([{}, { dataframe: {} }, [], null, { columns: [], data: [] }])));
    case 1: return sent("two forms", toJson({ instances, dataframe_records: instances }));
    case 2: return sent("a table that is none", toJson({ dataframe_split: random.pick<unknown>([null, [], 7, {}, { columns: ["a"] }, { data: 7 }, { columns: 7, data: [[1]] }, { columns: [null], data: [[1]] }, { columns: ["a"], data: [] }]) }));
    case 3: return sent("records that are none", toJson({ dataframe_records: random.pick<unknown>([null, 7, "x", {}, [null], [[[[1]]]], [{ nobody: 1 }]]) }));
    case 4: return sent("CSV that is none", Buffer.from(random.pick(["", "\n\n", '"', 'a,"b', "a\n1,2\n", "\u0000", "=cmd|' /C calc'!A0\n1\n", "a,a,a\n1,2,3,4,5\n", `${"x,".repeat(3000)}\n1\n`])), "text/csv");
    default: return sent("a content type that nobody reads", toJson({ instances }), random.pick(["text/html", "application/xml", "application/x-python-pickle", "text/csv; charset=utf-16", "application/json; charset=latin1", "../json", "x/x;;;=", "multipart/form-data"]));
  }
}

/** One request that no server may answer with a prediction. */
export function hostileRequest(random: SeededRandom): WireRequest {
  const model = random.pick(inferModels);
  const kind = random.next();
  if (kind < 0.4) {
    const what = random.pick(Object.keys(jsonMutations));
    return { description: `${model.name}: ${what}`, path: inferPath(model), headers: {}, body: toJson(jsonMutations[what]!(jsonRequest(model, random), random)) };
  }
  if (kind < 0.6) {
    const what = random.pick(Object.keys(textMutations));
    return { description: `${model.name}: ${what}`, path: inferPath(model), headers: {}, body: textMutations[what]!(toJson(jsonRequest(model, random)), random) };
  }
  if (kind < 0.75) return binaryMutation(model, random);
  if (kind < 0.8) return rawMutation(model, random);
  if (kind < 0.86) return compressedMutation(model, random);
  if (kind < 0.93) return predictMutation(model, random);
  return invocationMutation(model, random);
}

/** A valid request with some of its bits turned: wrong most of the time, but who knows. */
export function noisyRequest(random: SeededRandom): WireRequest {
  const model = random.pick(inferModels);
  const inputs = model.inputs(random);
  const { head, parts } = binaryRequest(inputs, "noisy");
  const binary = random.next() < 0.5;
  const body = binary ? Buffer.concat([toJson(head), ...parts]) : toJson({ id: "noisy", inputs });
  for (let turned = random.integer(1, 6); turned > 0; turned--) body[random.integer(0, body.length - 1)]! ^= 1 << random.integer(0, 7);
  return { description: `${model.name}: noise`, path: inferPath(model), headers: binary ? { [lengthHeader]: String(toJson(head).length) } : {}, body };
}
