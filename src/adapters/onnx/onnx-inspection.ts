import { AppError, type Problem } from "../../core/errors.ts";
import type { ModelInspection } from "../../registry/model-inspector.ts";
import type { TensorSpec } from "../../registry/schemas.ts";
import { datatypeOf, elementTypeName } from "./graph/element-types.ts";
import type { OnnxDimension, OnnxGraph, OnnxModel, OnnxNode, OnnxType, OnnxValue } from "./graph/onnx-graph.ts";
import { notAnOnnxModel } from "./graph/protobuf-wire.ts";
import { readGraph } from "./graph/read-graph.ts";
import { removeZipMaps, type RemovedZipMap } from "./graph/remove-zip-map.ts";
import { valueDependentOperators } from "./graph/value-dependent-cost.ts";

/** The reference parser takes no longer message. */
const largestFileBytes = 2 ** 31 - 1;
const mostTensors = 10_000;
const longestName = 1024;
/** A row of more elements could not be held in any tensor of the runtime's. */
const mostElementsPerRow = 2 ** 31 - 1;
const mostColumnNames = 1000;
const mostNotes = 100;

/** Control characters, line ends, and marks that turn the direction of text around them. */
const unprintable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;
/** Names become keys of JSON objects; these would reach into the object's own workings. */
const dangerousKeys = new Set(["__proto__", "constructor", "prototype"]);

/**
 * Reads an ONNX file without running anything of it: signature, operator sets, what must be changed to serve it, and
 * whether its cost depends on values. Takes time in proportion to the nodes, not to the weights.
 *
 * Throws MODEL_FILE_INVALID when the bytes are no ONNX model or its signature cannot be served (every offending tensor
 * is named), MODEL_EXTERNAL_DATA when weights lie in other files, MODEL_OPERATOR_UNSUPPORTED for operators that load
 * other files.
 */
export function inspectOnnx(bytes: Uint8Array): ModelInspection {
  if (bytes.length > largestFileBytes) throw notAnOnnxModel("it is larger than 2 GiB, the most that the format allows");
  const original = readGraph(bytes);
  refuseOtherFiles(original);
  refuseOpsets(original);
  const rewrite = removeZipMaps(bytes, original);
  const model = rewrite === undefined ? original : readGraph(rewrite.bytes);
  const notes: string[] = [];
  const { inputs, outputs } = readSignature(model, rewrite?.removed ?? [], notes);
  const operators = valueDependentOperators(model);
  if (operators.length > 0) notes.push(describeCost(operators));
  const inspection: ModelInspection = {
    inputs,
    outputs,
    opsets: Object.fromEntries(model.opsets),
    producer: describeProducer(model),
    notes: shorten(notes),
    valueDependentCost: operators.length > 0,
  };
  return rewrite === undefined ? inspection : { ...inspection, rewritten: rewrite.bytes };
}

function shorten(notes: string[]): string[] {
  if (notes.length <= mostNotes) return notes;
  return [...notes.slice(0, mostNotes), notes.length - mostNotes === 1 ? "There is one more note like these." : `There are ${notes.length - mostNotes} more notes like these.`];
}

function refuseOtherFiles(model: OnnxModel): void {
  if (model.externalTensors.length > 0) {
    const named = model.externalTensors.slice(0, 5).map(quote).join(", ");
    const rest = model.externalTensors.length > 5 ? " and others" : "";
    throw new AppError(
      "MODEL_EXTERNAL_DATA",
      `The model keeps the data of ${named}${rest} in other files; Slipway takes models that are one file.`,
    );
  }
  // An execution provider's compiled graph: a path to another file, or machine code.
  const loads = (node: OnnxNode): boolean => node.opType === "EPContext" || node.subgraphs.some(graphLoads);
  const graphLoads = (graph: OnnxGraph): boolean => graph.nodes.some(loads);
  if (graphLoads(model.graph) || model.functions.some((declared) => declared.nodes.some(loads))) {
    throw new AppError(
      "MODEL_OPERATOR_UNSUPPORTED",
      "The model has EPContext nodes, which load code compiled for one machine; deploy the model that they were compiled from.",
    );
  }
}

function refuseOpsets(model: OnnxModel): void {
  if (model.opsets.size === 0) throw notAnOnnxModel("it names no operator set");
  for (const domain of model.opsets.keys()) {
    const problem = describeBadName(domain);
    if (problem !== undefined) throw new AppError("MODEL_FILE_INVALID", `The model imports an operator set whose domain ${problem}.`);
  }
}

function readSignature(
  model: OnnxModel,
  removed: readonly RemovedZipMap[],
  notes: string[],
): { inputs: TensorSpec[]; outputs: TensorSpec[] } {
  const problems: Problem[] = [];
  const inputs = readTensors("input", model.graph.inputs, problems, notes);
  const outputs = readTensors("output", model.graph.outputs, problems, notes);
  if (problems.length > 0) {
    const more = problems.length - 1;
    const rest = more === 0 ? "" : more === 1 ? " There is one more problem." : ` There are ${more} more problems.`;
    throw new AppError("MODEL_FILE_INVALID", `The model's signature cannot be served: ${problems[0]!.message}${rest}`, {
      problems: problems.slice(0, 100),
    });
  }
  const byName = new Map(outputs.map((output) => [output.name, output]));
  for (const zipMap of removed) {
    const { labels } = zipMap;
    const spec = byName.get(zipMap.output)!;
    notes.push(describeRemoval(zipMap, spec.shape));
    if (spec.shape.at(-1) === labels.length && labels.length <= mostColumnNames) spec.columns = labels;
  }
  return { inputs, outputs };
}

