import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startSecuredServer } from "../kit/secured-server.ts";

/** Files below the folder whose bytes hold one of the texts. */
function filesWith(folder: string, texts: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path);
      return texts.some((text) => bytes.includes(text) || bytes.includes(Buffer.from(text).toString("hex")) || bytes.includes(Buffer.from(text).toString("base64").slice(0, 40)));
    });
}

describe("secrets", () => {
  it("are in no file, log or audit entry as they are, whatever was done with them", async () => {
    const directory = mkdtempSync(join(tmpdir(), "slipway-secrets-"));
    const server = await startSecuredServer({ oidcIssuer: "https://id.invalid", oidcClientId: "x", oidcClientSecret: "canary-of-the-provider", publicUrl: "http://localhost:1" }, { directory });
    const made = JSON.parse((await server.asAdmin("POST", "/api/keys", { name: "second", grants: [{ role: "viewer" }] })).body) as { key: string; id: string };
    const signedIn = await server.send("POST", "/api/session", [`Host: ${server.host}`, "Content-Type: application/json"], JSON.stringify({ key: made.key }));
    const session = /sid=(sls_[^;]+)/.exec(signedIn.headers["set-cookie"]![0]!)![1]!;
    const secrets = [server.adminKey, made.key, session, server.slipway.setupToken!, "canary-of-the-provider"];
    // In places where people put them by mistake, too.
    const guess = `slk_${"G".repeat(43)}`;
    for (const target of [`/api/models/${guess}`, `/api/models?key=${guess}`, `/api/${guess}`]) await server.asAdmin("GET", target);
    await server.send("GET", "/api/models", [`Host: ${server.host}`, `Authorization: Bearer ${guess}`]);
    await server.send("GET", "/api/models", [`Host: ${server.host}`, `Authorization: Basic ${Buffer.from(`user:${guess}`).toString("base64")}`]);
    await server.send("POST", "/api/setup", [`Host: ${server.host}`, "Content-Type: application/json"], JSON.stringify({ token: server.slipway.setupToken, name: "again" }));
    const keys = (await server.asAdmin("GET", "/api/keys")).body;
    const audit = (await server.asAdmin("GET", "/api/audit?limit=1000")).body;
    await server.asAdmin("DELETE", `/api/keys/${made.id}`);
    await server.stop();
    for (const secret of secrets) {
      for (const [where, text] of [["the list of keys", keys], ["the audit log", audit], ["the log", server.logged.join("\n")]] as const) assert.ok(!text.includes(secret.slice(8)), `${secret.slice(0, 8)}... in ${where}`);
    }
    assert.ok(!`${audit}${server.logged.join("\n")}`.includes(guess), "a guessed key was written down");
    assert.deepEqual(filesWith(directory, secrets), []);
    // The search finds what is there.
    assert.deepEqual(filesWith(directory, ["admin of the test"]).length > 0, true);
    assert.equal(statSync(join(directory, "data", "secret.key")).mode & 0o777, 0o600);
    rmSync(directory, { recursive: true });
  });
});
