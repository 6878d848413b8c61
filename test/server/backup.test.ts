import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { packTar, unpackTar } from "modern-tar";
import { HttpApiClient } from "../../src/client/http-api-client.ts";
import { toAppError } from "../../src/core/errors.ts";
import { localCommands } from "../../src/local-commands.ts";
import { betweenLooks } from "../kit/between-looks.ts";
import { MlflowWire } from "../kit/mlflow-wire.ts";
import { linearModel } from "../kit/onnx-models.ts";
import { program } from "../kit/program.ts";
import { startServer, type RunningServer } from "../kit/running-server.ts";

interface Outcome {
  code: number;
  json: Record<string, unknown> & { error?: { code: string; message: string } };
}

function slipway(parameters: readonly string[], url = "http://127.0.0.1:1"): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...parameters, "--json", "--quiet"], { env: { ...process.env, SLIPWAY_URL: url } }, (error, stdout) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, json: JSON.parse(stdout) as Outcome["json"] });
    });
  });
}

const restoring = localCommands.find(({ words }) => words.join() === "restore")!;

/** As `slipway restore` answers, in this process: reading a damaged archive takes a hundredth of what the program's start does. */
async function restore(archive: string, data: string): Promise<Outcome> {
  const context = { api: new HttpApiClient("http://127.0.0.1:1"), progress: () => undefined, print: () => undefined };
  try {
    return { code: 0, json: (await restoring.run(context, { positionals: [archive], options: { data } })) as Outcome["json"] };
  } catch (error) {
    const { code, message } = toAppError(error);
    return { code: 1, json: { error: { code, message } } };
  }
}

const one = (value: number) => [{ name: "features", datatype: "FP32" as const, shape: [1, 1], data: [value] }];

/** What training code may leave in its run: no name of it is the server's. */
const artifacts: Record<string, string> = {
  "model/MLmodel": "flavors: {}\n",
  "with space/ünïcødé 日本 🚀/plot #1 100%.txt": "text",
  "with space/empty": "",
  [`${Array.from({ length: 50 }, (_, level) => `level ${level} é`).join("/")}/\ufeffdeep.bin`]: "deep",
  [`${"é".repeat(127)}/${"n".repeat(255)}`]: "long",
  "staging/..hidden": "no folder of ours",
  "manifest.json": "not the archive's",
};
const liveBytes = 300_000;
const encoded = (path: string): string => path.split("/").map(encodeURIComponent).join("/");

