import { createHash, randomUUID } from "node:crypto";
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AppError } from "../../core/errors.ts";
import type { EpochMs } from "../../core/clock.ts";
import type { Logger } from "../../core/logger.ts";
import { holdBuildLock } from "./build-lock.ts";
import { findInterpreter, findUv, minorOf, type Interpreter } from "./interpreter-search.ts";
import { runProgram, type ProgramEnd } from "./run-program.ts";

export interface PythonEnvironmentsOptions {
  /** Where environments are kept. */
  directory: string;
  /** The setting `python`: its own packages are used where they satisfy a model. */
  python: string | undefined;
  /** Whether packages may be built from their sources, which runs their code with the rights of the server. */
  buildsFromSource: boolean;
  /** Environment of interpreters that are asked for their facts. */
  environment: Readonly<Record<string, string>>;
  /** Environment of installers: proxies, certificates and indexes too. */
  installerEnvironment: Readonly<Record<string, string>>;
  logger: Logger;
  /** All of one installation; 20 minutes by default. */
  buildTimeoutMs?: number;
}

export interface PythonEnvironment {
  /** The interpreter to start. */
  executable: string;
  /** Such as `3.11.7`. */
  pythonVersion: string;
  /** Digest of a built environment; null for an interpreter's own packages. */
  digest: string | null;
  /** Folders that a process without rights must be able to read. */
  readable: readonly string[];
  /** In sentences for people: what was used and what was passed over. */
  notes: readonly string[];
}

export interface KeptEnvironment {
  digest: string;
  bytes: number;
  /** Newest use by any server that shares the folder. */
  usedAt: number;
}

interface WantedBuild {
  digest: string;
  packages: readonly string[];
  interpreter: Interpreter;
  /** Version of uv; null where pip installs. */
  uv: string | null;
  progress: (note: string) => void;
}

/** Written last; a folder without it is not whole. */
const markerName = "environment.json";
const usedName = "used";
const dayMs = 86_400_000;

/**
 * Environments of Python, one for each set of requirements, version and platform: built once, aside, and renamed when they
 * are whole; a build that fails leaves nothing.
 */
export class PythonEnvironments {
  readonly #options: PythonEnvironmentsOptions;
  /** Builds of this process that are under way, by digest. */
  readonly #building = new Map<string, Promise<PythonEnvironment>>();
  readonly #closing = new AbortController();

  constructor(options: PythonEnvironmentsOptions) {
    this.#options = options;
  }

