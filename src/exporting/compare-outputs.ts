import { AppError } from "../core/errors.ts";
import type { Tensor } from "../core/tensor.ts";
import type { OutputDifference } from "./schemas.ts";

const absoluteTolerance = 1e-5;
const relativeTolerance = 1e-4;

/** Holds what the converted model answered against what the original did, output by output. Throws EXPORT_FAILED where they have no common form. */
export function compareOutputs(original: readonly Tensor[], converted: readonly Tensor[]): OutputDifference[] {
  return original.map((wanted) => {
    const got = converted.find(({ name }) => name === wanted.name);
    if (got === undefined) throw new AppError("EXPORT_FAILED", `The converted model does not answer ${wanted.name}.`);
    if (got.data.length !== wanted.data.length) {
      throw new AppError("EXPORT_FAILED", `The converted model answers ${wanted.name} as [${got.shape.join(", ")}], and the model itself as [${wanted.shape.join(", ")}].`);
    }
    return wanted.datatype.startsWith("FP") ? floatsCompared(wanted, got) : othersCompared(wanted, got);
  });
}

/** Such as `label: 3 of 8 differ; probabilities: largest difference 0.4 (relative 1.2), 6 of 24 beyond the tolerance`. */
export function describeDifferences(differences: readonly OutputDifference[]): string {
  return differences
    .map(({ output, largestAbsolute, largestRelative, beyond, values }) =>
      largestAbsolute === null
        ? `${output}: ${beyond} of ${values} differ`
        : `${output}: largest difference ${shortNumber(largestAbsolute)} (relative ${shortNumber(largestRelative ?? 0)}), ${beyond} of ${values} beyond the tolerance`)
    .join("; ");
}

function floatsCompared(wanted: Tensor, got: Tensor): OutputDifference {
  let [largestAbsolute, largestRelative, beyond] = [0, 0, 0];
  for (let index = 0; index < wanted.data.length; index++) {
    const [value, answer] = [Number(wanted.data[index]), Number(got.data[index])];
    if (Object.is(value, answer) || value === answer) continue;
    const difference = Math.abs(answer - value);
    // A number where the other has none is no matter of degree.
    if (!Number.isFinite(difference)) {
      beyond++;
      continue;
    }
    largestAbsolute = Math.max(largestAbsolute, difference);
    if (value !== 0) largestRelative = Math.max(largestRelative, difference / Math.abs(value));
    if (difference > absoluteTolerance + relativeTolerance * Math.abs(value)) beyond++;
  }
  return { output: wanted.name, datatype: wanted.datatype, largestAbsolute, largestRelative, beyond, values: wanted.data.length };
}

function othersCompared(wanted: Tensor, got: Tensor): OutputDifference {
  let beyond = 0;
  for (let index = 0; index < wanted.data.length; index++) if (String(wanted.data[index]) !== String(got.data[index])) beyond++;
  return { output: wanted.name, datatype: wanted.datatype, largestAbsolute: null, largestRelative: null, beyond, values: wanted.data.length };
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}
