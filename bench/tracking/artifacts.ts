import { createReadStream, createWriteStream, openSync, fsyncSync, closeSync, readFileSync, writeSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { memoryMiB } from "../serving/processes.ts";

interface Settings {
  url: string;
  serverProcess: number;
  megabytes: number;
  directory: string;
}

/** One large file up and down, beside a bare server that pipes it to and from a file and syncs it. */
export async function measureArtifacts({ url, serverProcess, megabytes, directory }: Settings): Promise<void> {
  const source = join(directory, "large.bin");
  writeLarge(source, megabytes);
  const stored = join(directory, "floor.bin");
  const floor = createServer((incoming, response) => {
    if (incoming.method === "PUT") {
      void pipeline(incoming, createWriteStream(stored)).then(() => {
        const file = openSync(stored, "r");
        fsyncSync(file);
        closeSync(file);
        response.end("{}");
      });
    } else void pipeline(createReadStream(stored), response);
  });
  await new Promise<void>((resolve) => floor.listen(0, "127.0.0.1", resolve));
  const floorUrl = `http://127.0.0.1:${(floor.address() as { port: number }).port}/file`;
  const place = `${url}/api/2.0/mlflow-artifacts/artifacts/0/large/artifacts/large.bin`;
  const before = memoryMiB(serverProcess);
  const rates = { floorUp: [] as number[], up: [] as number[], floorDown: [] as number[], down: [] as number[] };
  let highest = 0;
  const watch = setInterval(() => (highest = Math.max(highest, residentMiB(serverProcess))), 50);
  for (let round = 0; round < 3; round++) {
    rates.floorUp.push(await upload(floorUrl, source, megabytes));
    rates.up.push(await upload(place, source, megabytes));
    rates.floorDown.push(await download(floorUrl, megabytes));
    rates.down.push(await download(place, megabytes));
  }
  clearInterval(watch);
  floor.close();
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;
  console.log(`\nOne artifact of ${megabytes} MB over HTTP\n\n| | bare server, MB/s | Slipway, MB/s | of its floor |\n| --- | --- | --- | --- |`);
  for (const [name, own, base] of [["up", rates.up, rates.floorUp], ["down", rates.down, rates.floorDown]] as const) {
    console.log(`| ${name} | ${median(base).toFixed(0)} | ${median(own).toFixed(0)} | ${((median(own) / median(base)) * 100).toFixed(0)}% |`);
  }
  console.log(`\nMemory of the server: ${before.toFixed(0)} MiB before, at most ${highest.toFixed(0)} MiB resident meanwhile`);
}

function writeLarge(path: string, megabytes: number): void {
  const piece = Buffer.alloc(1 << 20);
  for (let index = 0; index < piece.length; index++) piece[index] = (index * 31) & 255;
  const file = openSync(path, "w");
  for (let index = 0; index < megabytes; index++) writeSync(file, piece);
  fsyncSync(file);
  closeSync(file);
}

function residentMiB(processId: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1] ?? NaN) / 1024;
}

async function upload(url: string, path: string, megabytes: number): Promise<number> {
  const begin = performance.now();
  await new Promise<void>((resolve, reject) => {
    const sent = request(url, { method: "PUT", headers: { "Content-Length": megabytes * (1 << 20) } }, (response) => {
      response.resume();
      response.on("end", () => (response.statusCode === 200 ? resolve() : reject(new Error(`Upload: ${response.statusCode}`))));
    });
    sent.on("error", reject);
    createReadStream(path, { highWaterMark: 1 << 18 }).pipe(sent);
  });
  return megabytes / ((performance.now() - begin) / 1000);
}

async function download(url: string, megabytes: number): Promise<number> {
  const begin = performance.now();
  const bytes = await new Promise<number>((resolve, reject) => {
    request(url, (response) => {
      let received = 0;
      response.on("data", (chunk: Buffer) => (received += chunk.length));
      response.on("end", () => resolve(received));
      response.on("error", reject);
    }).on("error", reject).end();
  });
  if (bytes !== megabytes * (1 << 20)) throw new Error(`The download has ${bytes} bytes.`);
  return megabytes / ((performance.now() - begin) / 1000);
}
