import { Datatype, type Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { checkDatatype, checkShape, checkValues, signatureRules, type InputRule, type SignatureRules } from "./check-tensor.ts";
import type { RequestedOutput } from "./infer-request.ts";
import { quoted, type ProblemList } from "./problem-list.ts";

const datatypes: ReadonlySet<string> = new Set(Datatype.options);
const maxIdLength = 1024;

export interface AdmittedInput {
  datatype: Datatype;
  /** Elements that the shape promises. */
  count: number;
  rule: InputRule | undefined;
}

/** What every wire checks of a request's inputs and outputs before and after their data is read. */
export class RequestAdmission {
  readonly problems: ProblemList;
  readonly #rules: SignatureRules | undefined;
  readonly #tensors: (Tensor | undefined)[];
  readonly #batchable: boolean;
  readonly #seen = new Set<string>();

  constructor(signature: Signature | undefined, problems: ProblemList) {
    this.problems = problems;
    this.#rules = signature === undefined ? undefined : signatureRules(signature);
    this.#tensors = new Array<Tensor | undefined>(signature?.inputs.length ?? 0);
    this.#batchable = signature?.batchable ?? false;
  }

  /** Null when its data cannot be read under what it says of itself; the reasons are named. */
  admit(name: string, datatype: string, shape: readonly number[], path: () => string): AdmittedInput | null {
    const { problems } = this;
    let usable = true;
    if (this.#seen.has(name)) {
      problems.add(path(), `repeats the input ${quoted(name)}`);
      return null;
    }
    this.#seen.add(name);
    const rule = this.#rules?.inputs.get(name);
    if (rule === undefined && this.#rules !== undefined) {
      problems.add(`${path()}.name`, `is ${quoted(name)}; the model's inputs are ${names(this.#rules.inputs.keys())}`);
    }
    if (!datatypes.has(datatype)) {
      const hint = datatype === "BF16" ? "BF16 is not supported" : `the datatypes are ${Datatype.options.join(", ")}`;
      problems.add(`${path()}.datatype`, `is ${quoted(datatype)}; ${hint}`);
      usable = false;
    } else if (rule !== undefined) {
      usable = checkDatatype(datatype as Datatype, rule.spec, problems, path);
    }
    const count = this.#countElements(shape, path);
    if (count === null) return null;
    if (rule !== undefined) checkShape(shape, rule.spec, problems, path);
    return usable ? { datatype: datatype as Datatype, count, rule } : null;
  }

  /** Takes the tensor of an admitted input, after a look at its values. */
  keep(tensor: Tensor, rule: InputRule | undefined, describe: (index: number) => string): void {
    checkValues(tensor, rule, this.problems, describe);
    if (rule === undefined) this.#tensors.push(tensor);
    else this.#tensors[rule.index] = tensor;
  }

  /** The tensors in the order of the signature. Throws INVALID_INPUT with everything that was found. */
  finish(): Tensor[] {
    for (const name of this.#rules?.inputs.keys() ?? []) {
      if (!this.#seen.has(name)) this.problems.add("inputs", `lack ${quoted(name)}`);
    }
    this.problems.throwIfAny();
    if (this.#batchable) this.#checkRows(this.#tensors as Tensor[]);
    return this.#tensors as Tensor[];
  }

  /** Requests are joined by rows: inputs of different lengths would shift the rows of every caller in the batch. */
  #checkRows(tensors: readonly Tensor[]): void {
    const rows = tensors[0]?.shape[0];
    if (tensors.every(({ shape }) => shape[0] === rows)) return;
    const counts = tensors.slice(0, 20).map(({ name, shape }) => `${quoted(name)} ${shape[0] ?? "none"}`);
    this.problems.add("inputs", `have different numbers of rows: ${counts.join(", ")}${tensors.length > counts.length ? ", …" : ""}`);
    this.problems.throwIfAny();
  }

  /** Checks the names of the outputs asked for, and that nothing is asked that Slipway does not do. */
  checkOutputs(outputs: readonly RequestedOutput[] | undefined): void {
    if (outputs === undefined) return;
    const asked = new Set<string>();
    for (const [index, { name }] of outputs.entries()) {
      if (asked.has(name)) this.problems.add(`outputs[${index}]`, `repeats the output ${quoted(name)}`);
      asked.add(name);
      if (this.#rules !== undefined && !this.#rules.outputs.has(name)) {
        this.problems.add(`outputs[${index}].name`, `is ${quoted(name)}; the model's outputs are ${names(this.#rules.outputs.keys())}`);
      }
    }
  }

  checkId(id: string | undefined): void {
    if (id !== undefined && id.length > maxIdLength) this.problems.add("id", `is ${id.length} characters long; at most ${maxIdLength} are kept`);
  }

  #countElements(shape: readonly number[], path: () => string): number | null {
    let count = 1;
    for (const [level, dimension] of shape.entries()) {
      if (!Number.isSafeInteger(dimension) || dimension < 0) {
        this.problems.add(`${path()}.shape[${level}]`, `is ${dimension}; a dimension is a whole number from 0`);
        return null;
      }
      count *= dimension;
    }
    // A zero dimension must not hide that the others are absurd.
    if (!Number.isSafeInteger(count) || shape.some((dimension) => dimension > 2 ** 40)) {
      this.problems.add(`${path()}.shape`, "has more elements than any request can carry");
      return null;
    }
    return count;
  }
}

function names(all: Iterable<string>): string {
  const list = [...all];
  const more = list.length > 20 ? ` and ${list.length - 20} more` : "";
  return `${list.slice(0, 20).map(quoted).join(", ")}${more}`;
}
