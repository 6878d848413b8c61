import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc, { codePoint } from "../../test/kit/fast-check.ts";
import { artifactSegments } from "../adapters/filesystem/artifact-files.ts";
import { belowAFile, isArchivePath } from "./archive-path.ts";

describe("a path of an archive", () => {
  it("of an artifact may have any name that leads nowhere else", () => {
    const segment = "é".repeat(127);
    for (const path of [
      "1/run/artifacts/model.onnx", "a", "with space/ünï 日本 🚀.txt", "..hidden", "a..b/...", ".config/.x", "a:b*c?\"<>|", "%2e%2e/%00", "\ufeffmark", "-rf", segment, "manifest.json", "tables/models.jsonl", "__proto__",
      Array.from({ length: 64 }, () => segment).join("/"),
    ]) {
      assert.equal(isArchivePath(`artifacts/${path}`), true, path.slice(0, 80));
    }
  });

  it("is refused where it leads elsewhere, or to nothing, or is no text", () => {
    for (const path of [
      "artifacts", "artifacts/", "/artifacts/a", "artifacts//a", "artifacts/a/", "artifacts/a//b", "artifacts/.", "artifacts/./a", "artifacts/..", "artifacts/../secret.key",
      "artifacts/a/../../slipway.db", "artifacts/a/..", "./artifacts/a", "../artifacts/a", "Artifacts/a", "artifacts\\a", "artifacts/a\\..\\b", "artifacts/a\0", "artifacts/a\nb", "artifacts/\u001b[2J", "artifacts/\u007f", "artifacts/\ud800",
      `artifacts/${"a".repeat(256)}`, `artifacts/${"é".repeat(128)}`, `artifacts/${Array.from({ length: 65 }, () => "a").join("/")}`, `artifacts/${"a/".repeat(1_000_000)}a`,
      "artifact-staging/a", "artifactsx/a", "secret.key", "slipway.db", "", "..", "C:/artifacts/a", "blobs/../artifacts/a", "predictions/../a", "predictions/a b",
    ]) {
      assert.equal(isArchivePath(path), false, JSON.stringify(path.slice(0, 80)));
    }
  });

  it("of an artifact is judged as the artifact store judges it", () => {
    const part = fc.oneof(fc.constantFrom("", ".", "..", "a", "\\", "\0", "\n", " ", "\u007f", "\u0085", "\ud800", "é".repeat(127), "é".repeat(128)), fc.string({ unit: codePoint, maxLength: 4 }), fc.string({ unit: "grapheme", maxLength: 4 }));
    const path = fc.array(part, { minLength: 1, maxLength: 70 }).map((parts) => parts.join("/"));
    fc.assert(
      fc.property(path.filter((each) => each !== ""), (each) => {
        let isTaken = true;
        try {
          artifactSegments(each);
        } catch {
          isTaken = false;
        }
        assert.equal(isArchivePath(`artifacts/${each}`), isTaken);
      }),
    );
  });

  it("cannot lie below a file", () => {
    const below = (...paths: string[]): string | null => belowAFile(new Set(paths));
    assert.equal(below("artifacts/a/b/c", "artifacts/a/b/d", "artifacts/a/bc", "artifacts/ab"), null);
    assert.equal(below("artifacts/a/b/c", "artifacts/a"), "artifacts/a/b/c");
    assert.equal(below("artifacts/a", "artifacts/a/b"), "artifacts/a/b");
    assert.equal(below("artifacts/a/x", "artifacts/a/b/c", "artifacts/a/b"), "artifacts/a/b/c");
  });
});
