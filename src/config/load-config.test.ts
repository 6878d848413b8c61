import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { AppError } from "../core/errors.ts";
import { childEnvironment, environmentName, loadConfig } from "./load-config.ts";

describe("loadConfig", () => {
  it("lets flags win over the environment and the environment over the file", () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-config-"));
    const file = join(directory, "slipway.json");
    writeFileSync(file, JSON.stringify({ port: 1, drainMs: 7, data: "from-file" }));
    const config = loadConfig({ port: "3", config: file }, { SLIPWAY_PORT: "2", SLIPWAY_DATA: "from-environment" });
    rmSync(directory, { recursive: true });
    assert.deepEqual([config.port, config.data, config.drainMs, config.host], [3, "from-environment", 7, "127.0.0.1"]);
    assert.ok(Object.isFrozen(config));
  });

  it("names every problem by where it was set", () => {
    assert.throws(
      () => loadConfig({ port: "http" }, { SLIPWAY_MAX_CONNECTIONS: "-4" }),
      (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "CONFIG_INVALID");
        assert.deepEqual(error.problems.map((problem) => problem.path).sort(), ["--port", "SLIPWAY_MAX_CONNECTIONS"]);
        return true;
      },
    );
  });

  it("refuses an unknown setting in the file", () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-config-"));
    const file = join(directory, "slipway.json");
    writeFileSync(file, JSON.stringify({ prot: 1 }));
    assert.throws(() => loadConfig({ config: file }, {}), /prot/);
    rmSync(directory, { recursive: true });
  });

  it("spells environment names", () => {
    assert.equal(environmentName("maxInferenceBytes"), "SLIPWAY_MAX_INFERENCE_BYTES");
  });

  it("hands no secret to child processes", () => {
    assert.deepEqual(childEnvironment({ PATH: "/bin", AWS_SECRET_ACCESS_KEY: "x", SLIPWAY_TOKEN: "y" }), { PATH: "/bin" });
  });
});
