import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SlipwayClient } from "../../src/index.ts";
import { conv224, linearModel, slowModel } from "../../test/kit/onnx-models.ts";
import { grpcLoad } from "./grpc-load.ts";
import { httpLoad, requestBytes, type LoadResult } from "./http-load.ts";
import { inferMessage } from "./infer-message.ts";
import { benchPython, startMlserver, trainTabular } from "./peer.ts";
import { memoryMiB, startFloor, startSlipway } from "./processes.ts";

interface Shape {
  model: string;
  file: string;
  input: string;
  widths: number[];
  output: string;
}

const inferPath = "/inference.GRPCInferenceService/ModelInfer";

/** Runs everything in turn: only one server works at a time, on the same machine, beside one load generator. */
export async function run({ quick }: { quick: boolean }): Promise<void> {
  const seconds = quick ? 1 : 2;
  const rounds = quick ? 1 : 3;
  const directory = mkdtempSync(join(tmpdir(), "slipway-bench-"));
  try {
    const python = benchPython();
    const tabular: Shape = { model: "tabular", file: join(directory, "tabular.onnx"), input: "X", widths: [10], output: "probabilities" };
    if (python !== undefined) trainTabular(python, directory);
    else {
      writeFileSync(tabular.file, linearModel({ weights: Array.from({ length: 10 }, (_, index) => index / 10) }));
      Object.assign(tabular, { input: "features", output: "probability" });
      console.log("No Python with bench/peers/requirements.txt (SLIPWAY_BENCH_PYTHON): the peer is left out.\n");
    }
    const image: Shape = { model: "image", file: join(directory, "image.onnx"), input: "image", widths: [3, 224, 224], output: "probabilities" };
    writeFileSync(image.file, conv224());
    await throughput(tabular, [1, 32], { seconds, rounds, directory, python });
    await throughput(image, [1, 8], { seconds: 3, rounds, directory, python: undefined });
    await health(directory, seconds);
    await coldStart(directory, quick ? 2 : 5);
    await manyModels(directory, quick ? [1, 10] : [1, 10, 100], tabular);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Settings {
  seconds: number;
  rounds: number;
  directory: string;
  python: string | undefined;
}

type Line = { name: string; load: (connections: number) => Promise<LoadResult>; floor?: string; peer?: boolean };

async function throughput(shape: Shape, connectionCounts: readonly number[], { seconds, rounds, directory, python }: Settings): Promise<void> {
  const values = Float32Array.from({ length: shape.widths.reduce((a, b) => a * b) }, (_, index) => Math.fround(((index * 7919) % 1000) / 500 - 1));
  const whole = [1, ...shape.widths];
  const json = (output: string): Buffer => Buffer.from(JSON.stringify({ inputs: [{ name: shape.input, shape: whole, datatype: "FP32", data: Array.from(values) }], outputs: [{ name: output }] }));
  const header = Buffer.from(JSON.stringify({ inputs: [{ name: shape.input, shape: whole, datatype: "FP32", parameters: { binary_data_size: values.byteLength } }], outputs: [{ name: shape.output, parameters: { binary_data: true } }] }));
  const binary = Buffer.concat([header, Buffer.from(values.buffer)]);
  const binaryHeaders = { "Inference-Header-Content-Length": String(header.length) };
  const jsonHeaders = { "Content-Type": "application/json" };
  const path = `/v2/models/${shape.model}/infer`;
  const parameters = [shape.file, shape.input, shape.widths.join("x"), shape.output];

  const floor = await startFloor("http-floor.ts", ...parameters);
  const grpcFloor = await startFloor("grpc-floor.ts", ...parameters);
  const slipway = await startSlipway(join(directory, `data-${shape.model}`));
  await new SlipwayClient({ url: String(slipway.facts.url) }).deploy({ file: shape.file, name: shape.model });
  const http = (port: number, body: Buffer, headers: Record<string, string>) => {
    const request = requestBytes(port, path, headers, body);
    return (connections: number) => httpLoad(port, request, connections, seconds);
  };
  const grpc = (port: number) => {
    const message = inferMessage(shape.model, shape.input, whole, values);
    return (connections: number) => grpcLoad(port, inferPath, message, connections, seconds);
  };
  const lines: Line[] = [
    { name: "floor JSON", load: http(floor.facts.port!, json(shape.output), jsonHeaders) },
    { name: "Slipway JSON", load: http(slipway.facts.httpPort!, json(shape.output), jsonHeaders), floor: "floor JSON" },
    { name: "floor binary", load: http(floor.facts.port!, binary, binaryHeaders) },
    { name: "Slipway binary", load: http(slipway.facts.httpPort!, binary, binaryHeaders), floor: "floor binary" },
    { name: "floor gRPC", load: grpc(grpcFloor.facts.port!) },
    { name: "Slipway gRPC", load: grpc(slipway.facts.grpcPort!), floor: "floor gRPC" },
  ];
  const results = await measure(lines, connectionCounts, rounds);
  if (python !== undefined) {
    for (const workers of [0, 1, 2]) {
      const peer = await startMlserver(python, directory, workers);
      const line: Line = { name: `MLServer JSON, ${workers} workers`, load: http(peer.port, json("predict_proba"), jsonHeaders), peer: true };
      results.push(...(await measure([line], connectionCounts, rounds)));
      await peer.stop();
    }
  }
  report(`${shape.model} [1, ${shape.widths.join(", ")}]`, results, connectionCounts);
  await Promise.all([floor.stop(), grpcFloor.stop(), slipway.stop()]);
}

type Measured = Line & { connections: number; result: LoadResult };

/** Rounds are interleaved over the lines, so that a noisy moment of the machine meets all; the median round counts. */
async function measure(lines: readonly Line[], connectionCounts: readonly number[], rounds: number): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (const connections of connectionCounts) {
    const all = lines.map((): LoadResult[] => []);
    for (const line of lines) await line.load(connections); // warms up
    for (let round = 0; round < rounds; round++) for (const [index, line] of lines.entries()) all[index]!.push(await line.load(connections));
    lines.forEach((line, index) => {
      const sorted = all[index]!.sort((a, b) => a.requestsPerSecond - b.requestsPerSecond);
      measured.push({ ...line, connections, result: sorted[sorted.length >> 1]! });
    });
  }
  return measured;
}

function report(title: string, results: readonly Measured[], connectionCounts: readonly number[]): void {
  console.log(`\n${title}`);
  console.log("connections  line                       requests/s   p50 ms   p99 ms  of floor  added p50 us  failures");
  for (const connections of connectionCounts) {
    const own = results.filter((measured) => measured.connections === connections);
    for (const { name, result, floor } of own) {
      const base = own.find((candidate) => candidate.name === floor)?.result;
      const share = base === undefined ? "" : `${((result.requestsPerSecond / base.requestsPerSecond) * 100).toFixed(0)}%`;
      const added = base === undefined ? "" : ((result.p50 - base.p50) * 1000).toFixed(0);
      console.log(
        `${String(connections).padStart(11)}  ${name.padEnd(26)} ${result.requestsPerSecond.toFixed(0).padStart(10)} ${result.p50.toFixed(3).padStart(8)} ${result.p99.toFixed(3).padStart(8)} ${share.padStart(9)} ${added.padStart(13)} ${String(result.failures).padStart(9)}`,
      );
    }
    const peers = own.filter(({ peer }) => peer === true);
    const slipway = own.find(({ name }) => name === "Slipway JSON");
    if (peers.length > 0 && slipway !== undefined) {
      const best = peers.reduce((a, b) => (a.result.requestsPerSecond > b.result.requestsPerSecond ? a : b));
      console.log(`${" ".repeat(13)}Slipway JSON is ${(slipway.result.requestsPerSecond / best.result.requestsPerSecond).toFixed(1)} times ${best.name}`);
    }
  }
}

/** A 30 ms model at full load, beside a caller of /health. */
async function health(directory: string, seconds: number): Promise<void> {
  const slipway = await startSlipway(join(directory, "data-health"));
  const client = new SlipwayClient({ url: String(slipway.facts.url) });
  const file = join(directory, "slow.onnx");
  writeFileSync(file, slowModel(30));
  await client.deploy({ file, name: "slow" });
  const body = Buffer.from(JSON.stringify({ inputs: [{ name: "x", shape: [1, 1], datatype: "FP32", data: [1] }] }));
  const port = slipway.facts.httpPort!;
  const request = requestBytes(port, "/v2/models/slow/infer", { "Content-Type": "application/json" }, body);
  const [warm] = (await client.model("slow")).served;
  const load = httpLoad(port, request, 16, seconds * 2);
  const probe = Buffer.from(`GET /health HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const answers = await httpLoad(port, probe, 1, seconds * 2 - 0.5);
  const result = await load;
  console.log(`\n/health beside a model of ${warm!.warmup[0]!.milliseconds.toFixed(0)} ms a run at full load (16 callers, ${result.requestsPerSecond.toFixed(0)} requests/s): p50 ${answers.p50.toFixed(2)} ms, p99 ${answers.p99.toFixed(2)} ms (target under 20), failures ${answers.failures + result.failures}`);
  await slipway.stop();
}

async function coldStart(directory: string, rounds: number): Promise<void> {
  const times: number[] = [];
  let idle = NaN;
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now();
    const slipway = await startSlipway(join(directory, "data-cold"));
    await fetch(`http://127.0.0.1:${slipway.facts.httpPort}/ready`);
    times.push(performance.now() - begin);
    // What the start needed is given back after five seconds without work.
    if (round === rounds - 1) {
      await new Promise((resolve) => setTimeout(resolve, 7000));
      idle = memoryMiB(slipway.child.pid!);
    }
    await slipway.stop();
  }
  times.sort((a, b) => a - b);
  console.log(`\nCold start of \`slipway up\` to ready: median ${times[times.length >> 1]!.toFixed(0)} ms of ${rounds} (target under 1500); idle memory ${idle.toFixed(0)} MiB (target under 200)`);
}

async function manyModels(directory: string, counts: readonly number[], shape: Shape): Promise<void> {
  console.log("\nmodels loaded   memory MiB   per model   deploy ms   restart to ready ms   p50 ms of one caller");
  for (const count of counts) {
    const data = join(directory, `data-many-${count}`);
    let slipway = await startSlipway(data);
    const client = new SlipwayClient({ url: String(slipway.facts.url) });
    const idle = memoryMiB(slipway.child.pid!);
    const begin = performance.now();
    for (let index = 0; index < count; index++) await client.deploy({ file: shape.file, name: `model-${index}` });
    const deploy = (performance.now() - begin) / count;
    await slipway.stop();
    const again = performance.now();
    slipway = await startSlipway(data);
    while (!(await fetch(`http://127.0.0.1:${slipway.facts.httpPort}/ready`)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
    const restart = performance.now() - again;
    const memory = memoryMiB(slipway.child.pid!);
    const body = Buffer.from(JSON.stringify({ inputs: [{ name: shape.input, shape: [1, ...shape.widths], datatype: "FP32", data: Array.from({ length: shape.widths[0]! }, () => 0.5) }] }));
    const port = slipway.facts.httpPort!;
    const result = await httpLoad(port, requestBytes(port, `/v2/models/model-${count - 1}/infer`, {}, body), 1, 1);
    console.log(`${String(count).padStart(13)} ${memory.toFixed(0).padStart(12)} ${((memory - idle) / count).toFixed(1).padStart(11)} ${deploy.toFixed(0).padStart(11)} ${restart.toFixed(0).padStart(21)} ${result.p50.toFixed(3).padStart(22)}`);
    await slipway.stop();
  }
}
