import { ColumnHistogram } from "../../charts/distribution.tsx";
import type { LoggedTensor, ReferenceProfile, Signature } from "../../data/types.ts";
import { Chip } from "../../parts/chip.tsx";
import { TensorView, valueText } from "../../parts/tensor-view.tsx";

/** A row of more values than this is shown as a table. */
const maxListed = 64;

interface ListedValue {
  name: string;
  value: string | null;
  /** Why there is no value. */
  withheld: string | undefined;
  profile: ReferenceProfile["columns"][number] | undefined;
}

/**
 * What the model was asked. One row is a list of named values, each with where it stands among the reference data;
 * several rows, and what is not a row of values, are shown as tensors.
 */
export function InputList({ inputs, signature, profile }: { inputs: readonly LoggedTensor[]; signature: Signature | undefined; profile: ReferenceProfile | null | undefined }) {
  const listed: ListedValue[] = [];
  const tensors: LoggedTensor[] = [];
  for (const tensor of inputs) {
    const columns = signature?.inputs.find((spec) => spec.name === tensor.name)?.columns;
    const width = tensor.shape.reduce((product, dimension) => product * dimension, 1);
    const isRow = tensor.shape.slice(0, -1).every((dimension) => dimension === 1) && width <= maxListed;
    if (!isRow || (tensor.data === null && width > 1)) {
      tensors.push(tensor);
      continue;
    }
    for (let index = 0; index < width; index++) {
      const column = profile?.columns.find((candidate) => candidate.input === tensor.name && candidate.index === index);
      const value = tensor.data?.[index];
      listed.push({
        name: columns?.[index] ?? column?.name ?? (width === 1 ? tensor.name : `${tensor.name} [${index}]`), value: value === undefined ? null : valueText(value),
        withheld: tensor.data === null ? (tensor.redacted === true ? "redacted" : "not kept") : undefined, profile: column,
      });
    }
  }
  return (
    <>
      {listed.length > 0 && (
        <dl className="input-list">
          {listed.map(({ name, value, withheld, profile: column }, index) => (
            <div key={index}>
              <dt>{name}</dt>
              <dd>{withheld === undefined ? <span className="input-value">{value}</span> : <Chip title="By the model's policy">{withheld}</Chip>}</dd>
              <dd>{column !== undefined && value !== null && <ColumnHistogram profile={column} value={value.replaceAll(",", "")} width={110} height={26} label={`Where ${value} stands in the reference data of ${name}`} />}</dd>
            </div>
          ))}
        </dl>
      )}
      {tensors.map((tensor) => <TensorView key={tensor.name} tensor={tensor} spec={signature?.inputs.find((spec) => spec.name === tensor.name)} />)}
    </>
  );
}