describe("a backup", () => {
  let folder: string;
  let archive: string;
  const acknowledged: { id: string; value: number }[] = [];
  /** Where the run's artifacts are, as artifact URIs have it. */
  let place: string;
  let replacements = 0;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "slipway-backup-"));
    archive = join(folder, "backup.tar");
    const server = await startServer();
    await server.client.deploy({ file: await server.file("a.onnx", linearModel({ weights: [2] })), name: "a" });
    for (let value = 0; value < 50; value++) {
      const { predictionId } = await server.client.infer("a", one(value));
      acknowledged.push({ id: predictionId!, value });
    }
    await server.client.sendTruth([{ predictionId: acknowledged[0]!.id, value: 1 }]);
    const wire = new MlflowWire(server.url);
    const { run } = (await wire.post("runs/create", { experiment_id: "0" })) as { run: { info: { artifact_uri: string } } };
    place = run.info.artifact_uri.replace(/^mlflow-artifacts:\/+/, "");
    const put = async (path: string, content: Buffer<ArrayBuffer>): Promise<void> => {
      const outcome = await wire.put(encoded(`${place}/${path}`), content);
      assert.equal(outcome.kind, "done", `${path}: ${JSON.stringify(outcome)}`);
    };
    for (const [path, content] of Object.entries(artifacts)) await put(path, Buffer.from(content));
    // While it is taken: versions, predictions, truth and artifacts go on being written, and artifacts removed.
    let running = true;
    await put("live.bin", Buffer.alloc(liveBytes, 1));
    const replacer = (async () => {
      for (let round = 2; running; round++) {
        await put("live.bin", Buffer.alloc(liveBytes + (round % 200), 1 + (round % 200)));
        await put(`passing/${round}`, Buffer.from("passing"));
        await fetch(`${server.url}/api/2.0/mlflow-artifacts/artifacts/${place}/passing`, { method: "DELETE" });
        replacements++;
      }
    })();
    const writer = (async () => {
      for (let round = 0; running; round++) {
        const { predictionId } = await server.client.infer("a", one(1000 + round));
        await server.client.sendTruth([{ predictionId: predictionId!, value: round }]);
        if (round % 20 === 0) await server.client.deploy({ file: await server.file(`b${round}.onnx`, linearModel({ weights: [3 + round] })), name: "b" });
      }
    })();
    const taken = await slipway(["backup", archive], server.url);
    running = false;
    await writer;
    await replacer;
    assert.equal(taken.code, 0, JSON.stringify(taken.json));
    assert.ok((taken.json.rows as number) >= 2);
    assert.deepEqual(readdirSync(join(server.directory, "data", "backup-staging")), []);
    await server.stop();
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it("taken under load starts again with every model, and every prediction and truth acknowledged before it", async (t) => {
    const directory = join(folder, "restored");
    await mkdir(directory);
    const restored = await slipway(["restore", archive, "--data", join(directory, "data")]);
    assert.equal(restored.code, 0, JSON.stringify(restored.json));
    const server: RunningServer = await startServer({ directory });
    t.after(() => server.stop());
    while ((await fetch(`${server.url}/ready`)).status !== 200) await betweenLooks();
    assert.equal((await server.client.infer("a", one(21))).outputs.score!.data[0], 42);
    for (const { id, value } of acknowledged) {
      const { prediction } = await server.client.why(id);
      assert.deepEqual(prediction.inputs[0]!.data, [value]);
    }
    assert.equal((await server.client.why(acknowledged[0]!.id)).truth.length, 1);
    const wire = new MlflowWire(server.url);
    for (const [path, content] of Object.entries(artifacts)) {
      assert.deepEqual(await wire.file(encoded(`${place}/${path}`)).then((bytes) => bytes && Buffer.from(bytes)), Buffer.from(content), path);
    }
    // Whole, of one round or another.
    assert.ok(replacements > 0);
    const live = await wire.file(`${place}/live.bin`);
    assert.deepEqual(Buffer.from(live!), Buffer.alloc(liveBytes + live![0]! - 1, live![0]));
    // A deployment in its middle had registered a version that nothing pointed at yet.
    for (const { aliases, served } of await server.client.models()) {
      if (aliases.champion !== undefined) assert.deepEqual(served.map(({ version, state }) => ({ version, state })), [{ version: aliases.champion, state: "ready" }]);
    }
  });

  it("is refused whole when a byte of a name, a file or the manifest changed, and nothing is written", async () => {
    const bytes = readFileSync(archive);
    const contents = (await unpackTar(bytes)).map(({ data }) => Buffer.from(data ?? [])).filter(({ length }) => length > 0);
    const chosen = [contents[0]!, contents[Math.floor(contents.length / 2)]!, contents.at(-2)!, contents.at(-1)!];
    for (const position of [10, ...chosen.map((content) => bytes.indexOf(content) + Math.floor(content.length / 2))]) {
      const damaged = Buffer.from(bytes);
      damaged[position] = damaged[position]! ^ 0x20;
      const file = join(folder, "damaged.tar");
      writeFileSync(file, damaged);
      const { code, json } = await restore(file, join(folder, "never"));
      assert.equal(code, 1, `byte ${position}`);
      assert.equal(json.error?.code, "BACKUP_INVALID");
    }
    assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith("never")), []);
  });

  it("is refused when it is cut off, doubled, or holds what no backup does", async () => {
    const bytes = readFileSync(archive);
    const entries = await unpackTar(bytes);
    const file = { name: "tables/models.jsonl", size: 1, type: "file" as const };
    const variants: [string, Uint8Array, RegExp][] = [
      ["cut off", bytes.subarray(0, Math.floor(bytes.length / 2)), /cut off|damaged|not whole/],
      ["no archive", Buffer.from("no archive at all"), /not a tar|not whole/],
      ["without its manifest", await packTar(entries.slice(0, -1)), /not whole/],
      ["with a file twice", await packTar([entries[0]!, ...entries]), /twice/],
      ["with a file missing", await packTar(entries.slice(1)), /missing/],
      ["with a path that leaves", await packTar([{ header: { ...file, name: "blobs/../../escape" }, data: Buffer.from("x") }, ...entries]), /no backup does/],
      ["with an artifact that leaves", await packTar([{ header: { ...file, name: "artifacts/1/../../../escape" }, data: Buffer.from("x") }, ...entries]), /no backup does/],
      ["with a foreign table", await packTar([{ header: { ...file, name: "tables/foreign.jsonl" }, data: Buffer.from("x") }, ...entries]), /does not name/],
      ["with a link", await packTar([{ header: { name: "tables/models.jsonl", size: 0, type: "symlink", linkname: "/etc/passwd" } }, ...entries]), /plain files/],
    ];
    for (const [name, content, message] of variants) {
      const path = join(folder, "variant.tar");
      writeFileSync(path, content);
      // The first by the program itself.
      const { code, json } = name === "cut off" ? await slipway(["restore", path, "--data", join(folder, "never")]) : await restore(path, join(folder, "never"));
      assert.equal(code, 1, name);
      assert.equal(json.error?.code, "BACKUP_INVALID", name);
      assert.match(json.error.message, message, name);
    }
    assert.equal(existsSync(join(folder, "never")), false);
    assert.equal(existsSync(join(folder, "escape")), false);
  });

  it("is refused with its reason where the manifest names what cannot be", async () => {
    const entries = await unpackTar(readFileSync(archive));
    const manifest = JSON.parse(Buffer.from(entries.at(-1)!.data!).toString()) as { entries: { path: string; bytes: number; sha256: string }[] };
    const forged = (files: Record<string, string>): Promise<Uint8Array> => {
      const listed = Object.entries(files).map(([path, text]) => ({ path, bytes: Buffer.byteLength(text), sha256: createHash("sha256").update(text).digest("hex") }));
      const text = JSON.stringify({ ...manifest, entries: listed });
      const all = [...Object.entries(files), ["manifest.json", text] as const];
      return packTar(all.map(([name, content]) => ({ header: { name, size: Buffer.byteLength(content), type: "file" }, data: Buffer.from(content) })));
    };
    const variants: [string, Record<string, string>][] = [
      ["a column that there is not", { "tables/teams.jsonl": '{"name":"a","evil\\"; drop table models; --":1}\n' }],
      ["a row that is no JSON", { "tables/teams.jsonl": "no json\n" }],
      ["a row that is cut off", { "tables/teams.jsonl": '{"name":"a"' }],
      ["a file as a folder", { "predictions/a": "x", "predictions/a/b": "x" }],
      ["an artifact as a folder", { "artifacts/a b/c": "x", "artifacts/a b": "x" }],
    ];
    for (const [name, files] of variants) {
      const path = join(folder, "forged.tar");
      writeFileSync(path, await forged(files));
      const { code, json } = await restore(path, join(folder, "never"));
      assert.deepEqual([code, json.error?.code], [1, "BACKUP_INVALID"], `${name}: ${JSON.stringify(json)}`);
    }
    assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith("never")), []);
    // Without tables there is nothing wrong: an archive of files alone.
    writeFileSync(join(folder, "files.tar"), await forged({ "predictions/a.parquet": "x" }));
    assert.equal((await restore(join(folder, "files.tar"), join(folder, "files"))).code, 0);
  });

  it("of a release that took no artifacts along is restored as it is", async () => {
    const entries = (await unpackTar(readFileSync(archive))).filter(({ header }) => !header.name.startsWith("artifacts/"));
    const last = entries.pop()!;
    const manifest = JSON.parse(Buffer.from(last.data!).toString()) as { entries: { path: string }[] };
    assert.ok(manifest.entries.some(({ path }) => path.startsWith("artifacts/")));
    const text = Buffer.from(`${JSON.stringify({ ...manifest, entries: manifest.entries.filter(({ path }) => !path.startsWith("artifacts/")) }, null, 1)}\n`);
    writeFileSync(join(folder, "older.tar"), await packTar([...entries, { header: { ...last.header, size: text.length }, data: text }]));
    const { code, json } = await slipway(["restore", join(folder, "older.tar"), "--data", join(folder, "older")]);
    assert.equal(code, 0, JSON.stringify(json));
    assert.ok((json.rows as number) >= 2);
    assert.equal(existsSync(join(folder, "older", "artifacts")), false);
  });

  it("is not restored over anything", async () => {
    const target = join(folder, "occupied");
    await mkdir(target);
    writeFileSync(join(target, "precious"), "canary");
    const { code, json } = await slipway(["restore", archive, "--data", target]);
    assert.equal(code, 1);
    assert.equal(json.error?.code, "RESTORE_TARGET_NOT_EMPTY");
    assert.equal(readFileSync(join(target, "precious"), "utf8"), "canary");
    assert.deepEqual(readdirSync(target), ["precious"]);
  });

  it("leaves no file behind when the server goes away in its middle", async () => {
    const file = join(folder, "unreachable.tar");
    const { code, json } = await slipway(["backup", file]);
    assert.equal(code, 1);
    assert.equal(json.error?.code, "SERVER_UNREACHABLE");
    assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith("unreachable")), []);
  });
});
