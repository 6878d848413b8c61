import { OnnxGraphWriter, OnnxModelWriter, type Datatype, type OnnxDimension } from "../../src/adapters/onnx/model-writer.ts";

/**
 * Small ONNX models for tests and benches, each with one property that matters. Weights are the same on every run.
 * Unless told otherwise a model takes FP32 `x` and returns FP32 `y`, with any number of rows.
 */
const smallestInt64 = -(2n ** 63n);
const largestInt64 = 2n ** 63n - 1n;
const float32 = 1;
const int64 = 7;

/** Repeatable numbers around 0 with the given standard deviation (uniform, Mulberry32). */
function weights(count: number, deviation: number, seed = 1): Float32Array {
  const values = new Float32Array(count);
  let state = seed >>> 0;
  for (let index = 0; index < count; index++) {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    values[index] = (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 - 0.5) * Math.sqrt(12) * deviation;
  }
  return values;
}

/** `features` FP32 [batch, D] -> `score` FP32 [batch, 1] = features * weights + bias, and `probability`, its sigmoid. */
export function linearModel({ weights, bias = 0 }: { weights: readonly number[]; bias?: number }): Uint8Array {
  return new OnnxModelWriter({ producer: "slipway test kit" })
    .input("features", "FP32", ["batch", weights.length])
    .initializer("weights", "FP32", [weights.length, 1], weights)
    .initializer("bias", "FP32", [1], [bias])
    .node("Gemm", ["features", "weights", "bias"], ["score"])
    .node("Sigmoid", ["score"], ["probability"])
    .output("score", "FP32", ["batch", 1])
    .output("probability", "FP32", ["batch", 1])
    .toBytes();
}

/** `features` FP32 [batch, D] -> `probabilities` FP32 [batch, classes]: dense layers with ReLU, then softmax. */
export function mlpModel({ features, hidden, classes }: { features: number; hidden: readonly number[]; classes: number }): Uint8Array {
  const model = new OnnxModelWriter().input("features", "FP32", ["batch", features]);
  let value = "features";
  let width = features;
  for (const [layer, next] of [...hidden, classes].entries()) {
    model
      .initializer(`weights_${layer}`, "FP32", [width, next], weights(width * next, Math.sqrt(2 / width), layer + 1))
      .initializer(`bias_${layer}`, "FP32", [next], weights(next, 0.1, layer + 101))
      .node("Gemm", [value, `weights_${layer}`, `bias_${layer}`], [`dense_${layer}`]);
    value = `dense_${layer}`;
    width = next;
    if (layer < hidden.length) {
      model.node("Relu", [value], [`active_${layer}`]);
      value = `active_${layer}`;
    }
  }
  return model
    .node("Softmax", [value], ["probabilities"], { ints: { axis: -1 } })
    .output("probabilities", "FP32", ["batch", classes])
    .toBytes();
}

/** The countries that `mixedInputsModel` knows; others count as none of them. */
export const knownCountries = ["DE", "FR", "US"];

/**
 * `amounts` FP32 [batch, 2], `country` BYTES [batch, 1], `weekday` INT64 [batch, 1] -> `risk` FP32 [batch, 1], the sum of
 * amounts[0] + 2 amounts[1], of 10, 20 or 30 for the three known countries, and of 100 times the weekday.
 */
export function mixedInputsModel(): Uint8Array {
  return new OnnxModelWriter()
    .input("amounts", "FP32", ["batch", 2])
    .input("country", "BYTES", ["batch", 1])
    .input("weekday", "INT64", ["batch", 1])
    .initializer("axis_1", "INT64", [1], [1])
    .initializer("weights", "FP32", [6, 1], [1, 2, 10, 20, 30, 100])
    .node("OneHotEncoder", ["country"], ["one_hot"], { strings: { cats_strings: knownCountries }, ints: { zeros: 1 } }, "ai.onnx.ml")
    .node("Squeeze", ["one_hot", "axis_1"], ["countries"])
    .node("Cast", ["weekday"], ["weekday_float"], { ints: { to: float32 } })
    .node("Concat", ["amounts", "countries", "weekday_float"], ["columns"], { ints: { axis: 1 } })
    .node("MatMul", ["columns", "weights"], ["risk"])
    .output("risk", "FP32", ["batch", 1])
    .toBytes();
}

/** BYTES in and out: `word` [batch, 1] -> `translation` [batch, 1]; one, two and three in German, else "?". */
export function translationModel(): Uint8Array {
  const tables = { keys_strings: ["one", "two", "three"], values_strings: ["eins", "zwei", "drei"], default_string: "?" };
  return new OnnxModelWriter()
    .input("word", "BYTES", ["batch", 1])
    .node("LabelEncoder", ["word"], ["translation"], { strings: tables }, "ai.onnx.ml")
    .output("translation", "BYTES", ["batch", 1])
    .toBytes();
}

