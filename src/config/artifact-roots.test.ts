import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { loadConfig } from "./load-config.ts";

const data = { SLIPWAY_DATA: "/var/lib/slipway" };
const problemsOf = (environment: Record<string, string>): readonly string[] => {
  try {
    loadConfig({}, { ...data, ...environment });
    return [];
  } catch (error) {
    assert.ok(error instanceof AppError && error.code === "CONFIG_INVALID");
    return error.problems.map(({ path }) => path);
  }
};

describe("shared folders of artifacts", () => {
  it("are none, with artifacts at the server, unless they are set", () => {
    const { artifactRoots, defaultArtifactRoot } = loadConfig({}, {});
    assert.deepEqual([artifactRoots, defaultArtifactRoot], [[], "mlflow-artifacts:/"]);
    assert.deepEqual(loadConfig({ artifactRoots: "/mnt/a, /mnt/b" }, {}).artifactRoots, ["/mnt/a", "/mnt/b"]);
  });

  it("are absolute folders apart from the server's own files", () => {
    for (const root of ["mnt", "/", "/mnt/../etc", "file:///mnt", "/a%41", "/var/lib/slipway", "/var/lib/slipway/x", "/var/lib", "/var/", "/mnt/ok,rel"]) {
      assert.deepEqual(problemsOf({ SLIPWAY_ARTIFACT_ROOTS: root }), ["SLIPWAY_ARTIFACT_ROOTS"], root);
    }
    assert.deepEqual(problemsOf({ SLIPWAY_ARTIFACT_ROOTS: "/files/sub", SLIPWAY_ARTIFACTS: "/files" }), ["SLIPWAY_ARTIFACT_ROOTS"]);
    assert.deepEqual(problemsOf({ SLIPWAY_ARTIFACT_ROOTS: "/var/lib/slipway2,/mnt/ml/" }), []);
  });

  it("hold the default root where that is on a disk", () => {
    const withRoots = (root: string) => problemsOf({ SLIPWAY_ARTIFACT_ROOTS: "/mnt/ml", SLIPWAY_DEFAULT_ARTIFACT_ROOT: root });
    for (const root of ["/mnt/ml", "/mnt/ml/x", "file:///mnt/ml/x", "s3://bucket/x", "mlflow-artifacts:/x"]) assert.deepEqual(withRoots(root), [], root);
    for (const root of ["/mnt", "/mnt/mlx", "file:///etc", "file://host/mnt/ml", "x", "/mnt/ml/../x", "file:///mnt/ml/%2e%2e/x", "s3://b?x=1"]) assert.deepEqual(withRoots(root), ["SLIPWAY_DEFAULT_ARTIFACT_ROOT"], root);
    assert.deepEqual(problemsOf({ SLIPWAY_DEFAULT_ARTIFACT_ROOT: "/mnt/ml" }), ["SLIPWAY_DEFAULT_ARTIFACT_ROOT"]);
  });
});
