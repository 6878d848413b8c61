import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startSlipway } from "../../src/compose.ts";
import { Config } from "../../src/config/index.ts";
import { AppError } from "../../src/core/errors.ts";
import { makeCertificate } from "../kit/certificates.ts";
import { codeOf, startSecuredServer } from "../kit/secured-server.ts";

describe("where the server listens", () => {
  let directory: string;
  let tls: { tlsCertificate: string; tlsKey: string };
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "slipway-bind-"));
    const { certificate, key } = makeCertificate(["localhost", "slipway.test"]);
    tls = { tlsCertificate: join(directory, "certificate.pem"), tlsKey: join(directory, "key.pem") };
    writeFileSync(tls.tlsCertificate, certificate);
    writeFileSync(tls.tlsKey, key);
  });
  after(() => rmSync(directory, { recursive: true }));

  it("refuses an address beyond loopback without keys, hosts and TLS, names what is missing, and touches nothing", async () => {
    const data = join(directory, "refused");
    const start = (settings: Record<string, unknown>): Promise<unknown> => startSlipway(Config.parse({ port: 0, grpcPort: 0, data, logLevel: "silent", host: "0.0.0.0", ...settings }));
    const cases: [settings: Record<string, unknown>, missing: string[]][] = [
      [{}, ["SLIPWAY_ALLOWED_HOSTS", "SLIPWAY_TLS_CERTIFICATE"]],
      [{ ...tls }, ["SLIPWAY_ALLOWED_HOSTS"]],
      [{ allowedHosts: ["slipway.test"] }, ["SLIPWAY_TLS_CERTIFICATE"]],
      [{ ...tls, allowedHosts: ["slipway.test"], access: "open" }, ["SLIPWAY_ACCESS"]],
      [{ ...tls, tlsKey: undefined, allowedHosts: ["slipway.test"] }, ["SLIPWAY_TLS_KEY", "SLIPWAY_TLS_CERTIFICATE"]],
      [{ trustedProxy: true }, ["SLIPWAY_ALLOWED_HOSTS"]],
    ];
    for (const [settings, missing] of cases) {
      await assert.rejects(start(settings), (error) => error instanceof AppError && error.code === "CONFIG_INVALID" && (assert.deepEqual(error.problems.map(({ path }) => path), missing), true));
    }
    await assert.rejects(start({ ...tls, tlsKey: tls.tlsCertificate, allowedHosts: ["slipway.test"] }), { code: "CONFIG_INVALID", message: /^tlsKey: / });
    assert.equal(existsSync(data), false);
  });

  it("listens there with all of them, asks for keys, and answers for its names alone", async () => {
    const server = await startSecuredServer({ host: "0.0.0.0", access: "auto", allowedHosts: ["Slipway.test:4400"], ...tls });
    // What it tells is an address that it answers for.
    assert.match(server.slipway.url, /^https:\/\/127\.0\.0\.1:/);
    assert.match(server.adminKey, /^slk_/);
    const refused = await server.send("GET", "/api/models");
    assert.deepEqual([refused.status, codeOf(refused)], [401, "UNAUTHENTICATED"]);
    assert.equal((await server.asAdmin("GET", "/api/models")).status, 200);
    const named = (host: string): Promise<number> => server.send("GET", "/api/models", [`Host: ${host}`, `Authorization: Bearer ${server.adminKey}`]).then(({ status }) => status);
    assert.deepEqual([await named("slipway.test:4400"), await named("SLIPWAY.test:4400"), await named("slipway.test"), await named("0.0.0.0:4400"), await named("evil.test:4400")], [200, 200, 421, 421, 421]);
    await server.stop();
  });

  it("takes plain HTTP beyond loopback where a proxy ends TLS, and makes its cookies for TLS alone", async () => {
    const server = await startSecuredServer({ host: "0.0.0.0", access: "auto", allowedHosts: ["slipway.test"], trustedProxy: true });
    const signedIn = await server.send("POST", "/api/session", ["Host: slipway.test", "Content-Type: application/json", "Origin: https://slipway.test"], JSON.stringify({ key: server.adminKey }));
    assert.match(signedIn.headers["set-cookie"]![0]!, /^__Host-sid=sls_\S+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/);
    // A page without TLS is not this server's, though it has its name.
    const refused = await server.send("POST", "/api/session", ["Host: slipway.test", "Content-Type: application/json", "Origin: http://slipway.test"], JSON.stringify({ key: server.adminKey }));
    assert.deepEqual([refused.status, codeOf(refused)], [403, "CROSS_SITE_REFUSED"]);
    await server.stop();
  });

  it("is open on loopback and closed to a set-up there", async () => {
    const server = await startSecuredServer({ access: "auto" });
    assert.equal(server.slipway.setupToken, null);
    assert.equal((await server.send("GET", "/api/models")).status, 200);
    const refused = await server.send("POST", "/api/setup", [`Host: ${server.host}`, "Content-Type: application/json"], JSON.stringify({ token: "sst_x", name: "x" }));
    assert.deepEqual([refused.status, codeOf(refused)], [409, "SETUP_CLOSED"]);
    await server.stop();
  });

  it("lets the first admin in once, by the token of the newest start", async () => {
    const data = mkdtempSync(join(tmpdir(), "slipway-setup-"));
    const body = (token: string): string => JSON.stringify({ token, name: "Ada" });
    const settings = { port: 0, grpcPort: 0, data: join(data, "data"), access: "keys", drainMs: 0, logLevel: "silent" };
    const first = await startSlipway(Config.parse(settings));
    await first.stop();
    const server = await startSecuredServer({}, { directory: data });
    const token = server.slipway.setupToken!;
    assert.notEqual(first.setupToken, token);
    const ask = async (given: string): Promise<string> => codeOf(await server.send("POST", "/api/setup", [`Host: ${server.host}`, "Content-Type: application/json"], body(given)));
    // The kit has used the newest token already: it and the old one are of no use now, nor at the next start.
    assert.deepEqual([await ask(token), await ask(first.setupToken!)], ["SETUP_CLOSED", "SETUP_CLOSED"]);
    await server.stop();
    const next = await startSlipway(Config.parse(settings));
    assert.equal(next.setupToken, null);
    await next.stop();
    rmSync(data, { recursive: true });
  });
});
