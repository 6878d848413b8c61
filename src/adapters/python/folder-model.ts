import { modelEnding } from "./bare-model-file.ts";

/** Where exports for the Hugging Face hub keep the model in ONNX, and in forms of Python. */
const hubNames = ["model.onnx", "onnx/model.onnx", "model.skops", "sklearn_model.joblib", "model.joblib", "model.pkl", "sklearn_model.pkl", "model.ubj", "model.pt"];

/** Small files that tell of a model in a folder. */
const tellers = ["config.json", "requirements.txt", "README.md"];

/** Beside other files these endings tell nothing. */
const isModel = (path: string): boolean => /\.onnx$/i.test(path) || (modelEnding(path) !== null && !/\.(json|txt)$/i.test(path));

/** Which of a folder's files is the model: that under a usual name, else the only one that is one. Null where it cannot be told. */
export function modelOfFolder(paths: readonly string[]): string | null {
  if (paths.length === 1) return /\.onnx$/i.test(paths[0]!) || modelEnding(paths[0]!) !== null ? paths[0]! : null;
  const usual = hubNames.find((path) => paths.includes(path));
  if (usual !== undefined) return usual;
  const models = paths.filter(isModel);
  return models.length === 1 ? models[0]! : null;
}

/**
 * What of a folder must be fetched to read its model. Repositories hold the same weights in many forms: those that no runtime here
 * takes stay where they are. A folder of MLflow is taken whole. Empty where there is no model.
 */
export function filesOfModel(paths: readonly string[]): ReadonlySet<string> {
  if (paths.includes("MLmodel")) return new Set(paths);
  const model = modelOfFolder(paths);
  return new Set(model === null ? [] : [model, ...tellers.filter((path) => paths.includes(path))]);
}

/** Weights that need the code of a library: no model alone. */
export function isWeightsAlone(paths: readonly string[]): boolean {
  return paths.includes("config.json") && paths.some((path) => /\.(safetensors|bin|gguf)$/.test(path));
}

export const weightsAloneAdvice = "holds the weights of a model without the code that runs it: export it to ONNX, or log it with mlflow.transformers.";
