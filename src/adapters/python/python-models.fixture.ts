import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after } from "node:test";
import { systemClock } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import type { Artifact, Contract } from "../../registry/index.ts";
import { FilesystemBlobStore } from "../filesystem/blob-store.ts";
import { readMlmodel } from "./mlmodel-file.ts";
import { PythonEnvironments, type PythonEnvironmentsOptions } from "./python-environments.ts";
import { PythonRuntime, type PythonRuntimeOptions } from "./python-runtime.ts";

export interface LoggedLine {
  event: string;
  fields: Record<string, unknown>;
}

/** Everything that was logged, and a promise for a line that is yet to come. */
export class LogKeeper implements Logger {
  readonly lines: LoggedLine[] = [];
  #waiting: { wanted: (line: LoggedLine) => boolean; resolve: (line: LoggedLine) => void }[] = [];

  until(wanted: (line: LoggedLine) => boolean): Promise<LoggedLine> {
    const found = this.lines.find(wanted);
    return found === undefined ? new Promise((resolve) => this.#waiting.push({ wanted, resolve })) : Promise.resolve(found);
  }

  debug = (): void => undefined;
  info = (event: string, fields: Record<string, unknown> = {}): void => this.#keep({ event, fields });
  warn = (event: string, fields: Record<string, unknown> = {}): void => this.#keep({ event, fields });
  error = (event: string, fields: Record<string, unknown> = {}): void => this.#keep({ event, fields });

  #keep(line: LoggedLine): void {
    this.lines.push(line);
    this.#waiting = this.#waiting.filter(({ wanted, resolve }) => {
      if (!wanted(line)) return true;
      resolve(line);
      return false;
    });
  }
}

export interface PythonBench {
  directory: string;
  blobs: FilesystemBlobStore;
  log: LogKeeper;
  environments(options?: Partial<PythonEnvironmentsOptions>): PythonEnvironments;
  runtime(options?: Partial<PythonRuntimeOptions>): Promise<PythonRuntime>;
  /** Puts files into the blob store. */
  files(contents: Readonly<Record<string, string | Uint8Array>>): Promise<Artifact[]>;
  /** The contract of a folder whose MLmodel says everything. */
  contract(contents: Readonly<Record<string, string | Uint8Array>>): Promise<Contract>;
}

const programEnvironment = { PATH: process.env.PATH ?? "", LANG: "C.UTF-8", ...(process.env.HOME !== undefined && { HOME: process.env.HOME }) };

/** A blob store and a runtime over it, in a temporary folder that the end of the suite removes. `python` is the interpreter. */
export function pythonBench(python: string): PythonBench {
  const directory = mkdtempSync(join(tmpdir(), "slipway-python-"));
  const log = new LogKeeper();
  const blobs = new FilesystemBlobStore({ directory, clock: systemClock });
  after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const environments: PythonBench["environments"] = (options = {}) =>
    new PythonEnvironments({
      directory: join(directory, "environments"), python, buildsFromSource: false, environment: programEnvironment, installerEnvironment: programEnvironment, logger: log, ...options,
    });
  const files: PythonBench["files"] = async (contents) => {
    const made: Artifact[] = [];
    for (const [path, content] of Object.entries(contents)) made.push({ path, ...(await blobs.put(Readable.from([Buffer.from(content)]))) });
    return made;
  };
  return {
    directory, blobs, log, environments, files,
    runtime: (options = {}) =>
      PythonRuntime.open({
        blobs, environments: environments(), directory: join(directory, "runners"), environment: programEnvironment,
        user: { name: null, required: false }, memoryBytes: null, intraOpThreads: 1, logger: log, ...options,
      }),
    async contract(contents) {
      const mlmodel = readMlmodel(Buffer.from(contents.MLmodel!));
      const artifacts = await files(contents);
      const requirements = artifacts.find(({ path }) => path === "requirements.txt")?.digest ?? null;
      return {
        contractVersion: 1, model: "some-model", version: "3", referenceProfile: null, evaluation: {}, lineage: { datasets: [] },
        signature: { inputs: mlmodel.inputs?.specs ?? [], outputs: mlmodel.outputs ?? [], batchable: true },
        runtime: { kind: "python", artifacts, notes: [], python: { flavor: mlmodel.flavour, pythonVersion: null, requirements, entry: "MLmodel" } },
      };
    },
  };
}

const column = (type: string, name?: string): Record<string, unknown> => ({ type, ...(name !== undefined && { name }), required: true });

/**
 * A folder as MLflow writes one for a loader of one's own. It needs nothing but Python: `predict` is the body of a function
 * of `rows`, which is a list or array by column.
 */
export function loaderFolder(predict: string, options: { inputs?: Record<string, string>; outputs?: unknown[]; top?: string } = {}): Record<string, string> {
  const { inputs = { x: "double" }, outputs = [column("double", "y")], top = "" } = options;
  const schema = JSON.stringify(Object.entries(inputs).map(([name, type]) => column(type, name)));
  return {
    MLmodel: [
      "flavors:",
      "  python_function:",
      "    loader_module: own_loader",
      "    code: code",
      "    env: {}",
      "    python_version: 3.11.7",
      "signature:",
      `  inputs: '${schema.replaceAll("'", "''")}'`,
      `  outputs: '${JSON.stringify(outputs).replaceAll("'", "''")}'`,
      "",
    ].join("\n"),
    "code/own_loader.py": [
      "import os, sys, time", top, "class Model:", "    def predict(self, rows):", ...predict.split("\n").map((line) => `        ${line}`), "",
      "def _load_pyfunc(path):", "    return Model()", "",
    ].join("\n"),
  };
}

/** Makes a wheel of one module: what an index would hand out. */
export function writeWheel(python: string, directory: string, name: string, version: string, module: string): void {
  const script = `
import sys, zipfile
directory, name, version, module = sys.argv[1:]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{directory}/{name}-{version}-py3-none-any.whl", "w") as wheel:
    wheel.writestr(f"{name}.py", module)
    wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(f"{info}/RECORD", f"{name}.py,,\\n{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n")
`;
  execFileSync(python, ["-c", script, directory, name, version, module]);
}

/** Why a test cannot run here; false where it can. */
export function whyNot(python: string, parameters: readonly string[], reason: string): string | false {
  try {
    execFileSync(python, parameters, { stdio: "ignore" });
    return false;
  } catch {
    return reason;
  }
}
