import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../../test/kit/fast-check.ts";
import { AppError } from "../../core/errors.ts";
import type { RunFacts } from "./run-facts.ts";
import { foundByFilter } from "./found-by-filter.ts";
import { runFilterOf } from "./run-filter.ts";

const run: RunFacts = {
  id: "018f0000-0000-7000-8000-00000000000a", name: "say \"it's\" \\ so", run_type: "llm", status: "error", error: "no way", start_time: 1_700_000_000_000_000_500n, end_time: null, latency: 2.5, prompt_tokens: 7, completion_tokens: 3, total_tokens: 10, total_cost: null,
  tags: ["blue"], is_root: false, trace_id: "018f0000-0000-7000-8000-00000000000b", parent_run_id: null, thread_id: "t1", metadata: { topic: "sums", round: 3, constructor_: "x" },
};
const failsWith = (code: string) => (error: unknown) => error instanceof AppError && error.code === code;
const meets = (filter: string): boolean => runFilterOf(filter)(run);

describe("filters of LangSmith's clients", () => {
  it("compare what a run is, whichever way their texts are quoted", () => {
    for (const filter of [
      'eq(run_type, "llm")', "eq(run_type,'llm')", ' EQ( run_type , "llm" ) ', String.raw`eq(name, "say \"it's\" \\ so")`, String.raw`eq(name, 'say "it\'s" \\ so')`, String.raw`eq(name, "say \u0022it's\" \\ so")`, 'neq(error, null)', "eq(end_time, null)", "neq(total_cost, 1)", 'gt(latency, "2s")', "gte(latency, 2.5)",
      "lt(latency, 3)", "lte(total_tokens, 10)", "eq(prompt_tokens, 7)", 'gt(start_time, "2023-11-14T22:13:20Z")', 'lte(start_time, "2023-11-14T22:13:20.000001")', 'eq(id, "018F0000-0000-7000-8000-00000000000A")', 'in(name, ["x", "say \\"it\'s\\" \\\\ so"])', 'has(tags, "blue")', "eq(is_root, false)", "not(eq(is_root, true))",
      'and(eq(status, "error"), or(eq(name, "x"), gt(latency, 1)))', 'and(eq(metadata_key, "topic"), eq(metadata_value, "sums"))', 'and(eq(metadata_key, "topic"), neq(metadata_value, "x"), eq(run_type, "llm"))', 'eq(metadata_key, "round")', 'eq(metadata_value, "sums")', `has(metadata, '{"topic": "sums", "round": 3}')`, "and()",
    ]) assert.equal(meets(filter), true, filter);
    for (const filter of ['eq(run_type, "LLM")', "eq(error, null)", "gt(total_cost, 0)", "eq(total_cost, 0)", "gt(latency, 2.5)", 'in(name, [])', 'has(tags, "blu")', 'and(eq(metadata_key, "round"), eq(metadata_value, "sums"))', 'eq(metadata_key, "toString")', `has(metadata, '{"toString": "x"}')`, "or()", "eq(is_root, true)"]) {
      assert.equal(meets(filter), false, filter);
    }
  });

  it("are refused by name where they are not served, and with their place where they are none", () => {
    for (const [filter, word] of [['eq(feedback_key, "k")', "feedback_key"], ['search("x")', "takes a name"], ['like(name, "x")', "like of name"], ['has(inputs, "x")', "inputs"], ['gt(child_run_ids, 1)', "child_run_ids"], ['eq(constructor, "x")', "constructor"], ['constructor(name, "x")', "constructor of name"]] as const) {
      assert.throws(() => meets(filter), (error: Error & { code: string }) => ["NOT_SUPPORTED", "INVALID_REQUEST"].includes(error.code) && error.message.includes(word), filter);
    }
    for (const filter of ["", "name", '"x"', "eq(name", "eq(name, x)", 'eq(name, "x"', 'eq(name, "x)', 'eq(name "x")', 'eq(name, "x") and', "eq(latency, \"soon\")", 'gt(start_time, "today")', "gt(error, null)", 'in(name, "x")', "not()", 'has(metadata, "x")', 'has(metadata, "[1]")', "eq(name, 1.2.3)", 'eq(name, "\\x")', "and(".repeat(40)]) {
      assert.throws(() => meets(filter), failsWith("INVALID_REQUEST"), filter);
    }
  });

  it("read every text as it was written, and never fail otherwise than in words", () => {
    fc.assert(fc.property(fc.string({ unit: codePoint }), (name) => runFilterOf(`eq(name, ${JSON.stringify(name)})`)({ ...run, name }) && !runFilterOf(`neq(name, ${JSON.stringify(name)})`)({ ...run, name })));
    const token = fc.constantFrom("and(", "or(", "not(", "eq(", "has(", "in(", "name", "tags", "metadata_key", ",", ")", "[", "]", '"x"', "'", "\\", "null", "1", " ");
    fc.assert(fc.property(fc.array(token, { maxLength: 20 }), (tokens) => {
      try {
        runFilterOf(tokens.join(""))(run);
      } catch (error) {
        assert.ok(["NOT_SUPPORTED", "INVALID_REQUEST"].includes((error as { code?: string }).code ?? ""), String(error));
      }
    }));
  });

  it("tell of which thread alone they can be", () => {
    assert.deepEqual(['eq(thread_id, "t")', 'and(gt(latency, 1), and(eq(thread_id, "t")))', 'or(eq(thread_id, "t"), gt(latency, 1))', 'not(eq(thread_id, "t"))', 'neq(thread_id, "t")'].map((text) => foundByFilter(text).thread), ["t", "t", null, null, null]);
  });
});
