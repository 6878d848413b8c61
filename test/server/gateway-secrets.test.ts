import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServer, type RunningServer } from "../kit/running-server.ts";
import { answerJson, GatewayUpstream, speakOpenAi } from "./gateway-upstream.ts";

/** Providers whose keys stand in files and variables of the server, on a whole server. */
describe("keys of providers that are not kept here", () => {
  let server: RunningServer;
  let url: string;
  let key = "key-of-monday";
  const files = mkdtempSync(join(tmpdir(), "slipway-secrets-"));
  const upstream = new GatewayUpstream((call, response) => (call.headers.authorization === `Bearer ${key}` ? speakOpenAi(call, response) : answerJson(response, { error: { message: "No such key." } }, 401)));

  before(async () => {
    url = `${await upstream.start()}/v1`;
    server = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1", SLIPWAY_SECRET_FILES: files } });
  });
  after(async () => {
    await server.stop();
    upstream.stop();
    rmSync(files, { recursive: true });
  });

  const enter = (name: string, secret: object): Promise<{ notes: string[] }> => server.client.api.send("PUT", `/api/gateway/providers/${name}`, { revision: 0, settings: { kind: "compatible", baseUrl: url, breaker: { failures: 2, openSeconds: 3600 } }, secret });
  const ask = (provider: string): Promise<Response> => fetch(`${server.url}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: `${provider}/m`, messages: [{ role: "user", content: "hello" }] }) });
  const write = (text: string): void => writeFileSync(join(files, "acme.key"), `${text}\n`);

  it("are replaced while calls go on, before the provider ends the old one and after", async () => {
    write(key);
    assert.deepEqual((await enter("acme", { from: "file", path: "acme.key" })).notes, []);
    assert.equal((await ask("acme")).status, 200);
    write("key-of-tuesday");
    key = "key-of-tuesday";
    const answer = await ask("acme");
    assert.deepEqual([answer.status, answer.headers.get("x-slipway-attempts")], [200, "2"]);
    // The provider is first: until the file follows, calls fail and the target is left alone, here for an hour.
    key = "key-of-wednesday";
    for (let call = 0; call < 3; call++) assert.ok((await ask("acme")).status >= 500);
    write(key);
    // The file is looked at once a second.
    for (let status = 0; status !== 200; ) ({ status } = await ask("acme"));
    assert.equal((await ask("acme")).headers.get("x-slipway-attempts"), null);
  });

  it("are named where they are not there: when they are entered, tested and looked through, and not to callers", async () => {
    const test = (name: string): Promise<object> => server.client.api.send("POST", `/api/gateway/providers/${name}/test`, {});
    const [variable, file] = [await enter("variable", { from: "environment", name: "SLIPWAY_PROVIDER_NOPE" }), await enter("file", { from: "file", path: "nosuch.txt" })];
    const missing = ["The provider variable has no secret: the server has no environment variable SLIPWAY_PROVIDER_NOPE.", "The provider file has no secret: there is no file nosuch.txt in the folder of secrets (SLIPWAY_SECRET_FILES)."];
    assert.deepEqual([variable.notes, file.notes], missing.map((message) => [`${message} Its calls fail until it is there.`]));
    const asked = upstream.calls.length;
    for (const [index, name] of ["variable", "file"].entries()) assert.deepEqual(await test(name), { ok: false, ms: 0, code: "PROVIDER_SECRET_MISSING", message: missing[index], models: [] });
    assert.equal(upstream.calls.length, asked);
    const { checks } = await server.client.api.get<{ checks: { name: string; finding: string }[] }>("/api/doctor");
    assert.deepEqual(["keys of providers", "own providers"].map((name) => checks.find((check) => check.name === name)!.finding), [`${missing[1]} ${missing[0]}`, "acme answers."]);
    const { providers } = await server.client.api.get<{ providers: { name: string; trouble: string | null }[] }>("/api/gateway/providers");
    const enterIt = (name: string): string => `enter the key: \`slipway gateway set-provider ${name} --kind compatible --key-from FILE\`. Until then its calls fail.`;
    assert.deepEqual(providers.filter(({ trouble }) => trouble !== null).map(({ name, trouble }) => [name, trouble]), [
      ["file", `${missing[1]} Put the file there: it is read with the next call; or ${enterIt("file")}`], ["variable", `${missing[0]} Start the server with that variable, or ${enterIt("variable")}`],
    ]);
    const told = await (await ask("file")).text();
    assert.match(told, /The secret of the provider file is not where its settings say/);
    assert.doesNotMatch(told, /nosuch/);
  });

  it("are said to be closed where the server's own key is another, and nobody is told to ask again", async () => {
    key = "key-of-monday";
    const first = await startServer({ environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    const question = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ model: "sealed/m", messages: [{ role: "user", content: "hello" }] }) };
    await first.client.api.send("PUT", "/api/gateway/providers/sealed", { revision: 0, settings: { kind: "compatible", baseUrl: url }, secret: { from: "value", value: key } });
    assert.equal((await fetch(`${first.url}/v1/chat/completions`, question)).status, 200);
    await first.stop({ keep: true });
    writeFileSync(join(first.directory, "data", "secret.key"), `${randomBytes(32).toString("base64")}\n`);
    const second = await startServer({ directory: first.directory, environment: { SLIPWAY_EGRESS_ALLOWED: "127.0.0.1" } });
    after(() => second.process.kill("SIGKILL"));
    const asked = upstream.calls.length;
    for (let call = 0; call < 3; call++) {
      const answer = await fetch(`${second.url}/v1/chat/completions`, question);
      const { error } = (await answer.json()) as { error: { message: string } };
      assert.deepEqual([answer.status, answer.headers.get("x-error-code"), answer.headers.get("retry-after"), answer.headers.get("x-should-retry")], [502, "PROVIDER_UNAUTHORIZED", null, "false"], error.message);
      assert.match(error.message, /^sealed\/m: The secret of the provider sealed cannot be opened here\. .*enter its secret again with `slipway gateway set-provider/);
    }
    const tested = await second.client.api.send<{ ok: boolean; code: string }>("POST", "/api/gateway/providers/sealed/test", {});
    assert.deepEqual([tested.ok, tested.code, upstream.calls.length], [false, "SECRET_UNREADABLE", asked]);
    await second.stop();
  });
});
