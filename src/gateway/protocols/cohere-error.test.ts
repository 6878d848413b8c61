import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../../core/errors.ts";
import { cohereError } from "./cohere-error.ts";

describe("cohereError", () => {
  it("says all in the one field that Cohere's clients read and in the one that Jina's do, beside the request's id", () => {
    const error = new AppError("INVALID_REQUEST", "The request is wrong.", { problems: [{ path: "documents[0]", message: "must be a text" }] });
    const message = `The request is wrong. documents[0]: must be a text. ${error.hint}`;
    assert.deepEqual(cohereError(error, "req_1"), { id: "req_1", message, detail: message });
  });
});
