import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { AppError } from "../../core/errors.ts";
import { ok, warning, type DoctorCheck } from "../../core/doctor-check.ts";
import { findInterpreter, findUv, type InterpreterSearch } from "./interpreter-search.ts";

/** Whether models of Python can run here: an interpreter, something that makes environments, and a user without rights who can read them. */
export function pythonCheck(parts: InterpreterSearch & { environments: string; user: string | undefined }): DoctorCheck {
  return {
    name: "Python",
    async run() {
      const uv = await findUv(parts.environment);
      // uv would download an interpreter; a check changes nothing.
      const found = await findInterpreter(parts, null, false).catch((error: unknown) => error as AppError);
      const advice = "Install Python 3.10 or newer with its venv module, or uv, where models are to run in Python, or steps of workflows are written in it.";
      if (found instanceof Error) return uv === null ? warning(found.message, advice) : ok(`No Python of its own; uv ${uv} brings one when a model needs it.`);
      if (uv === null && !found.makesEnvironments) return warning(`Python ${found.version} is there without its modules venv and ensurepip, and there is no uv.`, advice);
      const said = `Python ${found.version}; environments are made with ${uv === null ? "venv and pip" : `uv ${uv}`}.`;
      const closed = process.getuid?.() === 0 && parts.user !== "root" ? await firstClosed(parts.environments) : null;
      if (closed === null) return ok(said);
      return warning(`${said} The server is root, and the folder of the environments is closed to other users: models of Python keep the rights of root.`, "Start the server as a user of its own, or name a folder that others may read with the setting pythonEnvironments.");
    },
  };
}

/** The first folder on the way that others may not pass; null where all are open. */
async function firstClosed(folder: string): Promise<string | null> {
  for (let path = resolve(folder); ; path = dirname(path)) {
    const found = await stat(path).catch(() => null);
    if (found !== null && (found.mode & 0o001) === 0) return path;
    if (dirname(path) === path) return null;
  }
}
