import type { OnnxGraph, OnnxModel, OnnxNode } from "./onnx-graph.ts";

/**
 * Which operators may run inside the server's own process.
 *
 * A model runs inline when it was measured to be tiny, and an inline run can neither be stopped nor survived when it
 * goes wrong. So the measurement, made on a few rows of made-up values, must hold for every value that a caller can
 * send: the shapes of all tensors, and with them the work, must follow from the shapes of the inputs alone, and no
 * value may bring the process down. The lists below name the operators for which this is known; all others, those of
 * custom domains and of operator sets to come included, keep a model out of the server's process, which costs it some
 * 100 microseconds and nothing else. Left out on purpose:
 * - Loop, Scan, If, SequenceMap and whatever else has a subgraph: they run as often as a value says;
 * - NonZero, Unique, Compress, NonMaxSuppression and TopK: how much they return, or how long they sort, depends on the
 *   values; measured on zeros they look free;
 * - StringSplit, StringConcat, StringNormalizer, RegexFullMatch, Tokenizer, TfIdfVectorizer: the length of a text is not
 *   in its tensor's shape;
 * - sequences, maps and optionals, whose length is not in the signature;
 * - GatherElements, the Scatter family, RoiAlign, MaxUnpool, GridSample: the runtime checks their indices late, on other
 *   threads or not at all, and a wrong one can end the process;
 * - random operators, whose output nobody can compare.
 */
const keepsElementType = [
  "Abs", "Acos", "Acosh", "Add", "Asin", "Asinh", "Atan", "Atanh", "AveragePool", "BatchNormalization", "Ceil", "Celu", "Clip", "Concat",
  "Conv", "ConvTranspose", "Cos", "Cosh", "CumSum", "DepthToSpace", "Div", "Dropout", "Einsum", "Elu", "Erf", "Exp", "Expand", "Flatten",
  "Floor", "GRU", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool", "GroupNormalization", "HardSigmoid",
  "HardSwish", "Hardmax", "Identity", "InstanceNormalization", "LRN", "LSTM", "LayerNormalization", "LeakyRelu", "Log", "LogSoftmax",
  "LpNormalization", "LpPool", "MatMul", "Max", "MaxPool", "Mean", "MeanVarianceNormalization", "Min", "Mish", "Mod", "Mul", "Neg", "PRelu",
  "Pad", "Pow", "RMSNormalization", "RNN", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax",
  "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape", "Resize", "Round", "Selu", "Shrink",
  "Sigmoid", "Sign", "Sin", "Sinh", "Slice", "Softmax", "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum",
  "Tan", "Tanh", "ThresholdedRelu", "Tile", "Transpose", "Trilu", "Unsqueeze", "Upsample",
];

const changesElementType = [
  "And", "ArgMax", "ArgMin", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor", "Cast", "CastLike", "Constant", "ConstantOfShape",
  "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "Equal", "EyeLike", "GatherND", "Greater", "GreaterOrEqual", "IsInf", "IsNaN",
  "Less", "LessOrEqual", "MatMulInteger", "Not", "OneHot", "Or", "QLinearConv", "QLinearMatMul", "QuantizeLinear", "Range", "Shape", "Size",
  "Where", "Xor",
];

const machineLearning = [
  "ArrayFeatureExtractor", "Binarizer", "CategoryMapper", "FeatureVectorizer", "Imputer", "LabelEncoder", "LinearClassifier",
  "LinearRegressor", "Normalizer", "OneHotEncoder", "SVMClassifier", "SVMRegressor", "Scaler", "TreeEnsemble", "TreeEnsembleClassifier",
  "TreeEnsembleRegressor",
];

const keepers = new Set(keepsElementType);
const boundedOperators = new Set([...keepsElementType, ...changesElementType, ...machineLearning.map((name) => `ai.onnx.ml.${name}`)]);
/** Operators whose first output is floating point whatever they are given. */
const floatMakers = new Set([
  "DequantizeLinear", "ai.onnx.ml.LinearRegressor", "ai.onnx.ml.Normalizer", "ai.onnx.ml.SVMRegressor", "ai.onnx.ml.Scaler",
]);
/** FLOAT, FLOAT16, DOUBLE. */
const floatTypes = new Set([1, 10, 11]);

