import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import type { Schema } from "../../data/open-api.ts";
import { exampleInput } from "./example-input.ts";

const exampleOf = (schema: z.ZodType): unknown => exampleInput(z.toJSONSchema(schema, { io: "input" }) as Schema);

describe("exampleInput", () => {
  it("shows what is required and what has a default", () => {
    const schema = z.strictObject({ model: z.string(), rows: z.number().int().min(1), mode: z.enum(["fast", "full"]), retries: z.number().default(3), note: z.string().optional(), tags: z.array(z.string()) });
    const example = exampleOf(schema);
    assert.deepEqual(example, { model: "", rows: 1, mode: "fast", retries: 3, tags: [] });
    assert.equal(schema.safeParse(example).success, true);
  });

  it("goes into objects, takes the first of several, and ends", () => {
    assert.deepEqual(exampleOf(z.object({ inner: z.object({ at: z.union([z.number(), z.string()]) }) })), { inner: { at: 0 } });
    assert.deepEqual(exampleOf(z.object({})), {});
    assert.deepEqual(exampleInput({}), {});
  });
});
