import type { Tensor } from "../../core/tensor.ts";
import type { Signature } from "../../registry/index.ts";
import { KeyFraction } from "./key-fraction.ts";
import type { Assignment, RouteArm, TrafficRoute } from "./traffic-route.ts";

/** What of a request decides where it goes. */
export interface AssignableRequest {
  inputs: readonly Tensor[];
  /** Key that the request's body names. */
  routingKey: string | undefined;
  connection: { readonly headers: Readonly<Record<string, string | readonly string[] | undefined>> };
}

export interface RouteChoice {
  /** Null: the stable version. */
  arm: RouteArm | null;
  by: Assignment["by"];
  /** The hash as a number from 0 to 1; null for a rule. */
  fraction: number | null;
}

/** What an assignment needs of a route, worked out once for all requests. */
export interface AssignmentTable {
  route: TrafficRoute;
  /** Those that may get requests now. */
  arms: readonly RouteArm[];
  fractions: KeyFraction;
  /** Where in the inputs the key is; `column` is the place in the last dimension. */
  keyInput: { tensor: string; column: number } | null;
}

export function assignmentTable(route: TrafficRoute, signature: Pick<Signature, "inputs">): AssignmentTable {
  return { route, arms: route.arms, fractions: new KeyFraction(route.salt), keyInput: route.key.input === null ? null : keyInputOf(route.key.input, signature) };
}

/**
 * Rules first, in their order; then the hash of the caller's key, or of the prediction's id for who sends none. The same key has the
 * same fraction for as long as the salt is the same, so a growing share takes keys from stable and gives none back. A rule for an arm
 * that gets no requests now is passed over.
 */
export function assign(table: AssignmentTable, request: AssignableRequest, predictionId: string): RouteChoice {
  const { route, arms } = table;
  if (route.rules.length > 0) {
    const { headers } = request.connection;
    for (const rule of route.rules) {
      const value = firstOf(headers[rule.header]);
      if (value === undefined || (rule.equals !== null && value !== rule.equals)) continue;
      if (rule.arm === "stable") return { arm: null, by: "rule", fraction: null };
      const arm = arms.find(({ name }) => name === rule.arm);
      if (arm !== undefined) return { arm, by: "rule", fraction: null };
    }
  }
  const key = keyOf(table, request);
  const fraction = table.fractions.of(key ?? predictionId);
  const by = key === undefined ? "draw" : "key";
  for (const arm of arms) if (fraction >= arm.from && fraction < arm.to) return { arm, by, fraction };
  return { arm: null, by, fraction };
}

function keyOf({ route, keyInput }: AssignmentTable, request: AssignableRequest): string | undefined {
  if (request.routingKey !== undefined) return request.routingKey;
  const header = firstOf(request.connection.headers[route.key.header]);
  if (header !== undefined && header !== "") return header;
  if (keyInput === null) return undefined;
  const value = request.inputs.find(({ name }) => name === keyInput.tensor)?.data[keyInput.column];
  return value === undefined ? undefined : String(value);
}

/** A tensor of this name, or the tensor with a column of this name. */
function keyInputOf(name: string, { inputs }: Pick<Signature, "inputs">): AssignmentTable["keyInput"] {
  if (inputs.some((input) => input.name === name)) return { tensor: name, column: 0 };
  for (const input of inputs) {
    const column = input.columns?.indexOf(name) ?? -1;
    if (column >= 0) return { tensor: input.name, column };
  }
  return null;
}

function firstOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value[0] : value;
}
