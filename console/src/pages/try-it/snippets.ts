import type { ExampleTensor } from "../../data/types.ts";

export interface SnippetRequest {
  origin: string;
  model: string;
  /** Null asks for the champion. */
  version: string | null;
  /** The body as JSON text. */
  body: string;
}

interface Body {
  inputs: (Pick<ExampleTensor, "name" | "shape" | "datatype"> & { data: unknown[] })[];
}

/** Bodies beyond this are not written out in a snippet. */
const maxBody = 2000;

export function inferPath({ model, version }: Pick<SnippetRequest, "model" | "version">): string {
  return version === null ? `/v2/models/${model}/infer` : `/v2/models/${model}/versions/${version}/infer`;
}

export function curlSnippet(request: SnippetRequest): string {
  const url = request.origin + inferPath(request);
  if (request.body.length > maxBody) return `curl ${url} \\\n  --json @request.json   # {"inputs": [{"name", "datatype", "shape", "data"}]}`;
  return `curl ${url} \\\n  --json '${request.body.replaceAll("'", "'\\''")}'`;
}

const numpyTypes: Record<string, string> = {
  BOOL: "np.bool_", UINT8: "np.uint8", UINT16: "np.uint16", UINT32: "np.uint32", UINT64: "np.uint64", INT8: "np.int8", INT16: "np.int16", INT32: "np.int32", INT64: "np.int64",
  FP16: "np.float16", FP32: "np.float32", FP64: "np.float64", BYTES: "np.object_",
};

export function pythonSnippet(request: SnippetRequest): string {
  const { inputs } = JSON.parse(request.body) as Body;
  const host = request.origin.replace(/^https?:\/\//, "");
  const version = request.version === null ? "" : `, model_version="${request.version}"`;
  return [
    "import numpy as np",
    "import tritonclient.http as triton",
    "",
    `client = triton.InferenceServerClient("${host}"${request.origin.startsWith("https") ? ", ssl=True" : ""})`,
    "inputs = []",
    "for name, datatype, values in [",
    ...inputs.map((input) => `    (${JSON.stringify(input.name)}, "${input.datatype}", ${numpyArray(input)}),`),
    "]:",
    "    tensor = triton.InferInput(name, list(values.shape), datatype)",
    "    tensor.set_data_from_numpy(values)",
    "    inputs.append(tensor)",
    "",
    `result = client.infer("${request.model}", inputs${version})`,
    'for output in result.get_response()["outputs"]:',
    '    print(output["name"], result.as_numpy(output["name"]))',
  ].join("\n");
}

function numpyArray({ data, shape, datatype }: Body["inputs"][number]): string {
  const type = numpyTypes[datatype];
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const values = (data.flat(Infinity) as unknown[]).map((value) => (value === null ? "np.nan" : value === true ? "True" : value === false ? "False" : JSON.stringify(value)));
  const text = values.join(", ");
  if (text.length > 400) return `np.zeros(${tuple}, ${type})`;
  if (shape.length === 1) return `np.array([${text}], ${type})`;
  // One row is nested as it is read; other shapes are easier told than nested.
  return shape.length === 2 && shape[0] === 1 ? `np.array([[${text}]], ${type})` : `np.array([${text}], ${type}).reshape(${tuple})`;
}

export function typescriptSnippet(request: SnippetRequest): string {
  const url = request.origin + inferPath(request);
  const { inputs } = JSON.parse(request.body) as Body;
  const body = request.body.length > maxBody
    ? inputs.map(({ name, datatype, shape }) => `    { name: ${JSON.stringify(name)}, datatype: "${datatype}", shape: [${shape.join(", ")}], data: values },`)
    : inputs.map((input) => `    { name: ${JSON.stringify(input.name)}, datatype: "${input.datatype}", shape: [${input.shape.join(", ")}], data: ${JSON.stringify(input.data)} },`);
  return [
    `const response = await fetch("${url}", {`, '  method: "POST",', '  headers: { "Content-Type": "application/json" },', "  body: JSON.stringify({ inputs: [", ...body, "  ] }),", "});",
    "if (!response.ok) throw new Error((await response.json()).error);", "const { outputs } = await response.json();", "for (const { name, shape, data } of outputs) console.log(name, shape, data);",
  ].join("\n");
}