  /**
   * What a model runs in; `version` is that of the Python that wrote it. `progress` is told what the installer says. Throws PYTHON_MISSING, and ENVIRONMENT_FAILED with
   * the installer's last lines as its problems.
   */
  async prepare(packages: readonly string[], version: string | null, progress: (note: string) => void = () => undefined): Promise<PythonEnvironment> {
    const { environment, python, directory } = this.#options;
    const uv = await findUv(this.#options.installerEnvironment);
    const interpreter = await findInterpreter({ named: python, environment }, version, uv !== null);
    const notes = version !== null && minorOf(version) !== minorOf(interpreter.version)
      ? [`The model was written by Python ${minorOf(version)} and runs in ${minorOf(interpreter.version)}.`]
      : [];
    if (packages.length === 0 || python !== undefined) {
      const missing = await this.#missing(interpreter, packages);
      if (missing.length === 0) return { ...ownPackages(interpreter), notes: [...notes, `Runs in the packages of Python ${interpreter.version} on this server.`] };
    }
    const digest = environmentDigest(packages, interpreter, this.#options.buildsFromSource);
    const found = await readKept(directory, digest);
    if (found !== null) return { ...found, notes };
    let building = this.#building.get(digest);
    if (building === undefined) {
      building = this.#buildOnce({ digest, packages, interpreter, uv, progress }).finally(() => this.#building.delete(digest));
      this.#building.set(digest, building);
    }
    return { ...(await building), notes };
  }

  /** Ends builds that are under way, which then fail with SHUTTING_DOWN and leave nothing. */
  close(): void {
    this.#closing.abort();
  }

  /** Those that are whole, with their sizes on disk. */
  async list(): Promise<KeptEnvironment[]> {
    const { directory } = this.#options;
    const kept: KeptEnvironment[] = [];
    for (const digest of await namesIn(directory)) {
      if (!/^[0-9a-f]{64}$/.test(digest)) continue;
      const marker = await readMarker(join(directory, digest));
      const used = await stat(join(directory, digest, usedName)).catch(() => null);
      if (marker !== null) kept.push({ digest, bytes: marker.bytes, usedAt: used?.mtimeMs ?? 0 });
    }
    return kept;
  }

  /** Removes what was not used for `days` and what broken builds left; `running` are the digests of this server's runners. Answers how many went. */
  async removeUnused(running: ReadonlySet<string>, now: EpochMs, days = 30): Promise<number> {
    const { directory, logger } = this.#options;
    let removed = 0;
    for (const { digest, usedAt, bytes } of await this.list()) {
      if (running.has(digest) || now - usedAt < days * dayMs) continue;
      // Renamed first, so that nobody starts in half an environment.
      const gone = join(directory, `.removed-${randomUUID()}`);
      await rename(join(directory, digest), gone);
      await rm(gone, { recursive: true, force: true });
      logger.info("python.environment_removed", { digest, bytes });
      removed++;
    }
    for (const name of await namesIn(directory)) {
      if (!/^\.(building|removed)-/.test(name)) continue;
      const { mtimeMs } = await stat(join(directory, name)).catch(() => ({ mtimeMs: now as number }));
      if (now - mtimeMs > dayMs) await rm(join(directory, name), { recursive: true, force: true });
    }
    return removed;
  }

  async #missing(interpreter: Interpreter, packages: readonly string[]): Promise<readonly string[]> {
    if (packages.length === 0) return [];
    const script = fileURLToPath(new URL("./runner/check_requirements.py", import.meta.url));
    const end = await runProgram(interpreter.executable, ["-I", script], { environment: this.#options.environment, timeoutMs: 60_000, input: JSON.stringify(packages) });
    try {
      return (JSON.parse(end.stdout) as { missing: string[] }).missing;
    } catch {
      return packages;
    }
  }

  async #buildOnce(wanted: WantedBuild): Promise<PythonEnvironment> {
    const { directory } = this.#options;
    // Others may look: a runner without the rights of this server starts from here.
    await mkdir(directory, { recursive: true, mode: 0o755 });
    const { digest } = wanted;
    return holdBuildLock(join(directory, `${digest}.lock`), async () => (await readKept(directory, digest)) ?? this.#build(wanted));
  }

  async #build({ digest, packages, interpreter, uv, progress }: WantedBuild): Promise<PythonEnvironment> {
    const { directory, logger, buildsFromSource } = this.#options;
    const log = { digest, python: interpreter.version, installer: uv === null ? "pip" : "uv" };
    const told = { log, progress };
    logger.info("python.environment_building", { ...log, packages: packages.length });
    progress("building the environment");
    const folder = join(directory, `.building-${digest.slice(0, 16)}-${randomUUID()}`);
    try {
      await mkdir(folder, { mode: 0o755 });
      await writeFile(join(folder, "requirements.txt"), packages.map((line) => `${line}\n`).join(""));
      const sources = buildsFromSource ? [] : uv === null ? ["--only-binary", ":all:"] : ["--no-build"];
      if (uv !== null) {
        await this.#step("uv", ["venv", "--no-project", "--python", interpreter.executable, join(folder, "venv")], folder, told);
        await this.#step("uv", ["pip", "install", "--no-config", ...sources, "--python", executableIn(folder), "-r", "requirements.txt"], folder, told);
      } else {
        if (!interpreter.makesEnvironments) throw new AppError("PYTHON_MISSING", `Python ${interpreter.version} is there without its modules venv and ensurepip, and there is no uv.`);
        await this.#step(interpreter.executable, ["-I", "-m", "venv", join(folder, "venv")], folder, told);
        const options = ["--disable-pip-version-check", "--no-input", "--no-warn-script-location", "--progress-bar", "off"];
        await this.#step(executableIn(folder), ["-I", "-m", "pip", "install", ...options, ...sources, "-r", "requirements.txt"], folder, told);
      }
      const bytes = await sizeOf(folder);
      await writeFile(join(folder, usedName), "");
      await writeFile(join(folder, markerName), JSON.stringify({ python: interpreter.version, standardLibrary: interpreter.standardLibrary, packages, bytes }));
      await chmod(folder, 0o755);
      await rename(folder, join(directory, digest)).catch(async (error: unknown) => {
        // Another server was as fast, with the same result.
        if ((await readKept(directory, digest)) === null) throw error;
      });
      logger.info("python.environment_built", { ...log, bytes });
      return (await readKept(directory, digest))!;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #step(program: string, parameters: readonly string[], folder: string, { log, progress }: { log: Readonly<Record<string, unknown>>; progress: (note: string) => void }): Promise<void> {
    const { installerEnvironment, logger, buildTimeoutMs = 1_200_000 } = this.#options;
    const end = await runProgram(program, parameters, {
      environment: installerEnvironment, timeoutMs: buildTimeoutMs, directory: folder,
      signal: this.#closing.signal,
      onLine: (line) => {
        logger.info("python.environment_progress", { ...log, line });
        const package_ = /^(?:Collecting|Downloading|\s*\+)\s+([\w.=-]+)/.exec(line)?.[1];
        if (package_ !== undefined) progress(`building the environment: ${package_}`);
      },
    });
    if (this.#closing.signal.aborted) throw new AppError("SHUTTING_DOWN", "The server is going down; the model's environment is built by the next start.");
    if (end.code !== 0) throw installFailed(end, folder);
  }
}

/** The installer's own words are what helps the owner of a model; paths of this machine are taken out. */
function installFailed(end: ProgramEnd, folder: string): AppError {
  const lines = end.lastLines.slice(-12).map((line) => line.replaceAll(folder, "…").replaceAll(/(?:\/[\w.@+-]+){2,}\/?/g, "…").replaceAll(/:\/\/[^/\s@]+@/g, "://"));
  const offline = /name resolution|ConnectTimeout|NewConnectionError|dns error|network is unreachable|Connection refused|error sending request|Max retries|Could not connect/i.test(end.lastLines.join("\n"));
  const why = offline ? "the package index cannot be reached from this server" : (lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? "the installer ended without a word");
  const said = lines.slice(-4).map((line) => line.slice(0, 200)).join(" | ");
  return new AppError("ENVIRONMENT_FAILED", `The model's environment could not be built: ${why.slice(0, 300)}. The installer's last lines: ${said}`, {
    problems: lines.map((message, index) => ({ path: `installer[${index}]`, message })),
    cause: new Error(end.lastLines.join("\n")),
  });
}

function environmentDigest(packages: readonly string[], interpreter: Interpreter, buildsFromSource: boolean): string {
  const identity = { format: 1, packages, python: interpreter.version, platform: interpreter.platform, machine: process.arch, buildsFromSource };
  return createHash("sha256").update(JSON.stringify(identity)).digest("hex");
}

function ownPackages(interpreter: Interpreter): Omit<PythonEnvironment, "notes"> {
  return { executable: interpreter.executable, pythonVersion: interpreter.version, digest: null, readable: [interpreter.standardLibrary] };
}

function executableIn(folder: string): string {
  return process.platform === "win32" ? join(folder, "venv", "Scripts", "python.exe") : join(folder, "venv", "bin", "python");
}

interface Marker {
  python: string;
  standardLibrary: string;
  bytes: number;
}

async function readMarker(folder: string): Promise<Marker | null> {
  try {
    return JSON.parse(await readFile(join(folder, markerName), "utf8")) as Marker;
  } catch {
    return null;
  }
}

async function readKept(directory: string, digest: string): Promise<Omit<PythonEnvironment, "notes"> & { notes: readonly string[] } | null> {
  const folder = join(directory, digest);
  const marker = await readMarker(folder);
  if (marker === null) return null;
  // Its time is what tells of the use; a folder that somebody may only read serves too.
  await writeFile(join(folder, usedName), "").catch(() => undefined);
  return { executable: executableIn(folder), pythonVersion: marker.python, digest, readable: [marker.standardLibrary, join(folder, "venv")], notes: [] };
}

async function namesIn(directory: string): Promise<string[]> {
  return (await readdir(directory).catch(() => [])).sort();
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) bytes += (await lstat(join(entry.parentPath, entry.name))).size;
  }
  return bytes;
}
