import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "../../test/kit/fast-check.ts";
import { ArtifactLocations } from "./artifact-locations.ts";

const run = (artifactUri: string) => ({ id: "r1", experiment: "7", artifactUri });

describe("ArtifactLocations", () => {
  const shared = new ArtifactLocations({ roots: ["/mnt/ml", "/srv/more"], workingFolder: "/mnt/ml/jobs" });
  const none = new ArtifactLocations({ workingFolder: "/mnt/ml/jobs" });

  it("keeps locations as they were given, and makes relative ones absolute that lead below a root", () => {
    for (const location of ["/mnt/ml/a", "file:///mnt/ml/a/", "/etc", "file:///etc", "s3://b/{x}", "file://host/mnt/ml", "../../../etc"]) assert.equal(shared.ofExperiment(location), location);
    assert.deepEqual([shared.ofExperiment("mine/x"), shared.ofExperiment("../other")], ["/mnt/ml/jobs/mine/x", "/mnt/ml/other"]);
    assert.equal(none.ofExperiment("mine/x"), "mine/x");
    assert.equal(shared.ofExperiment("/mnt/ml/{id}"), "/mnt/ml/%7Bid%7D");
  });

  it("gives new experiments the default root with their id", () => {
    assert.deepEqual([none.ofExperiment(undefined), none.ofExperiment("")], ["mlflow-artifacts:/{id}", "mlflow-artifacts:/{id}"]);
    for (const [defaultRoot, made] of [["file:///mnt/ml", "file:///mnt/ml/{id}"], ["s3://b/", "s3://b/{id}"], ["/mnt/{id}", "/mnt/%7Bid%7D/{id}"]] as const) {
      assert.equal(new ArtifactLocations({ defaultRoot }).ofExperiment(undefined), made);
    }
  });

  it("finds the artifacts of a run below a root alone, and of the run alone", () => {
    assert.deepEqual(shared.placeOf(run("file:///mnt/ml/7/r1/artifacts"), "model"), { experiment: "7", folder: "/mnt/ml/7/r1/artifacts", path: "model" });
    assert.equal(shared.placeOf(run("/srv/more/r1/artifacts"))?.folder, "/srv/more/r1/artifacts");
    for (const uri of ["/mnt/mlx/r1/artifacts", "/mnt/ml/../x/r1/artifacts", "/mnt/ml/r2/artifacts", "/mnt/ml/r1", "/r1/artifacts", "mnt/ml/r1/artifacts", "file://h/mnt/ml/r1/artifacts", "mlflow-artifacts:/7/r1/artifacts", "s3://mnt/ml/r1/artifacts"]) {
      assert.equal(shared.placeOf(run(uri)), null, uri);
    }
    assert.equal(none.placeOf(run("/mnt/ml/7/r1/artifacts")), null);
  });

  it("takes a path as a source only within the run's artifacts", () => {
    const owner = run("/mnt/ml/7/r1/artifacts");
    const paths = { "": ["/mnt/ml/7/r1/artifacts", "file:///mnt/ml/7/r1/artifacts/", "/mnt/ml/7/r1/artifacts/model/.."], "model/a": ["file:///mnt/ml/7/r1/artifacts/model/a", "/mnt/ml/7/r1/artifacts/./model//a"] };
    for (const [path, sources] of Object.entries(paths)) for (const source of sources) assert.equal(shared.placeAt(owner, source)?.path, path, source);
    for (const source of ["/mnt/ml", "/tmp", "/mnt/ml/7/r1/artifacts/../../r2/artifacts", "/mnt/ml/7/r1/artifacts/%2e%2e/x", "/mnt/ml/7/r1/artifacts2", "model", "file://h/mnt/ml/7/r1/artifacts"]) {
      assert.equal(shared.placeAt(owner, source), null, source);
    }
  });

  it("never answers with a place outside, whatever the source is", () => {
    const owner = run("/mnt/ml/7/r1/artifacts");
    const part = fc.oneof(fc.constantFrom("..", ".", "", "%2e%2e", "..%2f..", "%252e%252e", "r1", "r2", "artifacts", "/", "\\.."), fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(fc.constantFrom("/mnt/ml/7/r1/artifacts/", "file:///mnt/ml/7/r1/artifacts/", "file://localhost/mnt/ml/7/r1/artifacts/", ""), fc.array(part, { maxLength: 8 }), (start, parts) => {
        const place = shared.placeAt(owner, `${start}${parts.join("/")}`);
        if (place === null) return;
        assert.equal(place.folder, "/mnt/ml/7/r1/artifacts");
        assert.ok(!place.path.startsWith("/") && !place.path.split("/").includes(".."), place.path);
      }),
    );
  });
});