/** Returns `x` as `y`, of any datatype; the default shape is two open dimensions. */
export function identityModel(datatype: Datatype, shape: readonly OnnxDimension[] = [-1, -1]): Uint8Array {
  return new OnnxModelWriter().input("x", datatype, shape).node("Identity", ["x"], ["y"]).output("y", datatype, shape).toBytes();
}

/** Returns `x` plus 0 times `name`, which must be a finite FP32 scalar: other work that leaves no trace in the rows. */
function addNothingOf(model: OnnxModelWriter, name: string): Uint8Array {
  return model
    .initializer("zero", "FP32", [], [0])
    .node("Mul", [name, "zero"], ["nothing"])
    .node("Add", ["x", "nothing"], ["y"])
    .output("y", "FP32", ["batch", 1])
    .toBytes();
}

/** A loop body that adds 1 to a number as long as it is told to. */
function countingBody(): OnnxGraphWriter {
  return new OnnxGraphWriter("body")
    .input("round", "INT64", [])
    .input("goes_on", "BOOL", [])
    .input("count", "FP32", [])
    .initializer("one", "FP32", [], [1])
    .node("Identity", ["goes_on"], ["goes_on_then"])
    .node("Add", ["count", "one"], ["next_count"])
    .output("goes_on_then", "BOOL", [])
    .output("next_count", "FP32", []);
}

/** `x` FP32 [batch, 1]: a Loop of 2^63 - 1 rounds, whatever the values; its end is not lived to see. */
export function neverReturns(): Uint8Array {
  const model = new OnnxModelWriter()
    .input("x", "FP32", ["batch", 1])
    .initializer("rounds", "INT64", [], [largestInt64])
    .initializer("always", "BOOL", [], [true])
    .node("ReduceMax", ["x"], ["start"], { ints: { keepdims: 0 } })
    .node("Loop", ["rounds", "always", "start"], ["count"], { graphs: { body: countingBody() } });
  return addNothingOf(model, "count");
}

/**
 * `x` FP32 [batch, 1]: a Loop of as many rounds as the largest `x` says, so it can be deployed, answers 0 at once and
 * does not return for 1e18.
 */
export function loopsAsOftenAsTold(): Uint8Array {
  const model = new OnnxModelWriter()
    .input("x", "FP32", ["batch", 1])
    .initializer("always", "BOOL", [], [true])
    .initializer("start", "FP32", [], [0])
    .node("ReduceMax", ["x"], ["largest"], { ints: { keepdims: 0 } })
    .node("Cast", ["largest"], ["rounds"], { ints: { to: int64 } })
    .node("Loop", ["rounds", "always", "start"], ["count"], { graphs: { body: countingBody() } });
  return addNothingOf(model, "count");
}

/** Products of two 256 x 256 matrices that one core of 2024 computes in a millisecond. */
const productsPerMillisecond = 3;

/**
 * `x` FP32 [batch, 1] -> `y` = x, after about this many milliseconds on one core of a present machine (within a factor
 * of 3), however many rows there are. Without loops, so the graph alone would let it run inline.
 */
export function slowModel(milliseconds: number): Uint8Array {
  const size = 256;
  const model = new OnnxModelWriter()
    .input("x", "FP32", ["batch", 1])
    // Each product keeps its size: the matrix has a spectral radius near 1, and Tanh bounds what is left.
    .initializer("matrix", "FP32", [size, size], weights(size * size, 1 / Math.sqrt(size)))
    // The first factor comes from the input, or the runtime would compute the whole chain once, when it loads the model.
    .node("ReduceMean", ["x"], ["mean"], { ints: { keepdims: 0 } })
    .node("Tanh", ["mean"], ["bounded"])
    .node("Add", ["matrix", "bounded"], ["product_0"]);
  const products = Math.max(1, Math.round(milliseconds * productsPerMillisecond));
  for (let index = 0; index < products; index++) {
    model.node("MatMul", [`product_${index}`, "matrix"], [`raw_${index + 1}`]).node("Tanh", [`raw_${index + 1}`], [`product_${index + 1}`]);
  }
  model.node("ReduceMean", [`product_${products}`], ["result"], { ints: { keepdims: 0 } });
  return addNothingOf(model, "result");
}

