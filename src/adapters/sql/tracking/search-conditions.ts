import { expressionBuilder, sql, type Expression, type RawBuilder, type SqlBool } from "kysely";
import { AppError } from "../../../core/errors.ts";
import type { SearchCondition, SearchField } from "../../../tracking/schemas.ts";
import type { SearchAttribute, SearchEntries, SearchSubject } from "./search-subject.ts";

const comparisons = { "=": sql`=`, "!=": sql`<>`, ">": sql`>`, ">=": sql`>=`, "<": sql`<`, "<=": sql`<=` };

/** Whether the object `o` meets a condition. Throws INVALID_PARAMETER for a field that such objects do not have. */
export function conditionOf(subject: SearchSubject, condition: SearchCondition): Expression<SqlBool> {
  const absentMatches = "absentMatches" in condition && condition.absentMatches === true;
  const field = fieldOf(subject, condition);
  if ("column" in field) {
    const column = sql.ref(`o.${field.column}`);
    const met = field.isNumber ? numberMeets(column, condition, true) : textMeets(column, condition);
    return absentMatches ? sql<SqlBool>`(${column} is null or ${met})` : met;
  }
  const { from, value, isNumber } = field;
  if (condition.operator === "IS NULL") return sql<SqlBool>`not exists (select 1 from ${from})`;
  if (condition.operator === "IS NOT NULL") return isAny(from, sql`1 = 1`);
  if (!isNumber) return orAbsent(isAny(from, textMeets(value, condition)), from, absentMatches);
  // NaN is no number: it is unlike every other, and neither more nor less than any.
  const met = numberMeets(value, condition, false);
  const meets = condition.operator === "!=" ? sql`(e.is_nan = 1 or ${met})` : sql`e.is_nan = 0 and ${met}`;
  return orAbsent(isAny(from, meets), from, absentMatches);
}

/** What an "exists" would say. That, planners turn into a join, and leave the index whose order the search goes along. */
function isAny(from: RawBuilder<unknown>, meets: Expression<unknown>): RawBuilder<SqlBool> {
  return sql<SqlBool>`coalesce((select 1 from ${from} and ${meets} limit 1), 0) = 1`;
}

/** Throws INVALID_PARAMETER. */
export function fieldOf(subject: SearchSubject, field: SearchField): SearchAttribute | SearchEntries {
  const found = field.kind === "attribute" ? (Object.hasOwn(subject.attributes, field.key) ? subject.attributes[field.key]! : null) : subject.entries(field);
  if (found === null) throw new AppError("INVALID_PARAMETER", `Nothing here has the ${field.kind} ${JSON.stringify(field.key.slice(0, 250))} to search by.`);
  return found;
}

function orAbsent(met: RawBuilder<SqlBool>, from: RawBuilder<unknown>, absentMatches: boolean): RawBuilder<SqlBool> {
  return absentMatches ? sql<SqlBool>`(not exists (select 1 from ${from}) or ${met})` : met;
}

/** `isInteger`: the database would refuse, or round, a fraction that it compares with a column of integers. */
export function numberMeets(value: RawBuilder<unknown>, condition: SearchCondition, isInteger: boolean): RawBuilder<SqlBool> {
  const { operator } = condition;
  if (!Object.hasOwn(comparisons, operator) || !("value" in condition)) {
    throw new AppError("INVALID_PARAMETER", `${condition.key.slice(0, 250)} is a number: ${operator} is not for numbers.`);
  }
  const asked = Number(condition.value);
  if (Number.isNaN(asked)) throw new AppError("INVALID_PARAMETER", `${condition.key.slice(0, 250)} is a number, and so must be what it is compared with.`);
  const left = isInteger && !Number.isSafeInteger(asked) ? sql`cast(${value} as double precision)` : value;
  return sql<SqlBool>`${left} ${comparisons[operator as keyof typeof comparisons]} ${asked}`;
}

export function textMeets(value: RawBuilder<unknown>, condition: SearchCondition): Expression<SqlBool> {
  switch (condition.operator) {
    case "LIKE":
    case "ILIKE": {
      // The dialects take a backslash as an escape, which it is not here.
      const pattern = condition.value.replaceAll("\\", "\\\\");
      return expressionBuilder()(value as RawBuilder<string>, condition.operator === "LIKE" ? "like" : "ilike", pattern);
    }
    case "IN":
      return condition.value.length === 0 ? sql<SqlBool>`1 = 0` : sql<SqlBool>`${value} in (${sql.join(condition.value)})`;
    case "NOT IN":
      return condition.value.length === 0 ? sql<SqlBool>`${value} is not null` : sql<SqlBool>`${value} not in (${sql.join(condition.value)})`;
    case "IS NULL":
    case "IS NOT NULL":
      throw new AppError("INVALID_PARAMETER", `${condition.operator} is for tags and params, not for ${condition.key.slice(0, 250)}.`);
    default:
      return sql<SqlBool>`${value} ${comparisons[condition.operator]} ${String(condition.value)}`;
  }
}
