import type { Signature, TensorSpec } from "../../registry/index.ts";
import type { Mlmodel } from "./mlmodel-file.ts";
import type { InputLayout, InputReading } from "./mlflow-signature.ts";

/** What runner.py needs to know of a model beside its files. */
export interface ModelPlan {
  /** `MLmodel`, or the path of the bare file. */
  entry: string;
  flavour: string;
  configuration: Readonly<Record<string, unknown>>;
  /** Whether mlflow itself can load it. */
  pythonFunction: boolean;
  layout: InputLayout;
  inputs: readonly InputReading[];
  /** Names and datatypes in order; empty while they are not known. */
  outputs: readonly { name: string; datatype: string }[];
}

/** The model's own signature says how its inputs are made; without one, the contract's shapes do. */
export function makeModelPlan(entry: string, mlmodel: Mlmodel | null, signature: Pick<Signature, "inputs" | "outputs">): ModelPlan {
  const own = mlmodel?.inputs;
  const fits = own !== null && own !== undefined && sameNames(own.specs, signature.inputs);
  const { layout, inputs } = fits ? { layout: own.layout, inputs: own.readings } : layoutOf(signature.inputs);
  return {
    entry,
    flavour: mlmodel?.flavour ?? "file",
    configuration: mlmodel?.configuration ?? {},
    pythonFunction: mlmodel !== null && mlmodel.pythonFunction !== null,
    layout, inputs,
    outputs: signature.outputs.map(({ name, datatype }) => ({ name, datatype })),
  };
}

/** One matrix with named columns is a frame, values in a row each of their own input are columns. */
export function layoutOf(inputs: readonly TensorSpec[]): { layout: InputLayout; inputs: InputReading[] } {
  const readings = inputs.map(({ name, columns }) => ({ name, ...(columns !== undefined && { columns }) }));
  const [first] = inputs;
  // Not known yet: the runner asks the model itself.
  if (first === undefined) return { layout: "columns", inputs: [] };
  if (inputs.length === 1 && first.shape.length === 2 && first.columns !== undefined) return { layout: "frame", inputs: readings };
  if (inputs.every(({ shape }) => shape.slice(1).every((dimension) => dimension === 1)) && (inputs.length > 1 || first.shape.length === 1)) {
    return { layout: "columns", inputs: inputs.map(({ name }) => ({ name })) };
  }
  return { layout: inputs.length === 1 ? "tensor" : "tensors", inputs: readings };
}

function sameNames(left: readonly TensorSpec[], right: readonly TensorSpec[]): boolean {
  return left.length === right.length && left.every(({ name }) => right.some((other) => other.name === name));
}
