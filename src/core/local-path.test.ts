import assert from "node:assert/strict";
import { posix } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "../../test/kit/fast-check.ts";
import { isLocalLocation, isOfAnotherHost, isWithin, localPathOf } from "./local-path.ts";

describe("localPathOf", () => {
  it("reads paths and file URIs without a host", () => {
    for (const location of ["/mnt/ml/1", "/mnt/ml/1/", "/mnt//ml/./1", "/mnt/ml/x/../1", "file:///mnt/ml/1", "file:/mnt/ml/1", "FILE://localhost/mnt/ml/1", "file:///mnt/ml/%31", "/mnt/ml/%31"]) {
      assert.equal(localPathOf(location), "/mnt/ml/1", location);
    }
    assert.equal(localPathOf("1/x", "/mnt/ml"), "/mnt/ml/1/x");
    assert.equal(localPathOf("/"), "/");
    assert.equal(localPathOf("/100%/a%20b%C3%A4"), "/100%/a bä");
  });

  it("decodes once alone, so that nothing is hidden below", () => {
    assert.equal(localPathOf("/mnt/ml/%252e%252e/etc"), "/mnt/ml/%2e%2e/etc");
    assert.equal(localPathOf("/mnt/ml/%2e%2e/etc"), "/mnt/etc");
    assert.equal(localPathOf("/mnt/ml/..%2f..%2fetc"), "/etc");
  });

  it("reads no other place", () => {
    const others = ["s3://b/x", "runs:/r/model", "mlflow-artifacts:/0", "file://host/mnt/ml", "file://localhost.evil/mnt", "file://127.0.0.1/mnt", "file:mnt", "file:", "file://", "file:///a?b", "file:///a#b", "", "a/b", ".", "/a\\b", "/a\0b", "/a%00b", "/a\nb", "/a%ff", "/a%5cb", "/\ud83d", "C:\\x"];
    for (const location of others) assert.equal(localPathOf(location), null, location);
  });

  it("answers with absolute paths without a step up, and alike for a path and its URI", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom("..", ".", "", "%2e%2e", "a"), fc.stringMatching(/^[a-zé %0-9]{0,5}$/u)), { maxLength: 8 }), (segments) => {
        const path = `/${segments.join("/")}`;
        const found = localPathOf(path);
        if (found === null) return;
        assert.equal(posix.resolve(found), found);
        assert.ok(found.startsWith("/") && !found.split("/").includes(".."));
        assert.equal(localPathOf(`file://${path}`), found);
        assert.equal(localPathOf(`file://localhost${path}`), found);
      }),
    );
  });

  it("agrees with Node on URIs", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-zé %0-9]{1,5}$/u), { minLength: 1, maxLength: 5 }), (segments) => {
        const uri = `file:///${segments.map(encodeURIComponent).join("/")}`;
        assert.equal(localPathOf(uri), fileURLToPath(uri));
      }),
    );
  });
});

describe("isLocalLocation", () => {
  it("tells paths and file URIs from other addresses", () => {
    for (const location of ["/a", "a", "./a", "", "file:/a", "FILE://h/a", "C:/a"]) assert.equal(isLocalLocation(location), true, location);
    for (const location of ["s3://b", "mlflow-artifacts:/0", "runs:/r", "hdfs://h/x", "a+b:/c"]) assert.equal(isLocalLocation(location), false, location);
  });
});

describe("isOfAnotherHost", () => {
  it("knows no host, and localhost, from others", () => {
    for (const location of ["file:///a", "file:/a", "file://localhost/a", "file://LOCALHOST/a", "/a", "s3://b/a"]) assert.equal(isOfAnotherHost(location), false, location);
    for (const location of ["file://h/a", "file://localhost.evil/a", "file://123.456.789.123/a"]) assert.equal(isOfAnotherHost(location), true, location);
  });
});

describe("isWithin", () => {
  it("goes by whole segments", () => {
    assert.deepEqual([isWithin("/a/b", "/a/b"), isWithin("/a/b", "/a/b/c"), isWithin("/a/b", "/a/bc"), isWithin("/a/b", "/a"), isWithin("/", "/a")], [true, true, false, false, true]);
  });
});
