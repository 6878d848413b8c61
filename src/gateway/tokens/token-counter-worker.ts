import { parentPort } from "node:worker_threads";
import { countTokens } from "./count-tokens.ts";
import type { CountAnswer, CountOrder } from "./token-counter.ts";
import { loadEncoding, type CountPiece, type EncodingName } from "./token-encoding.ts";

const encodings = new Map<EncodingName, Promise<CountPiece>>();

async function answer({ id, texts, encoding }: CountOrder): Promise<void> {
  let loading = encodings.get(encoding);
  if (loading === undefined) encodings.set(encoding, (loading = loadEncoding(encoding)));
  const countPiece = await loading;
  let tokens = 0;
  let exact = true;
  for (const text of texts) {
    const count = countTokens(text, countPiece);
    tokens += count.tokens;
    exact &&= count.exact;
  }
  parentPort?.postMessage({ id, tokens, exact } satisfies CountAnswer);
}

parentPort?.on("message", (order: CountOrder) => void answer(order));
