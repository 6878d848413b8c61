import assert from "node:assert/strict";
import { it } from "node:test";
import { argumentsObject, parseExact } from "./tool-arguments.ts";

it("arguments are read with their numbers as they stand", () => {
  for (const text of ['{"a":12345678901234567890}', '{"a":1.0,"b":[1e5,-0,1.50]}', '{"a":"1.0 12345678901234567890"}', "[]", '{"a":1}']) assert.equal(JSON.stringify(parseExact(text)), text);
  assert.throws(() => parseExact("{1.0"), SyntaxError);
  const object = (text: string) => {
    const { value, wrapped } = argumentsObject(text);
    return [JSON.stringify(value), wrapped];
  };
  assert.deepEqual(["", " \n", '{"a":1.0}', "[1.0]", "null", '"a"', "{"].map(object), [["{}", false], ["{}", false], ['{"a":1.0}', false], ...["[1.0]", "null", '"a"', "{"].map((text) => [JSON.stringify({ INVALID_JSON: text }), true])]);
});
