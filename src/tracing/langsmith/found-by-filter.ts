import type { SearchCondition } from "../../core/search-condition.ts";
import { readFilter, type FilterNode } from "./run-filter.ts";

/** What holds of a trace with a run that meets a filter, so far as a search of traces knows it: more traces may be so, but none is left out. */
export interface FoundByFilter {
  /** The only thread that it can be of. */
  thread: string | null;
  /** Whether one of its spans has failed. */
  failed: boolean;
  conditions: SearchCondition[];
}

/** Throws INVALID_REQUEST for what is no filter. */
export function foundByFilter(text: string): FoundByFilter {
  const found: FoundByFilter = { thread: null, failed: false, conditions: [] };
  for (const { call, name, value } of required(readFilter(text))) {
    if (call === "eq" && name === "thread_id") found.thread ??= value;
    else if (call === "eq" && name === "status" && value === "error") found.failed = true;
    else if (call === "eq" && name === "name") found.conditions.push({ kind: "span", key: "name", operator: "=", value });
    else if ((call === "has" && name === "tags") || (call === "eq" && name === "metadata_key" && !namedHere.has(value))) found.conditions.push(someSpanHas(value));
  }
  return found;
}

/** Keys of metadata that no span has: runs of others are told so. */
const namedHere: ReadonlySet<string> = new Set(["ls_provider", "ls_model_name"]);

/** What the pattern takes for any letter makes it find more. */
function someSpanHas(text: string): SearchCondition {
  return { kind: "span", key: "content", operator: "LIKE", value: `%${text}%` };
}

/** Comparisons of a name with a text that all have to hold. */
function required(node: FilterNode): { call: string; name: string; value: string }[] {
  if (!("call" in node)) return [];
  if (node.call === "and") return node.values.flatMap(required);
  const [name, value] = node.values;
  if (name === undefined || !("name" in name) || value === undefined || !("value" in value) || typeof value.value !== "string") return [];
  return [{ call: node.call, name: name.name, value: value.value }];
}
