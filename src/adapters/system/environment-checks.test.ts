import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { epochMs } from "../../core/clock.ts";
import type { DoctorCheck } from "../../core/doctor-check.ts";
import { certificateCheck, clockCheck, dataDirectoryCheck, databaseCheck, diskCheck, memoryCheck, nodeCheck, portCheck, programCheck } from "./environment-checks.ts";

const directory = mkdtempSync(join(tmpdir(), "slipway-doctor-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const now = epochMs(1_800_000_000_000);
const stateOf = async (check: DoctorCheck): Promise<string> => (await check.run(now)).state;

describe("environment checks", () => {
  it("know the oldest Node", async () => {
    assert.equal(await stateOf(nodeCheck("22.17.9")), "problem");
    assert.equal(await stateOf(nodeCheck("22.18.0")), "ok");
    assert.equal(await stateOf(nodeCheck("24.0.0")), "ok");
  });

  it("find a data directory that cannot be written, or that everybody can read, and leave nothing in it", async () => {
    chmodSync(directory, 0o700);
    assert.equal(await stateOf(dataDirectoryCheck(directory)), "ok");
    chmodSync(directory, 0o755);
    assert.equal(await stateOf(dataDirectoryCheck(directory)), "warning");
    chmodSync(directory, 0o700);
    assert.equal(await stateOf(dataDirectoryCheck(join(directory, "missing"))), "skipped");
    writeFileSync(join(directory, "file"), "");
    assert.equal(await stateOf(dataDirectoryCheck(join(directory, "file"))), "problem");
    assert.deepEqual(readdirSync(directory), ["file"]);
  });

  it("read the disk and the memory", async () => {
    assert.match((await diskCheck(directory).run(now)).finding, /GiB are free/);
    assert.equal(await stateOf(memoryCheck(() => 2 ** 20, () => 2 ** 34)), "warning");
    assert.equal(await stateOf(memoryCheck(() => 2 ** 33, () => 2 ** 34)), "ok");
  });

  it("compare the clock", async () => {
    assert.equal(await stateOf(clockCheck(() => Promise.resolve(epochMs(now + 60_000)), () => now)), "warning");
    assert.equal(await stateOf(clockCheck(() => Promise.resolve(epochMs(now + 60)), () => now)), "ok");
    assert.equal(await stateOf(clockCheck(() => Promise.resolve(null), () => epochMs(0))), "problem");
  });

  it("find a taken port", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    assert.equal(await stateOf(portCheck("127.0.0.1", port)), "problem");
    await new Promise((resolve) => server.close(resolve));
    assert.equal(await stateOf(portCheck("127.0.0.1", port)), "ok");
  });

  it("find programs", async () => {
    assert.equal(await stateOf(programCheck("Node", process.execPath, "")), "ok");
    assert.equal(await stateOf(programCheck("nothing", join(directory, "nothing"), "Install it.")), "warning");
  });

  it("read how long a certificate holds", async () => {
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
    execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", certificate, "-days", "30", "-subj", "/CN=slipway.test"], { stdio: "ignore" });
    const today = epochMs(Date.now());
    const after20Days = epochMs(today + 20 * 86_400_000);
    const after40Days = epochMs(today + 40 * 86_400_000);
    assert.equal(await stateOf(certificateCheck(certificate, () => epochMs(today + 1000))), "ok");
    assert.equal(await stateOf(certificateCheck(certificate, () => after20Days)), "warning");
    assert.equal(await stateOf(certificateCheck(certificate, () => after40Days)), "problem");
    assert.equal(await stateOf(certificateCheck(key, () => today)), "problem");
    assert.equal(await stateOf(certificateCheck(undefined, () => today)), "skipped");
  });

  it("say why a database does not answer", async () => {
    assert.equal(await stateOf(databaseCheck(() => Promise.resolve({ milliseconds: 1, description: "SQLite" }))), "ok");
    assert.equal(await stateOf(databaseCheck(() => Promise.resolve({ milliseconds: 900, description: "SQLite" }))), "warning");
    const failing = await databaseCheck(() => Promise.reject(new Error("connection refused"))).run(now);
    assert.deepEqual([failing.state, /connection refused/.test(failing.finding)], ["problem", true]);
  });
});
