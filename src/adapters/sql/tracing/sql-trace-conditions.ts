import { expressionBuilder, sql, type RawBuilder, type SqlBool } from "kysely";
import { AppError } from "../../../core/errors.ts";
import type { SearchCondition } from "../../../core/search-condition.ts";
import { numberMeets, textMeets } from "../tracking/search-conditions.ts";

type Condition = RawBuilder<unknown>;

/** Nanoseconds; where there is a root, its own. */
export const traceDuration = sql`case when o.root_start_ns is null then o.end_ns - o.start_ns else o.root_end_ns - o.root_start_ns end`;

/** As `traceOf` says it. */
const status = sql`case
  when (o.root_start_ns is null and o.told_status = 'running') or (o.root_start_ns is not null and o.root_end_ns is null and coalesce(o.told_status, 'running') = 'running') then 'running'
  when o.told_status = 'error' or (coalesce(o.told_status, '') <> 'ok' and ((o.root_start_ns is null and o.errors > 0) or (o.root_start_ns is not null and o.root_failed = 1))) then 'error'
  else 'ok' end`;

/** Whether the trace `o` meets one comparison of its facts (`name`, `id`, `service`, `status`, `time`, `end`, `duration`), tags, metadata, spans or feedback. Throws INVALID_PARAMETER for one that it cannot be asked. */
export function traceCondition(condition: SearchCondition): Condition {
  switch (condition.kind) {
    case "attribute": return attributeCondition(condition);
    case "tag": return entryCondition(sql`o.tags_json`, condition);
    case "param": return entryCondition(sql`o.metadata_json`, condition);
    case "span": return spanCondition(condition);
    case "feedback":
    case "expectation": return feedbackCondition(condition);
    default: throw refusal(condition);
  }
}

function refusal({ kind, key, operator }: SearchCondition): AppError {
  return new AppError("FILTER_INVALID", `Traces cannot be searched by ${kind} ${key.slice(0, 250)} with ${operator}.`);
}

function attributeCondition(condition: SearchCondition): Condition {
  switch (condition.key) {
    case "name": return textMeets(sql`o.name`, condition) as Condition;
    case "id": return textMeets(sql`o.trace_id`, condition) as Condition;
    case "service": return textMeets(sql`o.service`, condition) as Condition;
    case "status": return textMeets(status, condition) as Condition;
    case "time": return timeCondition(condition);
    case "end": return numberMeets(sql`(o.end_ns / 1000000)`, condition, true);
    case "duration": return numberMeets(sql`((${traceDuration}) / 1000000)`, condition, true);
    default: throw refusal(condition);
  }
}

/** Whole milliseconds, compared with the column itself, so that its index is used. */
function timeCondition(condition: SearchCondition): Condition {
  const asked = "value" in condition ? Number(condition.value) : Number.NaN;
  if (Number.isNaN(asked)) throw refusal(condition);
  const at = (milliseconds: number): bigint => BigInt(Math.max(-9e12, Math.min(milliseconds, 9e12))) * 1_000_000n;
  const [from, next] = [at(Math.ceil(asked)), at(Math.floor(asked) + 1)];
  switch (condition.operator) {
    case "=": return sql`(o.start_ns >= ${from} and o.start_ns < ${next})`;
    case "!=": return sql`(o.start_ns < ${from} or o.start_ns >= ${next})`;
    case ">": return sql`o.start_ns >= ${next}`;
    case ">=": return sql`o.start_ns >= ${from}`;
    case "<": return sql`o.start_ns < ${from}`;
    case "<=": return sql`o.start_ns < ${next}`;
    default: throw refusal(condition);
  }
}

/** Of a JSON object of texts. A quote within one has a backslash before it, so that no value looks like an entry. */
function entryCondition(column: RawBuilder<unknown>, condition: SearchCondition): Condition {
  const key = JSON.stringify(condition.key);
  const has = contains(column, `${key}:"`);
  switch (condition.operator) {
    case "=": return contains(column, `${key}:${JSON.stringify(String(condition.value))}`);
    case "!=": return sql`(${has} and not (${contains(column, `${key}:${JSON.stringify(String(condition.value))}`)}))`;
    case "IS NULL": return sql`not (${has})`;
    case "IS NOT NULL": return has;
    default: throw refusal(condition);
  }
}

/** Whether a span `s` of the trace `o` meets the condition. The offset says nothing, but Postgres would else look through the spans of all traces once, to know for some of them. */
export function someSpan(condition: Condition): Condition {
  return sql`exists (select 1 from trace_spans s where s.trace_id = o.trace_id and s.team = o.team and ${condition} limit 1 offset 0)`;
}

