import { AppError } from "../../core/errors.ts";
import { runProgram } from "./run-program.ts";

export interface Interpreter {
  /** Its own path: what was on the PATH may be a script that looks for it. */
  executable: string;
  /** Such as `3.11.7`. */
  version: string;
  /** Operating system, architecture and build, for which packages hold. */
  platform: string;
  /** Whether `python -m venv` works; where it does not, uv is needed. */
  makesEnvironments: boolean;
  /** Path of the standard library, which a process without rights must be able to read. */
  standardLibrary: string;
}

/** The oldest Python in which models run. */
const oldest = [3, 9] as const;

const factsScript = `
import importlib.util, json, platform, sys, sysconfig
print(json.dumps({
  "executable": sys.executable,
  "version": platform.python_version(),
  "platform": "-".join([sysconfig.get_platform(), platform.python_implementation().lower(), platform.libc_ver()[0] or "system"]),
  "makesEnvironments": all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip")),
  "standardLibrary": sysconfig.get_paths()["stdlib"],
}))
`;

export interface InterpreterSearch {
  /** The setting `python`. */
  named: string | undefined;
  environment: Readonly<Record<string, string>>;
}

/** What the interpreter says of itself; null when it does not start. */
async function askInterpreter(executable: string, environment: Readonly<Record<string, string>>): Promise<Interpreter | null> {
  const end = await runProgram(executable, ["-I", "-c", factsScript], { environment, timeoutMs: 20_000 });
  if (end.code !== 0) return null;
  try {
    return JSON.parse(end.stdout) as Interpreter;
  } catch {
    return null;
  }
}

/** `3.11` of `3.11.7`. */
export function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/**
 * The interpreter that the setting names; else one of the wanted version's own name, such as python3.11; else one that uv
 * has; else python3. Throws PYTHON_MISSING, which says what was looked for.
 */
export async function findInterpreter(search: InterpreterSearch, wantedVersion: string | null, uv: boolean): Promise<Interpreter> {
  const { named, environment } = search;
  if (named !== undefined) {
    const found = await askInterpreter(named, environment);
    if (found === null) throw new AppError("PYTHON_MISSING", "The interpreter that the setting python names does not start.");
    return checked(found);
  }
  const wanted = wantedVersion === null || !/^\d+\.\d+/.test(wantedVersion) ? null : minorOf(wantedVersion);
  if (wanted !== null) {
    const found = await askInterpreter(`python${wanted}`, environment);
    if (found !== null) return checked(found);
    // python3 may be the wanted one, and costs no download.
    const usual = await askInterpreter("python3", environment);
    if (usual !== null && minorOf(usual.version) === wanted) return usual;
    const managed = uv ? await findWithUv(wanted, environment) : null;
    if (managed !== null) return checked(managed);
    if (usual !== null) return checked(usual);
  }
  const found = (await askInterpreter("python3", environment)) ?? (uv ? await findWithUv("3", environment) : null);
  if (found !== null) return checked(found);
  const names = [...(wanted === null ? [] : [`python${wanted}`]), "python3"].join(" and ");
  throw new AppError("PYTHON_MISSING", `This server has no Python: ${names} ${wanted === null ? "was" : "were"} looked for on its PATH${uv ? ", and uv has none" : ", and there is no uv"}.`);
}

/** Whether uv is there, with its version. */
export async function findUv(environment: Readonly<Record<string, string>>): Promise<string | null> {
  const end = await runProgram("uv", ["--version"], { environment, timeoutMs: 20_000 });
  return end.code === 0 ? (/\d+\.\d+\.\d+/.exec(end.stdout)?.[0] ?? null) : null;
}

async function findWithUv(wanted: string, environment: Readonly<Record<string, string>>): Promise<Interpreter | null> {
  for (const step of [["python", "find", wanted], ["python", "install", wanted], ["python", "find", wanted]]) {
    const end = await runProgram("uv", step, { environment, timeoutMs: 300_000 });
    const path = end.stdout.trim();
    if (step[1] === "find" && end.code === 0 && path !== "") return askInterpreter(path, environment);
    if (step[1] === "install" && end.code !== 0) return null;
  }
  return null;
}

function checked(interpreter: Interpreter): Interpreter {
  const [major = 0, minor = 0] = interpreter.version.split(".").map(Number);
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    throw new AppError("PYTHON_MISSING", `Python ${interpreter.version} is too old; models need ${oldest.join(".")} or newer.`);
  }
  return interpreter;
}
