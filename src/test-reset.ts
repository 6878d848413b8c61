import { existsSync } from "node:fs";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, request as send, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { postureOf, type Config } from "./config/index.ts";
import { AppError } from "./core/errors.ts";
import { startSlipway, type Slipway } from "./compose.ts";

/** Shows that a data folder holds nothing but what tests left. */
const marker = "test-reset";

/**
 * A server behind a small one that hands everything on, and that answers POST /__reset by ending it, emptying its data folder and starting it again: for tests that
 * need an empty server each. The real server knows nothing of this. Throws CONFIG_INVALID for a data folder that this did not make, for a database
 * elsewhere, and for an address that others can call.
 */
export async function startResettable(config: Config): Promise<Slipway> {
  await claim(config);
  let slipway = await startSlipway({ ...config, port: 0 });
  let resetting: Promise<void> | undefined;
  const reset = async (): Promise<void> => {
    await slipway.stop();
    for (const name of await readdir(config.data)) if (name !== marker) await rm(join(config.data, name), { recursive: true, force: true });
    slipway = await startSlipway({ ...config, port: 0, grpcPort: 0 });
  };
  const front = createServer((request, response) => {
    if (request.method !== "POST" || request.url !== "/__reset") return void handOn(request, response, slipway.httpPort);
    resetting = (resetting ?? Promise.resolve()).then(reset);
    resetting.then(() => response.writeHead(200, { "Content-Type": "application/json" }).end("{}"), () => response.writeHead(500).end());
  });
  await new Promise<void>((resolve, reject) => front.once("error", reject).listen(config.port, config.host, resolve));
  const { port } = front.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    httpPort: port,
    grpcPort: slipway.grpcPort,
    scoringPort: slipway.scoringPort,
    setupToken: null,
    whenReady: () => slipway.whenReady(),
    reloadCertificate: () => slipway.reloadCertificate(),
    async stop() {
      front.close();
      front.closeAllConnections();
      await resetting;
      await slipway.stop();
    },
  };
}

async function claim(config: Config): Promise<void> {
  if (config.databaseUrl !== undefined || config.artifacts !== undefined) throw new AppError("CONFIG_INVALID", "--test-reset empties a data folder; give it no database and no folder of artifacts elsewhere.");
  if (postureOf(config).mode !== "open") throw new AppError("CONFIG_INVALID", "--test-reset works only where no one but this machine can call: on loopback, without keys.");
  if (existsSync(config.data) && !existsSync(join(config.data, marker))) {
    throw new AppError("CONFIG_INVALID", "--test-reset empties its data folder, and this one was not made by it: give --data a folder that does not exist.");
  }
  await mkdir(config.data, { recursive: true });
  await writeFile(join(config.data, marker), "POST /__reset empties this folder.\n");
}

/** The server behind answers for its own port alone: the caller's Host becomes that where it was the front's. */
function handOn(request: IncomingMessage, response: ServerResponse, port: number): void {
  const { host = "", ...headers } = request.headers;
  const onward = send({ host: "127.0.0.1", port, method: request.method, path: request.url, headers: { ...headers, host: host.replace(/:\d+$/, `:${port}`) } }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  request.pipe(onward);
}
