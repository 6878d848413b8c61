import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { curlSnippet, pythonSnippet, typescriptSnippet } from "./snippets.ts";

const request = {
  origin: "http://127.0.0.1:4400", model: "flight-delay", version: null,
  body: `{"inputs":[{"name":"carrier","datatype":"BYTES","shape":[1],"data":["O'Hare"]},{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.5,null]}]}`,
};

describe("snippets", () => {
  it("quote what a shell would take apart", () => {
    assert.match(curlSnippet(request), /^curl http:\/\/127\.0\.0\.1:4400\/v2\/models\/flight-delay\/infer/);
    assert.ok(curlSnippet(request).includes(`O'\\''Hare`));
  });

  it("name the version where one was chosen", () => {
    assert.match(curlSnippet({ ...request, version: "3" }), /versions\/3\/infer/);
    assert.match(pythonSnippet({ ...request, version: "3" }), /model_version="3"/);
  });

  it("write Python values for missing and text", () => {
    const python = pythonSnippet(request);
    assert.ok(python.includes(`np.array(["O'Hare"], np.object_)`), python);
    assert.ok(python.includes("np.array([[1.5, np.nan]], np.float32)"));
  });

  it("never write out a large tensor", () => {
    const large = { ...request, body: `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3000],"data":[${new Array(3000).fill(0).join(",")}]}]}` };
    for (const snippet of [curlSnippet(large), pythonSnippet(large), typescriptSnippet(large)]) assert.ok(snippet.length < 900, snippet.slice(0, 300));
  });
});
