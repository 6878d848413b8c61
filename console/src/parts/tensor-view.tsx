import { formatCount, formatNumber, formatShape, plural } from "../format.ts";
import { Chip } from "./chip.tsx";

type Element = number | string | boolean | null;

/** A tensor as JSON has it; `data` is null when it was not kept. */
export interface ShownTensor {
  name: string;
  datatype: string;
  shape: readonly number[];
  data: readonly Element[] | null;
  digest?: string | undefined;
  redacted?: boolean | undefined;
}

/** So many rows and columns are written out. */
const maxRows = 20;
const maxColumns = 24;

/** Values in the form that says most: one figure, bars for shares, a table for a matrix, a summary for what is larger. */
export function TensorView({ tensor, spec }: { tensor: ShownTensor; spec?: { columns?: string[] | undefined } | undefined }) {
  return (
    <section className="tensor" aria-label={tensor.name}>
      <h3>
        {tensor.name} <span className="muted">{tensor.datatype}{tensor.data?.length === 1 ? "" : ` ${formatShape(tensor.shape)}`}</span>
      </h3>
      <TensorValues tensor={tensor} columns={spec?.columns} />
    </section>
  );
}

function TensorValues({ tensor, columns }: { tensor: ShownTensor; columns: string[] | undefined }) {
  const { data, shape } = tensor;
  if (data === null) {
    return tensor.redacted === true ? (
      <p><Chip>redacted</Chip> <span className="muted">by the model's policy</span></p>
    ) : (
      <p><Chip>not kept</Chip> <span className="muted">larger than the policy logs{tensor.digest === undefined ? "" : `; ${tensor.digest}`}</span></p>
    );
  }
  if (data.length === 1) return <p className="tensor-single">{valueText(data[0]!)}</p>;
  const width = shape.length < 2 ? 1 : shape[shape.length - 1]!;
  const rows = width === 0 ? 0 : data.length / width;
  if (data.length === 0) return <p className="muted">no values</p>;
  if (rows === 1 && areShares(data)) return <ShareBars values={data as readonly number[]} columns={columns} />;
  if (rows === 1 && width > maxColumns && tensor.datatype.startsWith("FP")) return <LargestValues data={data as readonly number[]} columns={columns} />;
  if (shape.length <= 2 && width <= maxColumns) return <ValueTable data={data} width={width} rows={rows} columns={columns} />;
  return <TensorSummary data={data} />;
}

/** Values that are shares of one: between 0 and 1, adding up to 1. */
function areShares(data: readonly Element[]): boolean {
  if (data.length < 2 || data.length > maxColumns || !data.every((value) => typeof value === "number" && value >= -1e-6 && value <= 1 + 1e-6)) return false;
  return Math.abs((data as readonly number[]).reduce((sum, value) => sum + value, 0) - 1) < 1e-3;
}

function ShareBars({ values, columns }: { values: readonly number[]; columns: string[] | undefined }) {
  const largest = Math.max(...values);
  return (
    <ol className="share-bars">
      {values.map((value, index) => (
        <li key={index} className={value === largest ? "share-largest" : undefined}>
          <span className="share-label">{columns?.[index] ?? index}</span>
          <span className="share-track" aria-hidden="true"><span style={{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }} /></span>
          <span className="share-value" title={String(value)}>{formatNumber(value, 4)}</span>
        </li>
      ))}
    </ol>
  );
}

/** The largest values of a long vector, such as the scores of many classes. */
function LargestValues({ data, columns }: { data: readonly number[]; columns: string[] | undefined }) {
  const largest = data.map((value, index) => ({ value, index })).sort((a, b) => b.value - a.value).slice(0, 5);
  return (
    <>
      <p className="muted small">the largest of {formatCount(data.length)}</p>
      <dl className="value-list">
        {largest.map(({ value, index }) => (
          <div key={index}>
            <dt>{columns?.[index] ?? `[${index}]`}</dt>
            <dd>{valueText(value)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function ValueTable({ data, width, rows, columns }: { data: readonly Element[]; width: number; rows: number; columns: string[] | undefined }) {
  const shown = Math.min(rows, maxRows);
  // One row with names reads best top to bottom.
  if (rows === 1) {
    return (
      <dl className="value-list">
        {data.map((value, index) => (
          <div key={index}>
            <dt>{columns?.[index] ?? `[${index}]`}</dt>
            <dd>{valueText(value)}</dd>
          </div>
        ))}
      </dl>
    );
  }
  return (
    <div className="scroll-x" tabIndex={0} role="region" aria-label="Values">
      <table className="table table-values">
        {(columns !== undefined || width > 1) && (
          <thead>
            <tr>
              <th scope="col">row</th>
              {Array.from({ length: width }, (_, column) => <th key={column} scope="col" className="numeric">{columns?.[column] ?? `[${column}]`}</th>)}
            </tr>
          </thead>
        )}
        <tbody>
          {Array.from({ length: shown }, (_, row) => (
            <tr key={row}>
              <th scope="row">{row}</th>
              {Array.from({ length: width }, (_, column) => <td key={column} className="numeric">{valueText(data[row * width + column]!)}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
      {rows > shown && <p className="muted small">and {plural(rows - shown, "more row")}</p>}
    </div>
  );
}

function TensorSummary({ data }: { data: readonly Element[] }) {
  const numbers = data.filter((value): value is number => typeof value === "number");
  const facts: [string, string][] = [["values", formatCount(data.length)]];
  if (numbers.length === data.length) {
    let low = Infinity;
    let high = -Infinity;
    let sum = 0;
    for (const value of numbers) {
      low = Math.min(low, value);
      high = Math.max(high, value);
      sum += value;
    }
    facts.push(["min", formatNumber(low)], ["mean", formatNumber(sum / numbers.length)], ["max", formatNumber(high)]);
  }
  return (
    <>
      <dl className="value-list value-list-line">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p className="muted small tensor-start">{data.slice(0, 12).map(valueText).join(", ")}{data.length > 12 ? ", …" : ""}</p>
    </>
  );
}

export function valueText(value: Element): string {
  if (value === null) return "NaN";
  return typeof value === "number" ? formatNumber(value) : String(value);
}

function shortText(value: Element): string {
  return typeof value === "number" ? formatNumber(value, 4) : valueText(value);
}

/** A tensor in a few words, for a table cell. */
export function tensorWords({ name, data, redacted }: ShownTensor, columns?: readonly string[]): string {
  if (data === null) return `${name}: ${redacted === true ? "redacted" : "not kept"}`;
  if (data.length === 1) return shortText(data[0]!);
  const named = columns !== undefined && columns.length > 1 ? columns : undefined;
  const shown = data.slice(0, 4).map((value, index) => (named?.[index] === undefined ? shortText(value) : `${named[index]} ${shortText(value)}`));
  return `${shown.join(", ")}${data.length > 4 ? ", …" : ""}`;
}
