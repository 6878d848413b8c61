import { Client, credentials } from "@grpc/grpc-js";
import { summary, type LoadResult } from "./http-load.ts";

const bytes = (message: Buffer): Buffer => message;

/** Closed loop of unary calls with a message that is encoded once; each caller has a channel of its own. */
export async function grpcLoad(port: number, path: string, message: Buffer, connections: number, seconds: number): Promise<LoadResult> {
  const times: number[] = [];
  let failures = 0;
  const clients = Array.from({ length: connections }, () => new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 }));
  const begin = performance.now();
  const end = begin + seconds * 1000;
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() < end) {
        const sentAt = performance.now();
        await new Promise<void>((resolve) => {
          client.makeUnaryRequest(path, bytes, bytes, message, (error) => {
            if (error !== null) failures++;
            resolve();
          });
        });
        times.push(performance.now() - sentAt);
      }
    }),
  );
  const elapsed = (performance.now() - begin) / 1000;
  for (const client of clients) client.close();
  return summary(times, failures, elapsed);
}
