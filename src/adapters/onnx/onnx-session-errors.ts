import { AppError } from "../../core/errors.ts";

/** A name out of a model file, safe in a message: quoted and short. */
function quote(name: string): string {
  return JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}...` : name);
}

function operator(domain: string, name: string): string {
  return domain === "" || domain === "ai.onnx" ? `The operator ${quote(name)}` : `The operator ${quote(name)} of the domain ${quote(domain)}`;
}

interface Rule {
  pattern: RegExp;
  explain(match: RegExpExecArray): string;
}

/** The first rule that fits, in our words. */
function explainBy(rules: readonly Rule[], text: string): string | undefined {
  for (const { pattern, explain } of rules) {
    const match = pattern.exec(text);
    if (match) return explain(match);
  }
  return undefined;
}

// The patterns follow the messages of ONNX Runtime 1.30; a message that fits none still ends in the right code, with fewer words.

const unsupported: readonly Rule[] = [
  {
    // In Node, ("name", Frobnicate, "com.acme", -1) : ... Error No Op registered for Frobnicate with domain_version of 17
    pattern: /In Node, \("[^"]*", ([^,]*), "([^"]*)", -?\d+\)[^]*No Op registered for \S+ with domain_version of (\d+)/,
    explain: ([, name, domain, version]) => `${operator(domain!, name!)} does not exist in operator set ${version}.`,
  },
  {
    pattern: /In Node, \("[^"]*", ([^,]*), "([^"]*)", -?\d+\)[^]*No opset import for domain/,
    explain: ([, name, domain]) => `${operator(domain!, name!)} is of an operator set that the model does not import.`,
  },
  {
    pattern: /Fatal error: (\S*?):([^:(\s]+)\(-?\d+\) is not a registered function\/op/,
    explain: ([, domain, name]) => `${operator(domain!, name!)} is not known.`,
  },
  {
    pattern: /Could not find an implementation for (\S+?)\((\d+)\) node/,
    explain: ([, name, version]) => `${operator("", name!)} (operator set ${version}) is not implemented for the datatypes that the model uses it with.`,
  },
  {
    pattern: /Opset (\d+) is under development[^]*domain (\S+) is till opset (\d+)/,
    explain: ([, version, domain, newest]) => `The model uses operator set ${version} of ${quote(domain!)}; ${newest} is the newest that is known.`,
  },
  {
    pattern: /Unsupported model IR version: (\d+), max supported IR version: (\d+)/,
    explain: ([, version, newest]) => `The model is written in version ${version} of the format; ${newest} is the newest that is known.`,
  },
];

const invalid: readonly Rule[] = [
  { pattern: /Protobuf parsing failed/, explain: () => "The file is not an ONNX model, or it is cut off." },
  { pattern: /does not have a graph/, explain: () => "The file has no graph in it." },
  { pattern: /Node input '([^']*)' is not a graph input/, explain: ([, name]) => `A node reads ${quote(name!)}, which nothing in the graph makes.` },
  { pattern: /Duplicate definition of name \(([^)]*)\)/, explain: ([, name]) => `Two nodes of the graph make ${quote(name!)}.` },
  { pattern: /graph is not acyclic/, explain: () => "The graph runs in a circle." },
  { pattern: /Unrecognized attribute: (\S+) for operator (\S+)/, explain: ([, attribute, name]) => `${operator("", name!)} has no attribute ${quote(attribute!)}.` },
  {
    pattern: /of input parameter \(([^)]*)\) of operator \(([^)]*)\)/,
    explain: ([, input, name]) => `${operator("", name!)} does not take the datatype of ${quote(input!)}.`,
  },
  { pattern: /of output arg \(([^)]*)\)[^]*does not match expected type/, explain: ([, name]) => `The graph declares another datatype for ${quote(name!)} than its node makes.` },
  { pattern: /Op \(([^)]*)\) \[ShapeInferenceError\]/, explain: ([, name]) => `${operator("", name!)} has attributes or inputs that do not fit together.` },
  { pattern: /Unsupported data type: \d+/, explain: () => "An input or output has a datatype that cannot be served." },
];

/**
 * Sorts what the runtime says when a model cannot be loaded: MODEL_OPERATOR_UNSUPPORTED, MODEL_EXTERNAL_DATA or
 * MODEL_FILE_INVALID; the library's own words, which name paths, stay in the cause.
 */
export function loadError(error: unknown): AppError {
  const text = error instanceof Error ? error.message : String(error);
  const missing = explainBy(unsupported, text);
  if (missing !== undefined) return new AppError("MODEL_OPERATOR_UNSUPPORTED", missing, { cause: error });
  if (/external data/i.test(text)) return new AppError("MODEL_EXTERNAL_DATA", "The model keeps weights in another file.", { cause: error });
  const message = explainBy(invalid, text) ?? "The model cannot be loaded.";
  return new AppError("MODEL_FILE_INVALID", message, { cause: error });
}

/** Details of a failed operator that help the caller and hold nothing but numbers. */
const operatorDetails: readonly Rule[] = [
  { pattern: /idx=(-?\d+) must be within the inclusive range \[(-?\d+),(-?\d+)\]/, explain: ([, index, low, high]) => `the index ${index} is not within ${low} to ${high}` },
  { pattern: /Input shape:\{([\d,-]*)\}, requested shape:\{([\d,-]*)\}/, explain: ([, from, to]) => `the shape [${from}] cannot become [${to}]` },
  { pattern: /broadcast an axis by a dimension other than 1\. (\d+) by (\d+)/, explain: ([, left, right]) => `the dimensions ${left} and ${right} do not fit` },
  { pattern: /Integer division by zero/i, explain: () => "it would divide a whole number by zero" },
  { pattern: /Failed to allocate memory for requested buffer of size (\d+)/, explain: ([, bytes]) => `it needs ${bytes} bytes of memory, more than there is` },
  { pattern: /bad_?alloc|out of memory/i, explain: () => "it needs more memory than there is" },
  { pattern: /\bsto[dfil]+\b/, explain: () => "a text is not a number" },
];

interface InputRule {
  pattern: RegExp;
  explain(match: RegExpExecArray): { input: string; message: string };
}

const inputProblems: readonly InputRule[] = [
  {
    pattern: /Invalid rank for input: (.+?)\s+Got: (\d+) Expected: (\d+)/,
    explain: ([, input, got, expected]) => ({ input: input!, message: `it has ${got} ${got === "1" ? "dimension" : "dimensions"}, the model takes ${expected}` }),
  },
  {
    pattern: /Got invalid dimensions for input: (.+?) for the following indices\s+index: (\d+) Got: (\d+) Expected: (\d+)/,
    explain: ([, input, index, got, expected]) => ({ input: input!, message: `dimension ${index} is ${got}, the model takes ${expected}` }),
  },
  { pattern: /input '([^']*)' is missing in 'feeds'/, explain: ([, input]) => ({ input: input!, message: "it is missing" }) },
];

/** Names of the Open Inference Protocol for those of the library, where they are not the same but for their case. */
const protocolNames = new Map([["float", "FP32"], ["double", "FP64"], ["float16", "FP16"], ["string", "BYTES"]]);

/** MODEL_RUN_FAILED in our words, with the operator or the input that failed; the library's own words stay in the cause. */
export function runError(error: unknown): AppError {
  const text = error instanceof Error ? error.message : String(error);
  for (const { pattern, explain } of inputProblems) {
    const match = pattern.exec(text);
    if (!match) continue;
    const { input, message } = explain(match);
    return new AppError("MODEL_RUN_FAILED", `The model refused the input ${quote(input)}: ${message}.`, { cause: error, problems: [{ path: input, message }] });
  }
  const datatypes = /Unexpected input data type\. Actual: \(tensor\((\w+)\)\) , expected: \(tensor\((\w+)\)\)/.exec(text);
  if (datatypes) {
    const [, given, expected] = datatypes.map((name) => protocolNames.get(name) ?? name.toUpperCase());
    return new AppError("MODEL_RUN_FAILED", `The model takes ${expected} where it was given ${given}.`, { cause: error });
  }
  if (/Non tensor type/.test(text)) return new AppError("MODEL_RUN_FAILED", "The model returns a sequence or a map, which cannot be served.", { cause: error });

  const failed = /while running (\S+) node\. Name:'([^']*)'/.exec(text);
  const detail = explainBy(operatorDetails, text);
  const where = failed ? `The operator ${quote(failed[1]!)}${failed[2] ? ` (node ${quote(failed[2])})` : ""} failed on these values` : "The model failed on these values";
  return new AppError("MODEL_RUN_FAILED", `${where}${detail === undefined ? "" : `: ${detail}`}.`, { cause: error });
}
