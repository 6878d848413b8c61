import { createReadStream } from "node:fs";
import { createGunzip, createInflate } from "node:zlib";
import { pipeline, type Readable } from "node:stream";
import { AppError } from "../../core/errors.ts";

/** Endings of files that hold one model, and the library without which none of that kind loads. */
const endings: Record<string, { flavor: string; packages: readonly string[] }> = {
  ".pkl": { flavor: "pickle", packages: [] },
  ".pickle": { flavor: "pickle", packages: [] },
  ".joblib": { flavor: "joblib", packages: ["joblib"] },
  ".skops": { flavor: "skops", packages: ["skops", "scikit-learn"] },
  ".ubj": { flavor: "xgboost", packages: ["xgboost", "scikit-learn", "pandas"] },
  ".json": { flavor: "xgboost", packages: ["xgboost", "scikit-learn", "pandas"] },
  // What is uploaded as .txt: many other texts lie in folders.
  ".lightgbm": { flavor: "lightgbm", packages: ["lightgbm", "scikit-learn", "pandas"] },
  ".pt": { flavor: "torchscript", packages: ["torch", "numpy"] },
  ".pth": { flavor: "torchscript", packages: ["torch", "numpy"] },
  ".keras": { flavor: "keras", packages: ["tensorflow"] },
};

/** Modules that a pickle names, by the package that brings them; what is not listed has the name of its package. */
const packageOf: Record<string, string> = { sklearn: "scikit-learn", xgboost: "xgboost", lightgbm: "lightgbm", catboost: "catboost", torch: "torch", numpy: "numpy", pandas: "pandas", scipy: "scipy", cloudpickle: "cloudpickle", imblearn: "imbalanced-learn" };

/** The ending of a file that can be a model by itself; null for every other. */
export function modelEnding(path: string): string | null {
  const ending = /\.[a-z0-9]+$/.exec(path.toLowerCase())?.[0] ?? "";
  return Object.hasOwn(endings, ending) ? ending : null;
}

/** What the registrar of a pickle should know. */
export const pickleNote = "A pickle is code: it runs only in the model's own process, without the rights of the server where that has any to give up. Deploy only what you would run.";

export interface BareModelFacts {
  flavor: string;
  /** Requirements that its bytes and its ending tell of; versions where the file says them. */
  packages: readonly string[];
  isCode: boolean;
}

/** Reads what a file says of its library, without loading it. Throws MODEL_FILE_INVALID for a file that is no model by its name. */
export async function readBareModel(path: string, name: string): Promise<BareModelFacts> {
  const ending = modelEnding(name);
  if (ending === null) throw new AppError("MODEL_FILE_INVALID", `${name.slice(0, 100)} is not a kind of model file that is known.`);
  const { flavor, packages } = endings[ending]!;
  const isCode = [".pkl", ".pickle", ".joblib", ".pt", ".pth"].includes(ending);
  if (flavor !== "pickle" && flavor !== "joblib") return { flavor, packages: [...packages].sort(), isCode };
  const { modules, sklearnVersion } = await scanPickle(path);
  const found = new Set(packages);
  for (const module of modules) {
    if (module === "sklearn" && sklearnVersion !== null) found.add(`scikit-learn==${sklearnVersion}`);
    else found.add(packageOf[module]!);
  }
  // Estimators that were fitted with named columns are given them.
  if (modules.has("sklearn") || modules.has("xgboost") || modules.has("lightgbm")) found.add("pandas");
  return { flavor, packages: [...found].sort(), isCode };
}

const overlap = 256;

/** Names of known libraries in the bytes of a pickle, compressed or not, and the version that scikit-learn writes into its estimators. */
async function scanPickle(path: string): Promise<{ modules: Set<string>; sklearnVersion: string | null }> {
  const modules = new Set<string>();
  let sklearnVersion: string | null = null;
  let tail = "";
  try {
    for await (const chunk of await decompressed(path)) {
      const text = tail + (chunk as Buffer).toString("latin1");
      for (const module of Object.keys(packageOf)) if (!modules.has(module) && new RegExp(`(?<![\\w.])${module}(?:\\.[\\w.]+)?[^\\w.]`).test(text)) modules.add(module);
      sklearnVersion ??= /_sklearn_version(?:[\x94]|q.|r.{4})?(?:\x8c.|X.{4})(\d{1,3}\.\d{1,3}(?:\.\w{1,8})?)/s.exec(text)?.[1] ?? null;
      tail = text.slice(-overlap);
    }
  } catch (cause) {
    throw new AppError("MODEL_FILE_INVALID", "The file is damaged: it cannot be decompressed.", { cause });
  }
  return { modules, sklearnVersion };
}

/** joblib compresses with zlib or gzip, which their first bytes tell. */
async function decompressed(path: string): Promise<Readable> {
  const [first] = (await createReadStream(path, { end: 1 }).toArray()) as Buffer[];
  const file = createReadStream(path);
  const decoder = first?.[0] === 0x1f && first[1] === 0x8b ? createGunzip() : first?.[0] === 0x78 && ((first[0] << 8) | first[1]!) % 31 === 0 ? createInflate() : null;
  // Whichever of the two fails or is left takes the other one along, with the open file; who reads is told.
  return decoder === null ? file : pipeline(file, decoder, () => undefined);
}
