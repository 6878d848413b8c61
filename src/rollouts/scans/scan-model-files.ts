import { readFile } from "node:fs/promises";
import type { Contract } from "../../registry/index.ts";
import { isAllowedImport, readPickleImports } from "./pickle-imports.ts";

export interface ScannedFile {
  /** As the contract names it. */
  name: string;
  path: string;
}

/** Operators of ONNX itself and of ONNX Runtime; those of other domains are code that somebody would have to bring. */
const knownDomains = new Set(["", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "com.microsoft", "com.microsoft.nchwc", "org.pytorch.aten"]);
/** Larger files are weights in any format that is not a pickle. */
const mostBytes = 2 ** 31;

/**
 * What is wrong with the files of a version, in sentences; the digests were verified when the paths were asked for. Of Python models, what their pickles
 * would import and code that they bring; of ONNX models, operators of unknown domains.
 */
export async function scanModelFiles({ runtime }: Pick<Contract, "runtime">, files: readonly ScannedFile[]): Promise<string[]> {
  const problems: string[] = [];
  for (const domain of Object.keys(runtime.opsets ?? {})) if (!knownDomains.has(domain)) problems.push(`it has operators of the unknown domain ${JSON.stringify(domain)}`);
  if (runtime.kind !== "python") return problems;
  for (const { name, path } of files) {
    if (/\.(py|so|pyd|dll)$/i.test(name)) problems.push(`${name} is code of its own`);
    else problems.push(...(await scanFile(name, path)));
  }
  return problems;
}

async function scanFile(name: string, path: string): Promise<string[]> {
  const isNamedSo = /\.(pkl|pickle|joblib|dill|cloudpickle|bin|pt|pth)$/i.test(name);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ERR_FS_FILE_TOO_LARGE") return null;
    throw error;
  });
  if (bytes === null || bytes.length > mostBytes) return isNamedSo ? [`${name} is too large to be read here`] : [];
  const isPickle = bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5;
  if (!isPickle && !isNamedSo) return [];
  if (!isPickle && /^[\x28\x63\x7d\x5d]/.exec(bytes.toString("latin1", 0, 1)) === null) return [`${name} is a pickle in a wrapping that cannot be read here: scan it with a command`];
  const { imports, stoppedAt } = readPickleImports(bytes);
  const refused = [...new Set(imports.filter((one) => !isAllowedImport(one)).map(({ module, name: what }) => `${module}.${what}`))];
  return [
    ...refused.slice(0, 10).map((what) => `${name} imports ${what}, which is not among what models are made of`),
    ...(stoppedAt === null ? [] : [`${name} cannot be read as a pickle to its end (byte ${stoppedAt}): scan it with a command`]),
  ];
}
