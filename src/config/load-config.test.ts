import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inspect } from "node:util";
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
        assert.deepEqual(error.problems, [{ path: "--port", message: "must be a number" }, { path: "SLIPWAY_MAX_CONNECTIONS", message: "must be at least 1" }]);
        return true;
      },
    );
  });

  it("refuses an unknown setting in the file", () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-config-"));
    const file = join(directory, "slipway.json");
    writeFileSync(file, JSON.stringify({ prot: 1 }));
    assert.throws(() => loadConfig({ config: file }, {}), { message: 'the configuration file: has the unknown field "prot"; the nearest of its fields is "port"' });
    rmSync(directory, { recursive: true });
  });

  it("spells environment names", () => {
    assert.equal(environmentName("maxInferenceBytes"), "SLIPWAY_MAX_INFERENCE_BYTES");
  });

  it("reads secrets from files too, says where one is wrong, and never prints one", () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-config-"));
    const file = (name: string, text: string): string => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const key = Buffer.alloc(32, 7).toString("base64");
    const environment = {
      SLIPWAY_SECRET_KEY_FILE: file("key", `${key}\n`), SLIPWAY_DATABASE_URL: "postgres://u:canary@h/d",
      SLIPWAY_OIDC_CLIENT_SECRET_FILE: file("secret", "canary\r\n"), SLIPWAY_OLD_SECRET_KEYS: key,
    };
    const config = loadConfig({}, environment);
    const refused = [
      { SLIPWAY_SECRET_KEY: key, SLIPWAY_SECRET_KEY_FILE: environment.SLIPWAY_SECRET_KEY_FILE },
      { SLIPWAY_SECRET_KEY_FILE: join(directory, "gone") },
      { SLIPWAY_SECRET_KEY_FILE: file("short", "canary") },
      { SLIPWAY_DATABASE_URL: "mysql://u:canary@h/d" },
    ].map((wrong) => {
      try {
        loadConfig({}, wrong);
      } catch (error) {
        return (error as AppError).message;
      }
      return "taken";
    });
    rmSync(directory, { recursive: true });
    assert.deepEqual([config.secretKey, config.oidcClientSecret, config.databaseUrl], [key, "canary", "postgres://u:canary@h/d"]);
    for (const printed of [JSON.stringify(config), inspect(config), inspect({ config }, { depth: 5 }), String(config), ...refused]) {
      assert.doesNotMatch(printed, /canary|BwcHBwc/);
      assert.doesNotMatch(printed, new RegExp(directory));
    }
    assert.match(JSON.stringify(config), /"secretKey":"\(set, not shown\)"/);
    assert.match(refused.join("\n"), /both set.*\n.*SLIPWAY_SECRET_KEY_FILE: the file cannot be read.*\n.*SLIPWAY_SECRET_KEY_FILE: 32 bytes.*\n.*SLIPWAY_DATABASE_URL: a URL that starts with postgres/);
  });

  it("takes no file for what is no secret", () => {
    assert.equal(loadConfig({}, { SLIPWAY_HOST_FILE: "/nowhere" }).host, "127.0.0.1");
  });

  it("hands no secret to child processes", () => {
    assert.deepEqual(childEnvironment({ PATH: "/bin", AWS_SECRET_ACCESS_KEY: "x", SLIPWAY_TOKEN: "y" }), { PATH: "/bin" });
  });
});
