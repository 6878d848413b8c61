import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import { parseYaml } from "./mlmodel-file.ts";

export interface Requirements {
  /** Packages as pip writes them, such as `scikit-learn==1.9.1`; sorted, each once. */
  packages: readonly string[];
  /** What was left out, in sentences for people. */
  notes: readonly string[];
}

/** `name[extras] specifiers ; markers`: a package of the index, and nothing that reaches for a file or an address. */
const packageLine = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?\s*(?:\[[A-Za-z0-9._,\s-]*\])?\s*(?:\(?\s*(?:[<>=!~]{1,3}\s*[A-Za-z0-9.*+_-]+\s*,?\s*)+\)?)?\s*(?:;.*)?$/;
/** Where to look and how is for the server to say, not for a model. */
const ignoredOptions = /^(?:-i|--index-url|--extra-index-url|--trusted-host|--no-index|--pre|--prefer-binary|--only-binary|--no-binary)(?:[\s=]|$)/;
const maxPackages = 1000;

/** Reads a requirements file. Throws MODEL_FILE_INVALID for what would install from a path or an address. */
export function parseRequirements(text: string): Requirements {
  const packages = new Set<string>();
  const notes: string[] = [];
  for (const raw of text.replaceAll(/\\\r?\n/g, " ").split(/\r?\n/)) {
    const line = raw.replace(/(^|\s)#.*$/, "").replace(/\s--hash[=\s]\S+/g, "").trim();
    if (line === "") continue;
    if (line.length > 500) throw new AppError("MODEL_FILE_INVALID", "The requirements have a line of more than 500 characters.");
    if (ignoredOptions.test(line)) notes.push(`The requirements' option ${line.split(/[\s=]/)[0]} is passed over: where packages come from is the server's to say.`);
    else if (packageLine.test(line)) packages.add(line.replaceAll(/\s+/g, " "));
    else throw new AppError("MODEL_FILE_INVALID", `The requirement ${JSON.stringify(line.slice(0, 80))} is not the name of a package with its versions; paths, addresses and other files are not installed.`);
    if (packages.size > maxPackages) throw new AppError("MODEL_FILE_INVALID", `The model has more than ${maxPackages} requirements.`);
  }
  return { packages: [...packages].sort(), notes: [...new Set(notes)] };
}

const CondaFile = z.looseObject({ dependencies: z.array(z.union([z.string(), z.looseObject({ pip: z.array(z.string()).optional() })])).optional() });
const PythonEnvironmentFile = z.looseObject({ python: z.union([z.string(), z.number()]).nullish(), dependencies: z.array(z.string()).nullish() });

/** The pip part of conda.yaml and its Python; conda's own packages are not installed, and that is said. */
export function parseCondaFile(bytes: Uint8Array): { python: string | null; requirements: Requirements } {
  const parsed = CondaFile.safeParse(parseYaml(bytes, "conda.yaml"));
  if (!parsed.success) throw new AppError("MODEL_FILE_INVALID", "The file conda.yaml is not an environment of conda.");
  const dependencies = parsed.data.dependencies ?? [];
  const ofConda = dependencies.filter((one) => typeof one === "string");
  const python = ofConda.map((one) => /^python\s*=+\s*(\d+\.\d+(?:\.\d+)?)/.exec(one)?.[1]).find((found) => found !== undefined) ?? null;
  const others = ofConda.map((one) => one.split(/[\s<>=!~]/)[0]!).filter((name) => !["python", "pip", "setuptools", "wheel"].includes(name));
  const pip = dependencies.flatMap((one) => (typeof one === "string" ? [] : (one.pip ?? [])));
  const requirements = parseRequirements(pip.join("\n"));
  const note = others.length === 0 ? [] : [`Packages of conda are not installed: ${others.slice(0, 20).join(", ")}. Name them under pip where the model needs them.`];
  return { python, requirements: { packages: requirements.packages, notes: [...requirements.notes, ...note] } };
}

/** python_env.yaml: the Python, and packages where they are not in a file of their own. */
export function parsePythonEnvironmentFile(bytes: Uint8Array): { python: string | null; requirements: Requirements } {
  const parsed = PythonEnvironmentFile.safeParse(parseYaml(bytes, "python_env.yaml"));
  if (!parsed.success) throw new AppError("MODEL_FILE_INVALID", "The file python_env.yaml is not an environment of MLflow.");
  const { python, dependencies } = parsed.data;
  return {
    python: python === null || python === undefined ? null : String(python),
    requirements: parseRequirements((dependencies ?? []).filter((line) => !/^-r\s+requirements\.txt$/.test(line.trim())).join("\n")),
  };
}
