import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import fc from "../../../test/kit/fast-check.ts";
import type { Contract } from "../../registry/index.ts";
import { isAllowedImport, readPickleImports } from "./pickle-imports.ts";
import { scanModelFiles } from "./scan-model-files.ts";

/** `pickle.dumps` of an object whose `__reduce__` answers os.system with "ls", in protocols 0, 2 and 4. */
const calls = {
  lines: Buffer.from("cposix\nsystem\np0\n(Vls\np1\ntp2\nRp3\n."),
  second: Buffer.concat([Buffer.from([0x80, 2]), Buffer.from("cposix\nsystem\nq\u0000X\u0002\u0000\u0000\u0000lsq\u0001\u0085q\u0002Rq\u0003.", "latin1")]),
  fourth: Buffer.from("\u0080\u0004\u0095\u001c\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u008c\u0005posix\u0094\u008c\u0006system\u0094\u0093\u0094\u008c\u0002ls\u0094\u0085\u0094R\u0094.", "latin1"),
};
/** The names are put into the memo first, and come out of it again behind other things. */
const hidden = Buffer.from("\u0080\u0004\u008c\u0005posix\u0094\u008c\u0006system\u0094\u008c\u0001x\u0094h\u0000h\u0001\u0093.", "latin1");

describe("what a pickle imports", () => {
  it("is read in every protocol without loading it", () => {
    for (const [name, bytes] of Object.entries(calls)) assert.deepEqual(readPickleImports(bytes), { imports: [{ module: "posix", name: "system" }], stoppedAt: null }, name);
    assert.deepEqual(readPickleImports(hidden).imports, [{ module: "posix", name: "system" }]);
  });

  it("says where it cannot be read on, and keeps what came before", () => {
    const cut = readPickleImports(calls.second.subarray(0, 20));
    assert.equal(cut.imports.length, 1);
    assert.notEqual(cut.stoppedAt, null);
    assert.notEqual(readPickleImports(Buffer.concat([calls.fourth.subarray(0, -1), Buffer.from([0xff, 0xff])])).stoppedAt, null);
  });

  it("ends on any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const { stoppedAt } = readPickleImports(Buffer.from(bytes));
      return stoppedAt === null || stoppedAt <= bytes.length;
    }));
  });

  it("is allowed where models are made of it, and nothing else is", () => {
    for (const [module, name] of [["sklearn.ensemble._forest", "RandomForestClassifier"], ["numpy._core.multiarray", "_reconstruct"], ["numpy", "dtype"], ["builtins", "slice"], ["_codecs", "encode"], ["collections", "OrderedDict"]] as const) {
      assert.ok(isAllowedImport({ module, name }), `${module}.${name}`);
    }
    for (const [module, name] of [["posix", "system"], ["builtins", "eval"], ["builtins", "getattr"], ["subprocess", "Popen"], ["numpy.testing._private.utils", "runstring"], ["pandas.io.pickle", "read_pickle"], ["joblib", "load"], ["?", "?"], ["sklearnx", "a"], ["cloudpickle.cloudpickle", "_make_function"]] as const) {
      assert.ok(!isAllowedImport({ module, name }), `${module}.${name}`);
    }
  });
});

describe("the scan of model files", () => {
  let directory: string;
  before(async () => { directory = await mkdtemp(join(tmpdir(), "slipway-scan-")); });
  after(() => rm(directory, { recursive: true, force: true }));

  const contract = (kind: "onnx" | "python", opsets: Record<string, number> = {}): Pick<Contract, "runtime"> => ({ runtime: { kind, artifacts: [], opsets, notes: [] } });
  const file = async (name: string, bytes: Buffer): Promise<{ name: string; path: string }> => {
    const path = join(directory, name);
    await writeFile(path, bytes);
    return { name, path };
  };

  it("names what would be called, code, and what it cannot read", async () => {
    const files = [
      await file("model.pkl", calls.fourth), await file("plain.pkl", Buffer.from("\u0080\u0004]\u0094.", "latin1")), await file("train.py", Buffer.from("print(1)")),
      await file("small.joblib", Buffer.from([0x78, 0x9c, 1, 2])), await file("MLmodel", Buffer.from("flavors: {}")),
    ];
    assert.deepEqual(await scanModelFiles(contract("python"), files), [
      "model.pkl imports posix.system, which is not among what models are made of",
      "train.py is code of its own",
      "small.joblib is a pickle in a wrapping that cannot be read here: scan it with a command",
    ]);
  });

  it("finds operators of unknown domains", async () => {
    assert.deepEqual(await scanModelFiles(contract("onnx", { "ai.onnx": 21, "ai.onnx.ml": 3 }), []), []);
    assert.deepEqual(await scanModelFiles(contract("onnx", { "evil.corp": 1 }), []), ['it has operators of the unknown domain "evil.corp"']);
  });
});
