import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SlipwayClient } from "../../src/index.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { runChecks } from "./python-script.ts";

const day = { expiresInDays: 1 };

describe("a server that asks for keys", () => {
  let directory: string;
  let server: RunningServer;
  const keys: Record<"deployer" | "viewer" | "stranger" | "revoked", string> = { deployer: "", viewer: "", stranger: "", revoked: "" };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-clients-"));
    const open = await startServer();
    const { key } = await open.client.api.send<{ key: string }>("POST", "/api/keys", { name: "root", grants: [{ role: "admin" }], ...day });
    await open.stop({ keep: true });
    server = await startServer({ directory: open.directory, flags: ["--access", "keys"] });
    const admin = new SlipwayClient({ url: server.url, apiKey: key });
    await admin.deploy({ file: await server.file("m.onnx", linearModel({ weights: [2] })), name: "m" });
    await admin.api.send("POST", "/api/teams", { name: "other" });
    const make = (grant: object) => admin.api.send<{ id: string; key: string }>("POST", "/api/keys", { name: "client", grants: [grant], ...day });
    keys.deployer = (await make({ role: "deployer" })).key;
    keys.viewer = (await make({ role: "viewer", models: ["m"] })).key;
    keys.stranger = (await make({ role: "admin", team: "other" })).key;
    const revoked = await make({ role: "admin" });
    await admin.api.send("DELETE", `/api/keys/${revoked.id}`);
    keys.revoked = revoked.key;
  });
  after(async () => {
    await server.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it("takes them from the clients that people have", (test) => runChecks(test, "access.py", server, directory, JSON.stringify(keys)));
});