/** `image` FP32 [batch, 3, 224, 224] -> `probabilities` FP32 [batch, 10]: eight convolutions, tens of milliseconds an image. */
export function conv224(): Uint8Array {
  const model = new OnnxModelWriter().input("image", "FP32", ["batch", 3, 224, 224]);
  const layers = [
    { channels: 32, stride: 2 },
    { channels: 64, stride: 2 },
    { channels: 64, stride: 1 },
    { channels: 128, stride: 2 },
    { channels: 128, stride: 1 },
    { channels: 256, stride: 2 },
    { channels: 256, stride: 1 },
    { channels: 256, stride: 1 },
  ];
  let value = "image";
  let channels = 3;
  for (const [layer, next] of layers.entries()) {
    const count = next.channels * channels * 9;
    model
      .initializer(`kernel_${layer}`, "FP32", [next.channels, channels, 3, 3], weights(count, Math.sqrt(2 / (channels * 9)), layer + 1))
      .node("Conv", [value, `kernel_${layer}`], [`conv_${layer}`], { ints: { strides: [next.stride, next.stride], pads: [1, 1, 1, 1] } })
      .node("Relu", [`conv_${layer}`], [`active_${layer}`]);
    value = `active_${layer}`;
    channels = next.channels;
  }
  return model
    .initializer("weights", "FP32", [channels, 10], weights(channels * 10, 1 / Math.sqrt(channels), 99))
    .node("GlobalAveragePool", [value], ["pooled"])
    .node("Flatten", ["pooled"], ["flat"])
    .node("MatMul", ["flat", "weights"], ["scores"])
    .node("Softmax", ["scores"], ["probabilities"], { ints: { axis: -1 } })
    .output("probabilities", "FP32", ["batch", 10])
    .toBytes();
}

/** `x` FP32 [batch, 2] -> `y`, x less the mean of all rows: a row's answer depends on the others, so it must not be batched. */
export function notRowWise(): Uint8Array {
  return new OnnxModelWriter()
    .input("x", "FP32", ["batch", 2])
    .node("ReduceMean", ["x"], ["mean"], { ints: { axes: [0] } })
    .node("Sub", ["x", "mean"], ["y"])
    .output("y", "FP32", ["batch", 2])
    .toBytes();
}

/** `index` INT64 [batch, 1] -> `y` FP32 [batch, 1], 0.5 times the index; the runtime refuses what is not within -10 to 9. */
export function failsOnValue(): Uint8Array {
  return new OnnxModelWriter()
    .input("index", "INT64", ["batch", 1])
    .initializer(
      "table",
      "FP32",
      [10],
      Array.from({ length: 10 }, (_, index) => index / 2),
    )
    .node("Gather", ["table", "index"], ["y"])
    .output("y", "FP32", ["batch", 1])
    .toBytes();
}

/**
 * `x` INT64 [batch, 1] -> `y` INT64 [batch, 1], the smallest integer divided by x. The quotient for -1 does not fit: on x86 the
 * runtime's process dies of SIGFPE. 0 is refused.
 */
export function diesOnMinusOne(): Uint8Array {
  return new OnnxModelWriter()
    .input("x", "INT64", ["batch", 1])
    .initializer("smallest", "INT64", [], [smallestInt64])
    .node("Div", ["smallest", "x"], ["y"])
    .output("y", "INT64", ["batch", 1])
    .toBytes();
}

/** `x` FP32 [batch, 1] -> `y` = x; the process dies of SIGFPE where a value is -1, as in `diesOnMinusOne`. */
export function identityThatDiesOnMinusOne(): Uint8Array {
  const model = new OnnxModelWriter()
    .input("x", "FP32", ["batch", 1])
    .initializer("smallest", "INT64", [], [smallestInt64])
    .node("ReduceMin", ["x"], ["least"], { ints: { keepdims: 0 } })
    .node("Cast", ["least"], ["divisor"], { ints: { to: int64 } })
    .node("Div", ["smallest", "divisor"], ["quotient"])
    .node("Cast", ["quotient"], ["result"], { ints: { to: float32 } });
  return addNothingOf(model, "result");
}

/** `x` FP32 [batch, 1] -> `y`, its square root: no number where x is below 0. */
export function squareRootModel(): Uint8Array {
  return new OnnxModelWriter().input("x", "FP32", ["batch", 1]).node("Sqrt", ["x"], ["y"]).output("y", "FP32", ["batch", 1]).toBytes();
}

/** `x` FP32 [batch, 1] -> `y` = x + `shift`: without a shift right, with one as plausible. */
export function shiftedModel(shift: number): Uint8Array {
  return new OnnxModelWriter()
    .input("x", "FP32", ["batch", 1])
    .initializer("shift", "FP32", [], [shift])
    .node("Add", ["x", "shift"], ["y"])
    .output("y", "FP32", ["batch", 1])
    .toBytes();
}

