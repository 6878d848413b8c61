import { AppError } from "../../core/errors.ts";
import type { Tensor } from "../../core/tensor.ts";
import type { TensorSpec, UpstreamDocument } from "../../registry/index.ts";
import { parseExactJson, type ExactValue } from "./exact-json.ts";
import { tensorJson, tensorOfNested, type ElementStyle } from "./json-tensors.ts";
import { fieldOf } from "./open-inference-wire.ts";
import { csvOf, tensorsOfCsv } from "./row-csv.ts";
import { cellsJson, rowsJson, tensorsOfRows } from "./row-json.ts";
import { isSuccess, jsonHeaders, type UpstreamWire, type WireAnswer, type WireRequest } from "./upstream-wire.ts";

/** Paths of servers whose bodies are whatever their handler says. */
interface Places {
  predict(document: UpstreamDocument): string;
  health(document: UpstreamDocument): string;
  /** Any answer shows that somebody is there, where nobody said what to ask. */
  anyAnswer?: boolean;
}

/** Names under which servers put what they answer. */
const wrappers = ["predictions", "outputs"] as const;

function plainJsonWire(places: Places): UpstreamWire {
  return {
    predict: (inputs, document) => ({ path: document.path ?? places.predict(document), ...bodyOf(inputs, document) }),

    outputs({ headers, body }, _document, { outputs }) {
      if (/^text\/csv\b/i.test(headers["content-type"] ?? "")) return tensorsOfCsv(outputs, body);
      return outputsOf(outputs, parseExactJson(body));
    },

    meaningOf: (answer) => (answer.status === 503 && isFailedHandler(answer) ? 500 : answer.status),
    healthPath: (document) => document.healthPath ?? places.health(document),
    isHealthy: (answer, document) => isSuccess(answer) || (places.anyAnswer === true && document.healthPath === undefined && answer.status < 500),
  };
}

/** `POST /predictions/MODEL[/VERSION]`, `GET /ping`. */
export const torchserveWire = plainJsonWire({
  predict: ({ model, version }) => `/predictions/${encodeURIComponent(model)}${version === undefined ? "" : `/${encodeURIComponent(version)}`}`,
  health: () => "/ping",
});

/** What containers of SageMaker, and of MLflow's scoring, offer. */
export const sagemakerWire = plainJsonWire({ predict: () => "/invocations", health: () => "/ping" });

/** Any place that takes and answers JSON. */
export const jsonWire = plainJsonWire({ predict: () => "/", health: () => "/", anyAnswer: true });

function bodyOf(inputs: readonly Tensor[], { format, missing }: UpstreamDocument): Omit<WireRequest, "path"> {
  const style: ElementStyle = { missing };
  const styleOf = (): ElementStyle => style;
  const columns = (): string => `{${inputs.map((tensor) => `${JSON.stringify(tensor.name)}:${tensorJson(tensor, style)}`).join(",")}}`;
  switch (format) {
    case "instances": return { headers: jsonHeaders, body: `{"instances":${rowsJson(inputs, styleOf)}}` };
    case "inputs": return { headers: jsonHeaders, body: `{"inputs":${columns()}}` };
    case "records": return { headers: jsonHeaders, body: rowsJson(inputs, styleOf, true) };
    case "columns": return { headers: jsonHeaders, body: columns() };
    case "split": return { headers: jsonHeaders, body: `{"dataframe_split":{"columns":${JSON.stringify(inputs.map(({ name }) => name))},"data":${cellsJson(inputs, styleOf)}}}` };
    case "array": return { headers: jsonHeaders, body: tensorJson(inputs[0]!, style) };
    case "csv": return { headers: { "content-type": "text/csv", accept: "text/csv, application/json" }, body: csvOf(inputs, missing) };
  }
}

/**
 * TorchServe and the Multi Model Server of SageMaker answer 503 where they have too much to do, and also where the model's handler threw: only the type in
 * the body tells a broken model, which no waiting mends, from a busy one.
 */
function isFailedHandler({ body }: WireAnswer): boolean {
  return /"type"\s*:\s*"InternalServerException"/.test(Buffer.from(body.subarray(0, 2000)).toString("latin1"));
}

/** By what is there: outputs by name, or a list of rows, either of them maybe below `predictions` or `outputs`. */
function outputsOf(outputs: readonly TensorSpec[], json: ExactValue): Tensor[] {
  if (outputs.every(({ name }) => fieldOf(json, name) !== undefined)) return outputs.map((spec) => tensorOfNested(spec, fieldOf(json, spec.name)!));
  if (Array.isArray(json)) return tensorsOfRows(outputs, json);
  for (const wrapper of wrappers) {
    const inner = fieldOf(json, wrapper);
    if (inner !== undefined && inner !== null) return outputsOf(outputs, inner);
  }
  // A model without rows may answer with a bare value.
  if (outputs.length === 1 && outputs[0]!.shape.length === 0) return [tensorOfNested(outputs[0]!, json)];
  const missing = outputs.find(({ name }) => fieldOf(json, name) === undefined)!;
  throw new AppError("UPSTREAM_BAD_ANSWER", `The answer of the server upstream has no output ${JSON.stringify(missing.name)}.`);
}
