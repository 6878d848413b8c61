import { fileURLToPath } from "node:url";

/** A server of models that needs more than the environment of the client tests. */
export interface UpstreamServerKind {
  name: string;
  /** Names the interpreter that has it. */
  variable: string;
  /** How Slipway is told to ask it, by a word for each way. */
  protocols: Readonly<Record<string, { protocol: string; format?: string; version?: string; hasMetadata?: boolean }>>;
  program: (python: string, folder: string) => {
    /** Runs of Python before it starts. */
    make?: readonly (readonly string[])[];
    portCount: number;
    readyPath: string;
    command: (ports: readonly number[]) => { files?: Readonly<Record<string, string>>; words: readonly string[]; environment?: Readonly<Record<string, string>> };
  };
}

const script = (name: string): string => fileURLToPath(new URL(`./upstream_${name}.py`, import.meta.url));
const scripts = fileURLToPath(new URL(".", import.meta.url));
const local = (port: number | undefined): string => `http://127.0.0.1:${port}`;

export const upstreamServers: readonly UpstreamServerKind[] = [
  {
    name: "TorchServe", variable: "SLIPWAY_TEST_PYTHON_TORCHSERVE",
    protocols: { torchserve: { protocol: "torchserve" }, "torchserve-version": { protocol: "torchserve", version: "1.0" } },
    program: (_python, folder) => ({
      make: [[script("torchserve"), folder]],
      portCount: 5, readyPath: "/ping",
      command: ([inference, management, metrics, ...grpc]) => ({
        files: {
          "config.properties": [
            `inference_address=${local(inference)}`, `management_address=${local(management)}`, `metrics_address=${local(metrics)}`,
            `grpc_inference_port=${grpc[0]}`, `grpc_management_port=${grpc[1]}`, "disable_token_authorization=true",
            // Joins what several callers ask for.
            'models={"weigh": {"1.0": {"defaultVersion": true, "marName": "weigh.mar", "minWorkers": 1, "maxWorkers": 1, "batchSize": 8, "maxBatchDelay": 20, "responseTimeout": 120}}}',
          ].join("\n"),
        },
        words: ["-m", "ts.model_server", "--start", "--foreground", "--ncs", "--model-store", folder, "--models", "weigh=weigh.mar", "--ts-config", "config.properties"],
      }),
    }),
  },
  {
    name: "SageMaker's inference toolkit", variable: "SLIPWAY_TEST_PYTHON_SAGEMAKER",
    protocols: { "sagemaker-csv": { protocol: "sagemaker", format: "csv" }, "sagemaker-json": { protocol: "sagemaker", format: "array" } },
    program: (_python, folder) => ({
      portCount: 2, readyPath: "/ping",
      command: ([inference, management]) => ({
        // As the toolkit itself starts it, but for the addresses.
        files: {
          "mms.properties": [
            "enable_envvars_config=true", "decode_input_request=false", "load_models=ALL", "default_workers_per_model=1",
            `inference_address=${local(inference)}`, `management_address=${local(management)}`, "default_service_handler=sagemaker_inference.default_handler_service",
          ].join("\n"),
        },
        words: ["-c", "from mms.model_server import start; start()", "--start", "--foreground", "--model-store", "/", "--mms-config", "mms.properties", "--models", `model=${folder}`],
        environment: { PYTHONPATH: scripts, SAGEMAKER_PROGRAM: "upstream_sagemaker.py", SAGEMAKER_BASE_DIR: folder },
      }),
    }),
  },
  {
    name: "KServe", variable: "SLIPWAY_TEST_PYTHON_KSERVE",
    protocols: { "kserve-v1": { protocol: "tf-serving", format: "instances" }, "kserve-v2": { protocol: "open-inference" } },
    program: () => ({ portCount: 1, readyPath: "/v2/models/weigh/ready", command: ([port]) => ({ words: [script("kserve"), String(port)] }) }),
  },
  {
    name: "MLServer", variable: "SLIPWAY_TEST_PYTHON_MLSERVER",
    protocols: { mlserver: { protocol: "open-inference", hasMetadata: true } },
    program: (_python, folder) => ({
      portCount: 3, readyPath: "/v2/models/weigh/ready",
      command: ([http, grpc, metrics]) => ({
        files: {
          "settings.json": JSON.stringify({ host: "127.0.0.1", http_port: http, grpc_port: grpc, metrics_port: metrics, parallel_workers: 0 }),
          "model-settings.json": JSON.stringify({
            name: "weigh", implementation: "upstream_mlserver.Weigh",
            inputs: [{ name: "features", datatype: "FP32", shape: [-1, 2] }], outputs: [{ name: "score", datatype: "FP32", shape: [-1, 1] }],
          }),
        },
        words: ["-c", "from mlserver.cli import main; main()", "start", folder],
        environment: { PYTHONPATH: scripts },
      }),
    }),
  },
];