/** On one span. Their JSON begins with parent, name and kind, and has the status behind that. */
function spanCondition(condition: SearchCondition): Condition {
  const { key, operator } = condition;
  if (!("value" in condition) || (operator !== "=" && operator !== "!=" && operator !== "LIKE" && operator !== "ILIKE")) throw refusal(condition);
  const value = String(condition.value);
  const exact = operator === "=" || operator === "!=";
  const on = (met: Condition): Condition => someSpan(operator === "!=" ? sql`not (${met})` : met);
  const content = sql`s.content_json`;
  if (key === "name") {
    const named = `"n":"${exact ? escaped(inJson(value)) : patternInJson(value)}","k":"%`;
    // Before the name stands the parent alone: null, or the 16 digits of one.
    return on(sql`(${sql.join([`{"p":null,${named}`, `{"p":"${"_".repeat(16)}",${named}`].map((pattern) => matches(content, pattern, operator === "ILIKE" ? "ilike" : "like")), sql` or `)})`);
  }
  if (key === "content" && !exact) return on(matches(content, patternInJson(value), operator === "ILIKE" ? "ilike" : "like"));
  if (!exact) throw refusal(condition);
  if (key === "status") return on(contains(content, `"s":[${JSON.stringify(value.toLowerCase())},`));
  const attribute = key === "type" ? "mlflow.spanType" : /^attributes?\.(.+)$/s.exec(key)?.[1];
  if (attribute === undefined) throw refusal(condition);
  return on(attributeMeets(attribute, value));
}

/** Names that the JSON of a span has itself, and those of its events and links: before texts, as attributes of such names stand. */
const ownNames: ReadonlySet<string> = new Set(["p", "n", "k", "t", "s"]);

/** Whether the span `s` has the attribute, as it is kept or as it came, also as one of its resource or of an event. JSON has a text in quotes and everything else as it is. */
export function attributeMeets(key: string, value: string): Condition {
  const content = sql`s.content_json`;
  const told = `${JSON.stringify(key)}:`;
  const text = `${told}${JSON.stringify(value)}`;
  const plain = /^(?:true|false|-?\d+(?:\.\d+)?)$/.test(value) ? [contains(content, `${told}${value},`), contains(content, `${told}${value}}`)] : [];
  if (!ownNames.has(key)) return sql`(${sql.join([contains(content, text), ...plain], sql` or `)})`;
  // What a span has itself stands before its status, and in events and links either first of an object in a list, or before their attributes.
  const others = sql`replace(${content}, ${`,${text},"a":{`}, '')`;
  const inAttributes = [`:{${text}`, `,${text}`].map((entry) => matches(others, `%"s":[%${escaped(entry)}%`, "like"));
  return sql`(${sql.join([...inAttributes, ...plain], sql` or `)})`;
}

/** The last revision of one of the name. Its JSON has kind, value and source in this order. */
function feedbackCondition(condition: SearchCondition): Condition {
  const { kind, key, operator } = condition;
  const some = (met: Condition): Condition => sql`exists (select 1 from trace_feedback f where f.trace_id = o.trace_id and f.team = o.team and f.name = ${key} and ${met}
    and not exists (select 1 from trace_feedback later where later.trace_id = f.trace_id and later.team = f.team and later.id = f.id and later.revision > f.revision))`;
  const content = sql`f.content_json`;
  const ofKind = contains(content, `"kind":"${kind}","value":`);
  if (operator === "IS NOT NULL") return some(ofKind);
  if (operator === "IS NULL") return sql`not ${some(ofKind)}`;
  if (operator === "LIKE" || operator === "ILIKE") return some(matches(content, `%"kind":"${kind}","value":"${patternInJson(condition.value)}","source":"%`, operator === "LIKE" ? "like" : "ilike"));
  if (operator !== "=" && operator !== "!=") throw refusal(condition);
  const value = String(condition.value);
  const spellings = [JSON.stringify(value), ...(/^(?:true|false|null|-?\d+(?:\.\d+)?)$/.test(value) ? [value] : [])];
  const equal = sql`(${sql.join(spellings.map((spelling) => contains(content, `"kind":"${kind}","value":${spelling},"source":`)), sql` or `)})`;
  return some(operator === "=" ? equal : sql`${ofKind} and not ${equal}`);
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** A pattern of SQL, in which a backslash stands for itself, for texts within JSON. */
function patternInJson(pattern: string): string {
  return inJson(pattern).replaceAll("\\", "\\\\");
}

function escaped(text: string): string {
  return text.replaceAll(/[\\%_]/g, "\\$&");
}

function contains(column: RawBuilder<unknown>, text: string): Condition {
  return matches(column, `%${escaped(text)}%`, "like");
}

function matches(column: RawBuilder<unknown>, pattern: string, operator: "like" | "ilike"): RawBuilder<SqlBool> {
  return sql`${expressionBuilder()(column as RawBuilder<string>, operator, pattern)}`;
}