/** Inputs whose values decide the shape of an output. They must follow from constants and shapes. */
const sizeInputs = new Map<string, readonly number[]>([
  ["ConstantOfShape", [0]], ["Expand", [1]], ["OneHot", [1]], ["Pad", [1, 3]], ["Range", [0, 1, 2]], ["Reshape", [1]],
  ["Resize", [1, 2, 3]], ["Slice", [1, 2, 3, 4]], ["Split", [1]], ["Squeeze", [1]], ["Tile", [1, 2]], ["Unsqueeze", [1]], ["Upsample", [1]],
  ...keepsElementType.filter((name) => name.startsWith("Reduce")).map((name) => [name, [1]] as const),
]);

/** A tree as deep as it has nodes visits them all for some values and one for others; past this size that matters. */
const largestTreeBytes = 4 << 20;

/**
 * The operators of a model whose cost depends on the values that they are given, or that a value can make end the
 * process; each once. Empty when the shapes of the inputs bound the cost of a run.
 */
export function valueDependentOperators(model: OnnxModel): string[] {
  const found = new Set<string>();
  const functions = new Set(model.functions.map((declared) => operatorName(declared.domain, declared.name)));
  searchNodes(model.graph.nodes, factsOfGraph(model.graph), functions, found);
  for (const declared of model.functions) searchNodes(declared.nodes, { settled: new Set(), floats: new Set() }, functions, found);
  return [...found];
}

/** Values that no caller can change (constants, shapes, what is computed of them), and values known to be floating point. */
interface ValueFacts {
  settled: Set<string>;
  floats: Set<string>;
}

function operatorName(domain: string, name: string): string {
  return domain === "" ? name : `${domain}.${name}`;
}

function factsOfGraph(graph: OnnxGraph): ValueFacts {
  const facts: ValueFacts = { settled: new Set(), floats: new Set() };
  for (const initializer of graph.initializers) {
    facts.settled.add(initializer.name);
    if (floatTypes.has(initializer.elementType)) facts.floats.add(initializer.name);
  }
  for (const input of graph.inputs) {
    if (input.type.kind === "tensor" && floatTypes.has(input.type.elementType)) facts.floats.add(input.name);
  }
  return facts;
}

/** Nodes come in an order in which they can run, so one pass sees every value before its use; else less is known. */
function searchNodes(nodes: readonly OnnxNode[], facts: ValueFacts, functions: ReadonlySet<string>, found: Set<string>): void {
  for (const node of nodes) {
    const name = operatorName(node.domain, node.opType);
    // The body of a function is searched by itself; nothing is known of what a call returns.
    if (functions.has(name) && node.subgraphs.length === 0) continue;
    if (!isBounded(node, name, facts)) found.add(node.opType || "a function with a subgraph");
    learn(node, name, facts);
  }
}

function isBounded(node: OnnxNode, name: string, { settled, floats }: ValueFacts): boolean {
  if (!boundedOperators.has(name) || node.subgraphs.length > 0) return false;
  if (node.opType.startsWith("TreeEnsemble") && node.end - node.start > largestTreeBytes) return false;
  if (name === "Div" || name === "Mod") {
    // Dividing the smallest integer by -1 raises SIGFPE in the runtime's CPU kernels: the whole process would end.
    return node.inputs.some((input) => floats.has(input)) || node.inputs.every((input) => settled.has(input));
  }
  return (sizeInputs.get(name) ?? []).every((index) => !node.inputs[index] || settled.has(node.inputs[index]));
}

function learn(node: OnnxNode, name: string, { settled, floats }: ValueFacts): void {
  const inputsAreSettled = boundedOperators.has(name) && node.inputs.every((input) => input === "" || settled.has(input));
  if (inputsAreSettled || name === "Shape" || name === "Size") for (const output of node.outputs) settled.add(output);
  const first = node.outputs[0];
  if (first === undefined) return;
  const keepsFloat = keepers.has(name) && floats.has(node.inputs[0] ?? "");
  const castsToFloat = (name === "Cast" || name === "Constant") && node.elementType !== undefined && floatTypes.has(node.elementType);
  if (keepsFloat || castsToFloat || floatMakers.has(name)) floats.add(first);
}