function readTensors(side: "input" | "output", values: readonly OnnxValue[], problems: Problem[], notes: string[]): TensorSpec[] {
  if (values.length === 0) problems.push({ path: `${side}s`, message: `It has no ${side}s.` });
  if (values.length > mostTensors) {
    problems.push({ path: `${side}s`, message: `It has ${values.length} ${side}s, more than ${mostTensors}.` });
    return [];
  }
  const specs: TensorSpec[] = [];
  const seen = new Set<string>();
  for (const [index, { name, type }] of values.entries()) {
    const path = `${side}s[${index}]`;
    const badName = describeBadName(name);
    if (badName !== undefined) problems.push({ path, message: `The name of ${side} number ${index + 1} ${badName}.` });
    else if (seen.has(name)) problems.push({ path, message: `Two ${side}s are named ${quote(name)}.` });
    seen.add(name);
    const tensor = readTensorType(type);
    if (typeof tensor === "string") {
      problems.push({ path, message: `The ${side} ${quote(name)} ${tensor}` });
      continue;
    }
    if (type.kind === "tensor" && type.shape === undefined) notes.push(describeMissingShape(side, name));
    // The probe puts what it saw in the place of an output's open shape; an input's must be guessed, and the probe tries the guess.
    const shape = tensor.shape ?? (side === "input" ? [-1, -1] : [-1]);
    specs.push({ name, datatype: tensor.datatype, shape, missingAllowed: false });
  }
  return specs;
}

/** The rest of a sentence that says why a type cannot be served, or what it is. */
function readTensorType(type: OnnxType): string | { datatype: TensorSpec["datatype"]; shape: number[] | undefined } {
  if (type.kind === "sequence" || type.kind === "map") {
    return (
      `is a ${type.kind}; only tensors can be served. ` +
      "Export the model so that it returns tensors (skl2onnx: the option zipmap=False, or one output per class or target)."
    );
  }
  if (type.kind !== "tensor") {
    return `is ${type.kind === "optional" || type.kind === "opaque value" ? "an" : "a"} ${type.kind}; only tensors can be served.`;
  }
  const datatype = datatypeOf(type.elementType);
  if (datatype === undefined) {
    return type.elementType === 0
      ? "does not say the type of its elements."
      : `has elements of type ${elementTypeName(type.elementType)}, for which the Open Inference Protocol has no datatype; ` +
          "cast it to another type within the model.";
  }
  const shape = type.shape?.map((dimension: OnnxDimension) => (typeof dimension === "string" ? -1 : dimension));
  let elements = 1;
  for (const dimension of shape ?? []) if (dimension > 0) elements *= dimension;
  if (elements > mostElementsPerRow) return `has a shape of more than ${mostElementsPerRow} elements.`;
  return { datatype, shape };
}

/** The rest of a sentence that says what is wrong with a name, or undefined when nothing is. */
function describeBadName(name: string): string | undefined {
  if (name === "") return "is empty";
  if (name.length > longestName) return `is longer than ${longestName} characters`;
  if (unprintable.test(name)) return `has control characters: ${quote(name)}`;
  const key = name.split(".").find((part) => dangerousKeys.has(part));
  if (key !== undefined) return `must not be ${quote(key)} or contain it as a part: ${quote(name)}`;
  return undefined;
}

/** JSON escapes what would disturb a line of text, but for the characters that it may hold as they are. */
function quote(text: string): string {
  const short = text.length > 100 ? `${text.slice(0, 100)}...` : text;
  return JSON.stringify(short).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function describeMissingShape(side: "input" | "output", name: string): string {
  return side === "input"
    ? `The input ${quote(name)} does not say its shape; it is taken for a table of rows and columns, [-1, -1].`
    : `The output ${quote(name)} does not say its shape; it is taken from what the model returns when it is tried.`;
}

function describeRemoval({ output, labels, labelKind }: RemovedZipMap, shape: readonly number[]): string {
  const listed = labels
    .slice(0, 50)
    .map((label) => (labelKind === "text" ? quote(label) : label))
    .join(", ");
  const rest = labels.length > 50 ? ` and ${labels.length - 50} more` : "";
  return (
    `The output ${quote(output)} was a sequence of maps from class to probability (ZipMap), which the Open Inference Protocol ` +
    `cannot carry. The ZipMap node was removed: the output is now an FP32 tensor of shape [${shape.join(", ")}] with one column ` +
    `for each class, in this order: ${listed}${rest}.`
  );
}

function describeCost(operators: readonly string[]): string {
  const listed = operators
    .slice(0, 5)
    .map((name) => (/^\w{1,64}$/.test(name) ? name : quote(name)))
    .join(", ");
  const rest = operators.length > 5 ? ` and ${operators.length - 5} more` : "";
  return (
    `The model has operators whose cost can depend on the values they are given (${listed}${rest}), ` +
    "so it always runs in a process of its own."
  );
}

function describeProducer({ producerName, producerVersion }: OnnxModel): string | undefined {
  const producer = `${producerName} ${producerVersion}`.trim().slice(0, 200);
  return producer === "" || unprintable.test(producer) ? undefined : producer;
}