/** `x` FP32 [batch, 1] -> `y` = x; the runtime refuses a request whose largest value is 10 or more, as in `failsOnValue`. */
export function identityThatThrowsFromTen(): Uint8Array {
  const model = new OnnxModelWriter()
    .input("x", "FP32", ["batch", 1])
    .initializer("table", "FP32", [10], new Float32Array(10))
    .node("ReduceMax", ["x"], ["largest"], { ints: { keepdims: 0 } })
    .node("Cast", ["largest"], ["index"], { ints: { to: int64 } })
    .node("Gather", ["table", "index"], ["found"]);
  return addNothingOf(model, "found");
}

/** `x` FP32 [batch, 1] -> `y` = x, as declared; where a value is above 0, with each row a second time. */
export function identityThatDoublesAboveZero(): Uint8Array {
  return new OnnxModelWriter()
    .input("x", "FP32", ["batch", 1])
    .initializer("first", "INT64", [1], [0])
    .node("ReduceMax", ["x"], ["largest"], { ints: { keepdims: 0 } })
    .node("Relu", ["largest"], ["positive"])
    .node("Sign", ["positive"], ["sign"])
    .node("Cast", ["sign"], ["times"], { ints: { to: int64 } })
    .node("Shape", ["x"], ["shape"])
    .node("Gather", ["shape", "first"], ["rows"])
    .node("Mul", ["rows", "times"], ["more"])
    // How many rows it takes follows from the values, so nothing that reads the graph can tell the shape.
    .node("Slice", ["x", "first", "more"], ["again"])
    .node("Concat", ["x", "again"], ["y"], { ints: { axis: 0 } })
    .output("y", "FP32", ["batch", 1])
    .toBytes();
}

/** `x` FP32 [batch, 1] -> `y` FP32 [batch, 2], x twice. */
export function twoColumnsModel(): Uint8Array {
  return new OnnxModelWriter().input("x", "FP32", ["batch", 1]).node("Concat", ["x", "x"], ["y"], { ints: { axis: 1 } }).output("y", "FP32", ["batch", 2]).toBytes();
}

/** `x` FP32 [batch, 1] -> `y` = x, with a tensor of this many MiB for the time of each run. */
export function bigMemory(mebibytes: number): Uint8Array {
  const model = new OnnxModelWriter()
    .input("x", "FP32", ["batch", 1])
    .initializer("size", "INT64", [1], [mebibytes * 2 ** 18])
    .node("ReduceMean", ["x"], ["mean"], { ints: { keepdims: 0 } })
    .node("Expand", ["mean", "size"], ["big"])
    .node("ReduceMax", ["big"], ["largest"], { ints: { keepdims: 0 } });
  return addNothingOf(model, "largest");
}

/** How `zipMapClassifier` names its classes. */
export type ClassLabels = { integers: readonly number[] } | { texts: readonly string[] };

/**
 * A classifier as skl2onnx exports it: `X` FP32 [batch, features] -> `output_label` and `output_probability`, a sequence of
 * maps. One class for each row of `coefficients`; the probability of a class is the softmax of the rows' scores.
 */
export function zipMapClassifier({
  coefficients,
  labels,
}: {
  coefficients: readonly (readonly number[])[];
  labels: ClassLabels;
}): Uint8Array {
  const features = coefficients[0]?.length ?? 0;
  const [integers, texts] = "integers" in labels ? [labels.integers, undefined] : [undefined, labels.texts];
  const classLabels = integers ? { ints: { classlabels_int64s: integers } } : { strings: { classlabels_strings: texts ?? [] } };
  const classifierLabels = integers ? { ints: { classlabels_ints: integers } } : { strings: { classlabels_strings: texts ?? [] } };
  return new OnnxModelWriter({ producer: "skl2onnx" })
    .input("X", "FP32", [-1, features])
    .node(
      "LinearClassifier",
      ["X"],
      ["label", "scores"],
      {
        ints: { ...classifierLabels.ints, multi_class: 1 },
        floats: { coefficients: coefficients.flat(), intercepts: coefficients.map(() => 0) },
        strings: { ...classifierLabels.strings, post_transform: "SOFTMAX" },
      },
      "ai.onnx.ml",
    )
    .node("Identity", ["label"], ["output_label"])
    .node("Normalizer", ["scores"], ["probabilities"], { strings: { norm: "L1" } }, "ai.onnx.ml")
    .node("ZipMap", ["probabilities"], ["output_probability"], classLabels, "ai.onnx.ml")
    .output("output_label", integers ? "INT64" : "BYTES", [-1])
    .classMapsOutput("output_probability", integers ? "INT64" : "BYTES")
    .toBytes();
}
